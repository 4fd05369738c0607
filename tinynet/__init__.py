"""tinynet: a reverse-mode autograd engine on NumPy and CuPy arrays, with PyTorch's names.

`import tinynet as torch` runs ordinary model code. Start reading at `tinynet.tensor`, `tinynet.autograd` and
`tinynet.ops`; the arithmetic is in `tinynet.kernels.generic`.
"""

from math import e, inf, nan, pi

from tinynet import ops  # isort: skip  (first: ops needs Function and Tensor, which call ops only when used)
from tinynet import (
    aliases,
    amp,
    autograd,
    backends,
    cuda,
    distributed,
    distributions,
    hub,
    jit,
    nn,
    optim,
    random,
    utils,
)
from tinynet.amp import autocast
from tinynet.autograd import enable_grad, inference_mode, is_grad_enabled, no_grad, set_grad_enabled
from tinynet.backend import BackendUnavailable, device
from tinynet.creation import get_default_dtype, set_default_dtype
from tinynet.dtypes import *
from tinynet.generator import Generator
from tinynet.inspection import finfo, iinfo, is_floating_point, is_tensor, numel
from tinynet.memory_format import channels_last, contiguous_format, memory_format, preserve_format
from tinynet.nn.functional import (
    adaptive_avg_pool1d,
    adaptive_max_pool1d,
    avg_pool1d,
    bilinear,
    channel_shuffle,
    conv1d,
    conv2d,
    conv_transpose1d,
    conv_transpose2d,
    cosine_similarity,
    dropout,
    group_norm,
    layer_norm,
    max_pool1d,
    max_pool2d,
    pairwise_distance,
    pixel_shuffle,
    pixel_unshuffle,
    rms_norm,
)
from tinynet.ops import *
from tinynet.random import get_rng_state, initial_seed, manual_seed, set_rng_state
from tinynet.serialization import load, save
from tinynet.tensor import Size, Tensor
from tinynet.threads import get_num_threads, set_num_threads

__version__ = "0.1.0"
newaxis = None

aliases.install_finder()
