"""Functions of layers, with torch's signatures. Arguments are checked here, once, with torch's vocabulary."""

from tinynet.nn.functional import (
    activation,
    adaptive_pool,
    attention,
    classification,
    conv,
    distance,
    loss,
    normalization,
    pool,
    resample,
)
from tinynet.nn.functional.activation import *
from tinynet.nn.functional.adaptive_pool import *
from tinynet.nn.functional.attention import *
from tinynet.nn.functional.classification import *
from tinynet.nn.functional.conv import *
from tinynet.nn.functional.distance import *
from tinynet.nn.functional.dropout import (
    alpha_dropout,
    dropout,
    dropout1d,
    dropout2d,
    dropout3d,
    feature_alpha_dropout,
)
from tinynet.nn.functional.embedding import embedding
from tinynet.nn.functional.fold import channel_shuffle, fold, pixel_shuffle, pixel_unshuffle, unfold
from tinynet.nn.functional.linear import bilinear, linear
from tinynet.nn.functional.loss import *
from tinynet.nn.functional.normalization import *
from tinynet.nn.functional.pool import *
from tinynet.nn.functional.resample import *
from tinynet.ops import one_hot, pad

__all__ = [
    *activation.__all__,
    *adaptive_pool.__all__,
    *attention.__all__,
    *classification.__all__,
    *conv.__all__,
    *distance.__all__,
    *loss.__all__,
    *normalization.__all__,
    *pool.__all__,
    *resample.__all__,
    "channel_shuffle",
    "fold",
    "pixel_shuffle",
    "pixel_unshuffle",
    "unfold",
    "alpha_dropout",
    "bilinear",
    "dropout",
    "dropout1d",
    "dropout2d",
    "dropout3d",
    "embedding",
    "feature_alpha_dropout",
    "linear",
    "one_hot",
    "pad",
]
