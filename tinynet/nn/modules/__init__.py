"""The layers, file by file, under the names of torch.nn.modules."""

from tinynet.nn.modules import (
    activation,
    batchnorm,
    channelshuffle,
    container,
    conv,
    distance,
    dropout,
    flatten,
    fold,
    instancenorm,
    linear,
    loss,
    module,
    normalization,
    padding,
    pixelshuffle,
    pooling,
    sparse,
    transformer,
    upsampling,
    utils,
)
from tinynet.nn.modules.activation import *
from tinynet.nn.modules.batchnorm import *
from tinynet.nn.modules.channelshuffle import *
from tinynet.nn.modules.container import *
from tinynet.nn.modules.conv import *
from tinynet.nn.modules.distance import *
from tinynet.nn.modules.dropout import *
from tinynet.nn.modules.flatten import *
from tinynet.nn.modules.fold import *
from tinynet.nn.modules.instancenorm import *
from tinynet.nn.modules.linear import *
from tinynet.nn.modules.loss import *
from tinynet.nn.modules.module import *
from tinynet.nn.modules.normalization import *
from tinynet.nn.modules.padding import *
from tinynet.nn.modules.pixelshuffle import *
from tinynet.nn.modules.pooling import *
from tinynet.nn.modules.sparse import *
from tinynet.nn.modules.transformer import *
from tinynet.nn.modules.upsampling import *
