"""Switches of CUDA's matrix product: CuPy computes in float32 proper unless CUPY_TF32=1 is in the environment."""

from types import SimpleNamespace

from tinynet.backend import cuda_is_available

matmul = SimpleNamespace(allow_tf32=False)


def is_built() -> bool:
    """Return whether CuPy is installed and a GPU answers."""
    return cuda_is_available()
