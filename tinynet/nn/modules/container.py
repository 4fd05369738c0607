"""Modules that hold modules or parameters, under the name of torch.nn.modules.container."""

from tinynet.nn.container import ModuleDict, ModuleList, Sequential
from tinynet.nn.parameter_container import ParameterDict, ParameterList

__all__ = ["ModuleDict", "ModuleList", "ParameterDict", "ParameterList", "Sequential"]
