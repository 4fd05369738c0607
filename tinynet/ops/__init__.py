"""Differentiable operations on Tensors: a Function and a public function of each.

Each module's `__all__` lists its functions that torch has at its top level: they are `tinynet.exp` and so on.
What only Tensor's methods, `nn.functional` or other operations call is imported by name.
"""

from tinynet.ops import (
    activation,
    arithmetic,
    broadcasting,
    comparison,
    creation,
    division,
    elementwise,
    extremes,
    gathering,
    indexing,
    joining,
    linear,
    ordering,
    products,
    reduce,
    rounding,
    sampling,
    scan,
    shape,
    smooth,
    sorting,
    special,
    statistics,
    trigonometry,
    values,
)
from tinynet.ops.activation import *
from tinynet.ops.activation import (
    glu,
    hardsigmoid,
    hardtanh,
    leaky_relu,
    softshrink,
    softsign,
    tanhshrink,
)
from tinynet.ops.arithmetic import *
from tinynet.ops.broadcasting import *
from tinynet.ops.broadcasting import expand
from tinynet.ops.comparison import *
from tinynet.ops.comparison import bitwise, compare
from tinynet.ops.conv import conv2d, conv_transpose2d, fold, unfold
from tinynet.ops.creation import *
from tinynet.ops.division import *
from tinynet.ops.einsum import einsum
from tinynet.ops.elementwise import *
from tinynet.ops.elementwise import cast, to_device
from tinynet.ops.extremes import *
from tinynet.ops.gathering import *
from tinynet.ops.gathering import one_hot
from tinynet.ops.indexing import *
from tinynet.ops.indexing import getitem, setitem
from tinynet.ops.inplace import filled_like, in_place, view_in_place
from tinynet.ops.joining import *
from tinynet.ops.joining import repeat
from tinynet.ops.linear import *
from tinynet.ops.linear import linear_layer
from tinynet.ops.normalization import batch_norm, channel_affine, standardize
from tinynet.ops.ordering import *
from tinynet.ops.ordering import windows
from tinynet.ops.padding import pad
from tinynet.ops.pool import adaptive_max_pool2d, avg_pool2d, max_pool2d, max_unpool2d, mean_pixels
from tinynet.ops.products import *
from tinynet.ops.reduce import *
from tinynet.ops.reduce import sum_to
from tinynet.ops.resample import resample
from tinynet.ops.rounding import *
from tinynet.ops.sampling import *
from tinynet.ops.scan import *
from tinynet.ops.shape import *
from tinynet.ops.shape import alias, contiguous, is_contiguous, stride, view
from tinynet.ops.smooth import *
from tinynet.ops.smooth import elu, gelu, hardswish, logsigmoid, mish, silu, softplus
from tinynet.ops.sorting import *
from tinynet.ops.special import *
from tinynet.ops.statistics import *
from tinynet.ops.trigonometry import *
from tinynet.ops.values import *

__all__ = ["einsum"]
__all__ += activation.__all__
__all__ += arithmetic.__all__
__all__ += broadcasting.__all__
__all__ += comparison.__all__
__all__ += creation.__all__
__all__ += division.__all__
__all__ += elementwise.__all__
__all__ += extremes.__all__
__all__ += gathering.__all__
__all__ += indexing.__all__
__all__ += joining.__all__
__all__ += linear.__all__
__all__ += ordering.__all__
__all__ += products.__all__
__all__ += reduce.__all__
__all__ += rounding.__all__
__all__ += sampling.__all__
__all__ += scan.__all__
__all__ += shape.__all__
__all__ += smooth.__all__
__all__ += sorting.__all__
__all__ += special.__all__
__all__ += statistics.__all__
__all__ += trigonometry.__all__
__all__ += values.__all__
