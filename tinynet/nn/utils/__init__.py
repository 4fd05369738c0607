"""Gradient clipping, parameters as one vector, weight and spectral normalisation, fusion for evaluation."""

from tinynet.nn.utils import clip_grad, convert_parameters, fusion
from tinynet.nn.utils.clip_grad import (
    clip_grad_norm,
    clip_grad_norm_,
    clip_grad_value_,
    clip_grads_with_norm_,
    get_total_norm,
)
from tinynet.nn.utils.convert_parameters import parameters_to_vector, vector_to_parameters
from tinynet.nn.utils.fusion import (
    fuse_conv_bn_eval,
    fuse_conv_bn_weights,
    fuse_linear_bn_eval,
    fuse_linear_bn_weights,
)
from tinynet.nn.utils.spectral_norm import remove_spectral_norm, spectral_norm
from tinynet.nn.utils.weight_norm import remove_weight_norm, weight_norm
