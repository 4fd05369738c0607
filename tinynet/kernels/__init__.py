"""Arrays in, arrays out: the arithmetic of tinynet, without Tensors and without a graph.

`tinynet.kernels.generic` holds the readable definitions, once for NumPy and CuPy; `registry` decides when a
faster version runs instead.
"""

from tinynet.kernels.registry import accelerates, generic_only, kernel, kernels

__all__ = ["accelerates", "generic_only", "kernel", "kernels"]
