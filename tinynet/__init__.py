"""tinynet: a reverse-mode autograd engine on NumPy and CuPy arrays, with PyTorch's names.

`import tinynet as torch` runs ordinary model code. Start reading at `tinynet.tensor`, `tinynet.autograd` and
`tinynet.ops`; the arithmetic is in `tinynet.kernels.generic`.
"""

from tinynet import ops  # isort: skip  (first: ops needs Function and Tensor, which call ops only when used)
from tinynet import autograd, nn, optim, random
from tinynet.autograd import enable_grad, is_grad_enabled, no_grad, set_grad_enabled
from tinynet.backend import BackendUnavailable, device
from tinynet.creation import (
    arange,
    empty,
    eye,
    float32,
    float64,
    from_numpy,
    full,
    full_like,
    int32,
    int64,
    ones,
    ones_like,
    rand,
    randn,
    tensor,
    uint8,
    zeros,
    zeros_like,
)
from tinynet.creation import bool_ as bool
from tinynet.ops import (
    abs,
    add,
    amax,
    argmax,
    cat,
    div,
    exp,
    flatten,
    log,
    log_softmax,
    matmul,
    mean,
    mul,
    neg,
    permute,
    pow,
    relu,
    reshape,
    sigmoid,
    softmax,
    sqrt,
    squeeze,
    stack,
    sub,
    sum,
    tanh,
    transpose,
    unsqueeze,
    where,
)
from tinynet.random import initial_seed, manual_seed
from tinynet.tensor import Tensor
from tinynet.threads import get_num_threads, set_num_threads

__version__ = "0.1.0"
