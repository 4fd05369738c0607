"""A weight as direction and length, both trained."""

from __future__ import annotations

from typing import Any

from tinynet import ops
from tinynet.grad_mode import no_grad
from tinynet.nn.module import Module
from tinynet.nn.parameter import Parameter
from tinynet.tensor import Tensor


class WeightNorm:
    """The hook that makes weight = g * v / |v| before each call of a module."""

    def __init__(self, name: str, dim: int | None) -> None:
        self.name, self.dim = name, dim

    def norm(self, v: Tensor) -> Tensor:
        """Return the norms of v over all axes but `dim`, which stays; over all, 0-d, if it is None."""
        squares = v * v
        if self.dim is None or self.dim == -1:
            return ops.sqrt(squares.sum())
        axes = tuple(axis for axis in range(v.ndim) if axis != self.dim % v.ndim)
        return ops.sqrt(squares.sum(axes, keepdim=True) if axes else squares)

    def compute_weight(self, module: Any) -> Tensor:
        """Return the weight."""
        v = getattr(module, f"{self.name}_v")
        return v * (getattr(module, f"{self.name}_g") / self.norm(v))

    def __call__(self, module: Any, args: Any) -> None:
        """Set the weight."""
        setattr(module, self.name, self.compute_weight(module))


def weight_norm(module: Any, name: str = "weight", dim: int | None = 0) -> Any:
    """Replace a parameter by its length, name + "_g", and direction, name + "_v", and return the module.

    Args:    dim: the axis along which lengths are kept apart; None (or -1, as in torch): one length for all
    Raises:  RuntimeError: the parameter is normalised so already
    Source:  Salimans, Kingma 2016 (arXiv 1602.07868)
    """
    if _hook_of(module, name) is not None:
        raise RuntimeError(f"Cannot register two weight_norm hooks on the same parameter {name}")
    hook = WeightNorm(name, dim)
    weight = getattr(module, name)
    del module._parameters[name]
    with no_grad():
        module.register_parameter(f"{name}_g", Parameter(hook.norm(weight).detach()))
    module.register_parameter(f"{name}_v", Parameter(weight.detach()))
    hook(module, ())
    module.register_forward_pre_hook(hook)
    return module


def remove_weight_norm(module: Any, name: str = "weight") -> Any:
    """Make the weight a parameter again, and return the module.

    Raises:  ValueError: weight_norm was not applied to it
    """
    number = _hook_of(module, name)
    if number is None:
        raise ValueError(f"weight_norm of '{name}' not found in {module}")
    with no_grad():
        weight = module._forward_pre_hooks.pop(number).compute_weight(module)
    for old in (name, f"{name}_g", f"{name}_v"):
        delattr(module, old)
    module.register_parameter(name, Parameter(weight))
    return module


def _hook_of(module: Module, name: str) -> int | None:
    for number, hook in module._forward_pre_hooks.items():
        if isinstance(hook, WeightNorm) and hook.name == name:
            return number
    return None
