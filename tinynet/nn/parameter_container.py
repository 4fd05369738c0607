"""Modules that hold parameters: ParameterList, ParameterDict."""

from __future__ import annotations

import operator
from collections import OrderedDict
from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping
from typing import Any, Self

from tinynet.nn.container import pairs_of
from tinynet.nn.module import Module
from tinynet.nn.parameter import Parameter
from tinynet.tensor import Tensor


class ParameterList(Module):
    """Values in a list, Tensors among them as Parameters; other values are attributes only.

    Raises:  TypeError: not an iterable, or a single Tensor
    """

    def __init__(self, values: Iterable[Any] | None = None) -> None:
        super().__init__()
        self._size = 0
        if values is not None:
            self.extend(values)

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(len(self)))

    def _name_at(self, index: Any) -> str:
        place = operator.index(index)
        if not -len(self) <= place < len(self):
            raise IndexError(f"index {place} is out of range for {len(self)} values")
        return str(place % len(self))

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return type(self)([self[i] for i in range(len(self))[index]])
        return getattr(self, self._name_at(index))

    def __setitem__(self, index: Any, value: Any) -> None:
        setattr(self, self._name_at(index), as_parameter(value))

    def append(self, value: Any) -> Self:
        """Add a value at the end and return self."""
        self._size += 1
        self[-1] = value
        return self

    def extend(self, values: Iterable[Any]) -> Self:
        """Add values at the end and return self."""
        if isinstance(values, Tensor) or not isinstance(values, Iterable):
            raise TypeError(
                f"ParameterList.extend should be called with an iterable, but got {type(values).__name__}"
            )
        for value in list(values):
            self.append(value)
        return self

    __iadd__ = extend

    def extra_repr(self) -> str:
        """Describe each value."""
        return "\n".join(_described(str(i), value) for i, value in enumerate(self))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Refuse to be called."""
        raise RuntimeError("ParameterList should not be called.")


class ParameterDict(Module):
    """Values by name, in the order of insertion, Tensors among them as Parameters; others are attributes only.

    As in torch, those of a plain dict are inserted in the order of their names.
    """

    def __init__(self, parameters: Any = None) -> None:
        super().__init__()
        self._keys: dict[str, None] = {}
        if parameters is not None:
            self.update(parameters)

    def __getitem__(self, key: str) -> Any:
        return getattr(self, _checked(key))

    def __setitem__(self, key: str, value: Any) -> None:
        value = as_parameter(value)
        if isinstance(value, Parameter) and key not in self:
            self.register_parameter(_checked(key), value)
        else:
            setattr(self, _checked(key), value)
        self._keys[key] = None

    def __delitem__(self, key: str) -> None:
        delattr(self, _checked(key))
        del self._keys[key]

    def __len__(self) -> int:
        return len(self._keys)

    def __iter__(self) -> Iterator[str]:
        return iter(self._keys)

    def __reversed__(self) -> Iterator[str]:
        return reversed(self._keys)

    def __contains__(self, key: object) -> bool:
        return key in self._keys

    def __or__(self, other: ParameterDict) -> ParameterDict:
        return ParameterDict([*self.items(), *other.items()])

    def __ior__(self, other: ParameterDict) -> Self:
        self.update(other)
        return self

    def keys(self) -> KeysView[str]:
        """Return the names."""
        return self._keys.keys()

    def items(self) -> Iterable[tuple[str, Any]]:
        """Yield (name, value) pairs."""
        return ((key, self[key]) for key in self._keys)

    def values(self) -> Iterable[Any]:
        """Yield the values."""
        return (self[key] for key in self._keys)

    def get(self, key: str, default: Any = None) -> Any:
        """Return a value, or the default if the name is not there."""
        if key not in self:
            return default
        return self[key]

    def setdefault(self, key: str, default: Any = None) -> Any:
        """Return a value, having added the default if the name was not there."""
        if key not in self:
            self[key] = default
        return self[key]

    def pop(self, key: str) -> Any:
        """Take a value out and return it."""
        value = self[key]
        del self[key]
        return value

    def popitem(self) -> tuple[str, Any]:
        """Take the last (name, value) out and return it.

        Raises:  KeyError: there is none
        """
        if not self._keys:
            raise KeyError("popitem(): dictionary is empty")
        key = next(reversed(self))
        return key, self.pop(key)

    def clear(self) -> None:
        """Remove all."""
        for key in list(self):
            del self[key]

    def copy(self) -> ParameterDict:
        """Return a new ParameterDict of the same parameters."""
        return ParameterDict(list(self.items()))

    def fromkeys(self, keys: Iterable[str], default: Any = None) -> ParameterDict:
        """Return a new ParameterDict of these names, each with the default."""
        return ParameterDict([(key, default) for key in keys])

    def update(self, parameters: Mapping[str, Any] | ItemsView[str, Any] | ParameterDict) -> None:
        """Add the values of a mapping or of (name, value) pairs; those of the same names are replaced.

        Raises:  TypeError: neither; ValueError: a pair that is none
        """
        pairs = pairs_of(parameters, "ParameterDict")
        if isinstance(parameters, Mapping) and not isinstance(parameters, OrderedDict):
            pairs.sort(key=operator.itemgetter(0))
        for name, value in pairs:
            self[name] = value

    def extra_repr(self) -> str:
        """Describe each value."""
        return "\n".join(_described(key, value) for key, value in self.items())

    def __call__(self, input: Any) -> Any:
        """Refuse to be called."""
        raise RuntimeError("ParameterDict should not be called.")


def as_parameter(value: Any) -> Any:
    """Return a Tensor as a Parameter, anything else as it is."""
    return Parameter(value) if isinstance(value, Tensor) and not isinstance(value, Parameter) else value


def _checked(key: Any) -> str:
    if not isinstance(key, str):
        raise TypeError(f"a ParameterDict's key must be a string, got {key!r} of type {type(key).__name__}")
    return key


def _described(name: str, value: Any) -> str:
    if not isinstance(value, Tensor):
        return f"  ({name}): Object of type: {type(value).__name__}"
    size = "x".join(str(n) for n in value.shape)
    place = "" if value.device.type == "cpu" else f" ({value.device})"
    return f"  ({name}): Parameter containing: [{value.dtype} of size {size}{place}]"
