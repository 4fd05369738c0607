"""A stand-in for CuPy on machines without a GPU: NumPy behind CuPy's walls.

It holds arrays that NumPy cannot read, refuses NumPy arrays where CuPy does, has no implicit conversion, and counts
the times the host waits for a value. So `np.` in place of `xp.`, an array left on the host, or an `.item()` in a
training step fail here as they would on a GPU. Values, dtypes and speed of the real CuPy need a real GPU.
"""

from __future__ import annotations

import types
from typing import Any

import numpy as np

# All that tinynet uses; each exists in CuPy 14.
FUNCTIONS = """
    abs arange arccos arccosh arcsin arcsinh arctan arctan2 arctanh argmax argmin argsort argwhere
    ascontiguousarray bincount bitwise_and bitwise_or bitwise_xor broadcast_to ceil concatenate cos cosh
    count_nonzero cumprod cumsum diagonal divide einsum empty empty_like equal exp exp2 expand_dims expm1 flip
    floor floor_divide fmod full full_like greater greater_equal isclose isfinite isin isinf isnan left_shift
    less less_equal log log10 log1p log2 logical_and logical_not logical_or logical_xor matmul max maximum
    may_share_memory min minimum multiply nan_to_num nonzero not_equal ones ones_like power prod put_along_axis
    remainder right_shift rint roll round searchsorted sign signbit sin sinh sort sqrt square stack subtract sum
    swapaxes take_along_axis tan tanh tensordot tile trace tril triu trunc unique where zeros zeros_like
"""

waits: list[str] = []
"""What made the host wait, in order."""


class ndarray:
    """An array that lies on the pretended GPU."""

    __array_priority__ = 100
    device = types.SimpleNamespace(id=0)

    def __init__(self, host: Any) -> None:
        self.host = np.asarray(host)

    def __array__(self, *_: Any, **__: Any) -> Any:
        raise TypeError("Implicit conversion to a NumPy array is not allowed. Please use `.get()`.")

    def __array_ufunc__(self, ufunc: Any, *_: Any, **__: Any) -> Any:
        raise TypeError(f"np.{ufunc.__name__} on a CuPy array")

    def __array_function__(self, function: Any, *_: Any) -> Any:
        raise TypeError(f"np.{function.__name__} on a CuPy array")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # __array_interface__ and the like would let NumPy in
            raise AttributeError(name)
        value = getattr(self.host, name)
        return _wrapped(value) if callable(value) else _on_device(value)

    def __getitem__(self, index: Any) -> Any:
        return ndarray(self.host[_index(index)])

    def __setitem__(self, index: Any, value: Any) -> None:
        self.host[_index(index)] = _on_host(value)

    def __len__(self) -> int:
        return len(self.host)


def _wait(name: str) -> Any:
    def method(self: ndarray, *args: Any) -> Any:
        waits.append(name)
        return getattr(self.host, name)(*args)

    return method


def _operator(name: str) -> Any:
    def method(self: ndarray, other: Any) -> Any:
        if getattr(other, "__array_priority__", 0) > self.__array_priority__:
            return NotImplemented
        value = getattr(self.host, name)(_on_host(other))
        return self if value is self.host else _on_device(value)

    return method


for _name in ("__bool__", "__float__", "__int__", "__index__", "item", "tolist"):
    setattr(ndarray, _name, _wait(_name))
for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul", "and", "or", "xor"):
    for _prefix in "", "r", "i":
        setattr(ndarray, f"__{_prefix}{_name}__", _operator(f"__{_prefix}{_name}__"))
for _name in ("eq", "ne", "lt", "le", "gt", "ge"):
    setattr(ndarray, f"__{_name}__", _operator(f"__{_name}__"))
for _name in ("neg", "invert", "abs"):
    setattr(ndarray, f"__{_name}__", lambda self, name=_name: ndarray(getattr(self.host, f"__{name}__")()))


def _on_host(value: Any) -> Any:
    """Unpack an argument as CuPy takes it: its own arrays and plain numbers, but no NumPy array."""
    if isinstance(value, ndarray):
        return value.host
    if isinstance(value, np.ndarray):
        raise TypeError("Unsupported type <class 'numpy.ndarray'>")
    if isinstance(value, list | tuple):
        return type(value)(_on_host(part) for part in value)
    return value


def _on_device(value: Any) -> Any:
    if isinstance(value, tuple) and any(isinstance(part, np.ndarray) for part in value):
        return tuple(_on_device(part) for part in value)
    return ndarray(value) if isinstance(value, np.ndarray | np.generic) else value


def _index(index: Any) -> Any:
    """Indices may be NumPy arrays; a mask makes the host wait for the number of elements."""
    parts = index if isinstance(index, tuple) else (index,)
    if any(isinstance(part, ndarray | np.ndarray) and part.dtype == bool for part in parts):
        waits.append("mask")
    unpacked = tuple(part.host if isinstance(part, ndarray) else part for part in parts)
    return unpacked if isinstance(index, tuple) else unpacked[0]


def _wrapped(function: Any) -> Any:
    def call(*args: Any, **kwargs: Any) -> Any:
        return _on_device(
            function(*(_on_host(a) for a in args), **{k: _on_host(v) for k, v in kwargs.items()})
        )

    return call


def asnumpy(array: ndarray) -> np.ndarray:
    """Copy to the host."""
    waits.append("asnumpy")
    return array.host.copy()


def _asarray(a: Any, dtype: Any = None) -> ndarray:
    """Copy from the host; what is on the device already stays."""
    if isinstance(a, ndarray):
        return a if dtype is None else a.astype(dtype, copy=False)
    return ndarray(np.array(a, dtype))


def modules() -> dict[str, types.ModuleType]:
    """Return the entries of sys.modules under which tinynet finds CuPy."""
    cupy: Any = types.ModuleType("cupy")
    cupy.ndarray, cupy.asnumpy = ndarray, asnumpy
    cupy.asarray = _asarray
    for name in FUNCTIONS.split():
        setattr(cupy, name, _wrapped(getattr(np, name)))
    cupy.lib = types.SimpleNamespace(
        stride_tricks=types.SimpleNamespace(as_strided=_wrapped(np.lib.stride_tricks.as_strided))
    )

    class Device:
        def __init__(self, number: int) -> None:
            assert number == 0

        def __enter__(self) -> None: ...

        def __exit__(self, *_: object) -> None: ...

    cupy.cuda = types.SimpleNamespace(
        Device=Device,
        runtime=types.SimpleNamespace(getDeviceCount=lambda: 1),
        get_current_stream=lambda: types.SimpleNamespace(synchronize=lambda: waits.append("synchronize")),
    )
    cupy.add = types.SimpleNamespace(at=_wrapped(np.add.at))
    return {"cupy": cupy}
