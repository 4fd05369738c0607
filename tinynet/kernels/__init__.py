"""Arrays in, arrays out: the arithmetic of tinynet, without Tensors and without a graph.

`tinynet.kernels.generic` holds the readable definitions, once for NumPy and CuPy; `registry` decides when a
faster version runs instead. The folders of faster versions, one a device, are loaded here if they are there.
"""

import importlib
import importlib.util

from tinynet.kernels.registry import accelerates, generic_only, kernel, kernels

__all__ = ["accelerates", "generic_only", "kernel", "kernels"]

for _device in ("cpu", "cuda"):
    if importlib.util.find_spec(f"{__name__}.{_device}"):
        importlib.import_module(f"{__name__}.{_device}")
