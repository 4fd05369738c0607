"""tinynet: a reverse-mode autograd engine on NumPy and CuPy arrays, with PyTorch's names.

`import tinynet as torch` runs ordinary model code. Start reading at `tinynet.tensor`, `tinynet.autograd` and
`tinynet.ops`; the arithmetic is in `tinynet.kernels.generic`.
"""

from tinynet import ops  # isort: skip  (first: ops needs Function and Tensor, which call ops only when used)
from tinynet import aliases, amp, autograd, backends, cuda, hub, jit, nn, optim, random, utils
from tinynet.autograd import enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled
from tinynet.amp import autocast
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
from tinynet.generator import Generator
from tinynet.ops import *
from tinynet.random import get_rng_state, initial_seed, manual_seed, set_rng_state
from tinynet.tensor import Tensor
from tinynet.threads import get_num_threads, set_num_threads

__version__ = "0.1.0"

aliases.install_finder()
