"""Layers with torch's names, defaults and state-dict keys."""

from tinynet.nn import (
    activation,
    conv,
    distance,
    dropout,
    fold,
    functional,
    init,
    loss,
    modules,
    normalization,
    padding,
    parallel,
    pixelshuffle,
    pool,
    softmax,
    upsampling,
    utils,
)
from tinynet.nn.activation import *
from tinynet.nn.attention import MultiheadAttention
from tinynet.nn.container import ModuleDict, ModuleList, Sequential
from tinynet.nn.conv import *
from tinynet.nn.data_parallel import DataParallel, SyncBatchNorm
from tinynet.nn.distance import *
from tinynet.nn.dropout import *
from tinynet.nn.embedding import Embedding
from tinynet.nn.flatten import Flatten, Unflatten
from tinynet.nn.fold import *
from tinynet.nn.linear import Bilinear, Identity, Linear
from tinynet.nn.loss import *
from tinynet.nn.module import Module
from tinynet.nn.normalization import *
from tinynet.nn.padding import *
from tinynet.nn.parameter import Buffer, Parameter
from tinynet.nn.parameter_container import ParameterDict, ParameterList
from tinynet.nn.pixelshuffle import *
from tinynet.nn.pool import *
from tinynet.nn.softmax import *
from tinynet.nn.transformer import TransformerEncoder, TransformerEncoderLayer
from tinynet.nn.upsampling import *

__all__ = [
    *activation.__all__,
    *conv.__all__,
    *distance.__all__,
    *dropout.__all__,
    *fold.__all__,
    *loss.__all__,
    *normalization.__all__,
    *padding.__all__,
    *pixelshuffle.__all__,
    *pool.__all__,
    *upsampling.__all__,
    *softmax.__all__,
    "Bilinear",
    "Buffer",
    "DataParallel",
    "Embedding",
    "Flatten",
    "Identity",
    "Linear",
    "Module",
    "ModuleDict",
    "ModuleList",
    "MultiheadAttention",
    "Parameter",
    "ParameterDict",
    "ParameterList",
    "Sequential",
    "SyncBatchNorm",
    "TransformerEncoder",
    "TransformerEncoderLayer",
    "Unflatten",
    "functional",
    "init",
    "modules",
    "parallel",
    "utils",
]
