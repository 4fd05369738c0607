"""A weight divided by its largest singular value."""

from __future__ import annotations

from typing import Any

from tinynet import ops
from tinynet.backend import Array, array_module, device_of, to_device
from tinynet.nn.module import Module
from tinynet.nn.parameter import Parameter
from tinynet.random import next_generator
from tinynet.tensor import Tensor


class SpectralNorm:
    """The hook that makes weight = weight_orig / sigma before each call of a module, after steps of power iteration.

    The singular vectors are the buffers name + "_u" and name + "_v".
    """

    def __init__(self, name: str, n_power_iterations: int, dim: int, eps: float) -> None:
        if n_power_iterations <= 0:
            raise ValueError(
                f"Expected n_power_iterations to be positive, but got n_power_iterations={n_power_iterations}"
            )
        self.name, self.n_power_iterations, self.dim, self.eps = name, n_power_iterations, dim, eps

    def matrix(self, weight: Tensor) -> Tensor:
        """Return the weight as a matrix, the axis `dim` first."""
        if self.dim != 0:
            weight = weight.permute(self.dim, *(axis for axis in range(weight.ndim) if axis != self.dim))
        return weight.reshape(weight.shape[0], -1)

    def unit(self, vector: Array) -> Array:
        """Return the vector divided by its length, or by eps if that is larger."""
        xp = array_module(vector)
        return vector / xp.maximum(xp.sqrt((vector * vector).sum()), self.eps)

    def compute_weight(self, module: Any, iterate: bool) -> Tensor:
        """Return the weight, having improved the singular vectors first if `iterate`."""
        weight = getattr(module, f"{self.name}_orig")
        matrix = self.matrix(weight)
        kept_u, kept_v = getattr(module, f"{self.name}_u"), getattr(module, f"{self.name}_v")
        u, v, array = kept_u.array, kept_v.array, matrix.array
        for _ in range(self.n_power_iterations if iterate else 0):
            v = self.unit(array.T @ u)
            u = self.unit(array @ v)
        if iterate:
            kept_u.array[...], kept_v.array[...] = u, v
        # Copies, since the buffers change in the next call, before backward of this one perhaps.
        sigma = (Tensor(u.copy()) * ops.matmul(matrix, Tensor(v.copy()))).sum()
        return weight / sigma

    def __call__(self, module: Any, args: Any) -> None:
        """Set the weight."""
        setattr(module, self.name, self.compute_weight(module, module.training))


def spectral_norm(
    module: Any, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> Any:
    """Divide a parameter by an estimate of its largest singular value, and return the module.

    The parameter becomes name + "_orig". In training each call of the module improves the estimate.

    Args:    dim: the axis of the outputs; by default 0, of transposed convolutions 1
    Raises:  RuntimeError: the parameter is normalised so already; ValueError: n_power_iterations < 1
    Source:  Miyato et al. 2018 (arXiv 1802.05957, algorithm 1)
    """
    if _hook_of(module, name) is not None:
        raise RuntimeError(f"Cannot register two spectral_norm hooks on the same parameter {name}")
    if dim is None:
        dim = 1 if type(module).__name__.startswith("ConvTranspose") else 0
    hook = SpectralNorm(name, n_power_iterations, dim, eps)
    weight = module._parameters[name]
    if weight is None:
        raise ValueError(f"`SpectralNorm` cannot be applied as parameter `{name}` is None")
    stream, shape = next_generator("spectral_norm"), hook.matrix(weight.detach()).shape
    vectors = [
        hook.unit(to_device(stream.standard_normal(n).astype(weight.dtype), device_of(weight.array)))
        for n in shape
    ]
    del module._parameters[name]
    module.register_parameter(f"{name}_orig", weight)
    setattr(module, name, weight.detach())
    for suffix, vector in zip("uv", vectors, strict=True):
        module.register_buffer(f"{name}_{suffix}", Tensor(vector))
    module.register_forward_pre_hook(hook)
    return module


def remove_spectral_norm(module: Any, name: str = "weight") -> Any:
    """Make the weight, as it was divided last, a parameter again, and return the module.

    Raises:  ValueError: spectral_norm was not applied to it
    """
    number = _hook_of(module, name)
    if number is None:
        raise ValueError(f"spectral_norm of '{name}' not found in {module}")
    weight = module._forward_pre_hooks.pop(number).compute_weight(module, iterate=False).detach()
    for old in (name, f"{name}_u", f"{name}_v", f"{name}_orig"):
        delattr(module, old)
    module.register_parameter(name, Parameter(weight))
    return module


def _hook_of(module: Module, name: str) -> int | None:
    for number, hook in module._forward_pre_hooks.items():
        if isinstance(hook, SpectralNorm) and hook.name == name:
            return number
    return None
