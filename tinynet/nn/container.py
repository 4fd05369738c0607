"""Modules that hold modules: Sequential, ModuleList, ModuleDict."""

from __future__ import annotations

import itertools
import operator
from collections import OrderedDict
from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from typing import Any, Self

from tinynet.nn.module import Module


class _Numbered(Module):
    """Modules in order, named "0", "1", ... unless they were given names."""

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._modules.values())

    def _name_at(self, index: Any) -> str:
        """Return the name of the module at a place, counted from the end if negative."""
        place = operator.index(index)
        if not -len(self) <= place < len(self):
            raise IndexError(f"index {place} is out of range for {len(self)} modules")
        return list(self._modules)[place]

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return self._part(list(self._modules.items())[index])
        return self._modules[self._name_at(index)]

    def __setitem__(self, index: Any, module: Module | None) -> None:
        setattr(self, self._name_at(index), module)

    def __delitem__(self, index: Any) -> None:
        names = list(self._modules)[index] if isinstance(index, slice) else [self._name_at(index)]
        self._renumber([module for name, module in self._modules.items() if name not in names])

    def _renumber(self, modules: list[Any]) -> None:
        """Hold these modules, named by their places."""
        self._modules.clear()
        self._modules.update((str(i), module) for i, module in enumerate(modules))

    def _part(self, items: list[tuple[str, Any]]) -> Any:
        raise NotImplementedError

    def append(self, module: Module | None) -> Self:
        """Add a module at the end and return self."""
        _check_module(module)
        self.add_module(str(len(self)), module)
        return self

    def extend(self, modules: Iterable[Module]) -> Self:
        """Add modules at the end and return self."""
        for module in list(modules):  # a copy first: they may be those of self
            self.append(module)
        return self

    def _insert(self, index: int, module: Module | None) -> None:
        _check_module(module)
        modules = list(self._modules.values())
        modules.insert(index, module)
        self._renumber(modules)

    def pop(self, key: Any) -> Any:
        """Take a module out, or a slice of them, and return it; those behind it move up."""
        taken = self[key]
        del self[key]
        return taken


class Sequential(_Numbered):
    """Modules applied one after the other: Sequential(a, b) or Sequential(OrderedDict(first=a, second=b)).

    a + b, a += b, n * a and a *= n work as on lists; the modules themselves are shared, not copied.
    """

    def __init__(self, *args: Any) -> None:
        super().__init__()
        if len(args) == 1 and isinstance(args[0], OrderedDict):
            items = list(args[0].items())
        else:
            items = [(str(i), module) for i, module in enumerate(args)]
        for name, module in items:
            _check_module(module)
            self.add_module(name, module)

    def _part(self, items: list[tuple[str, Any]]) -> Any:
        return type(self)(OrderedDict(items))

    def insert(self, index: int, module: Module | None) -> Self:
        """Add a module before the one at a place and return self.

        Raises:  IndexError: index outside -len(self)..len(self)
        """
        if not -len(self) <= index <= len(self):
            raise IndexError(f"Index out of range: {index} for {len(self)} modules")
        self._insert(index, module)
        return self

    def __add__(self, other: Any) -> Sequential:
        return Sequential(*self, *_sequential(other))

    def __iadd__(self, other: Any) -> Self:
        return self.extend(_sequential(other))

    def __mul__(self, count: int) -> Sequential:
        return Sequential(*list(self) * _count(count, self))

    __rmul__ = __mul__

    def __imul__(self, count: int) -> Self:
        return self.extend(list(self) * (_count(count, self) - 1))

    def forward(self, input: Any) -> Any:
        """Return the last module's output."""
        for module in self._modules.values():
            input = module(input)  # type: ignore[misc]  # None: cannot be called, as in torch
        return input


class ModuleList(_Numbered):
    """Modules in a list; the owner decides how to apply them."""

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        if modules is not None:
            self.extend(modules)

    def _part(self, items: list[tuple[str, Any]]) -> Any:
        return type(self)([module for _, module in items])

    def insert(self, index: int, module: Module | None) -> None:
        """Add a module before the one at a place."""
        self._insert(index, module)

    def __add__(self, other: Iterable[Module]) -> ModuleList:
        return ModuleList([*self, *other])

    def __iadd__(self, modules: Iterable[Module]) -> Self:
        return self.extend(modules)

    def _child_texts(self) -> list[tuple[str, str]]:
        """Write neighbours of equal text once, as torch does: "(0-2): 3 x ReLU()"."""
        texts = []
        for text, group in itertools.groupby(super()._child_texts(), key=lambda named: named[1]):
            names = [name for name, _ in group]
            if len(names) == 1:
                texts.append((names[0], text))
            else:
                texts.append((f"{names[0]}-{names[-1]}", f"{len(names)} x {text}"))
        return texts


class ModuleDict(Module):
    """Modules by name, in the order of insertion; the owner decides how to apply them."""

    def __init__(self, modules: Mapping[str, Module] | None = None) -> None:
        super().__init__()
        if modules is not None:
            self.update(modules)

    def __getitem__(self, key: str) -> Any:
        return self._modules[key]

    def __setitem__(self, key: str, module: Module | None) -> None:
        _check_module(module)
        self.add_module(key, module)

    def __delitem__(self, key: str) -> None:
        del self._modules[key]

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[str]:
        return iter(self._modules)

    def __contains__(self, key: object) -> bool:
        return key in self._modules

    def clear(self) -> None:
        """Remove all."""
        self._modules.clear()

    def pop(self, key: str) -> Any:
        """Take a module out and return it."""
        return self._modules.pop(key)

    def keys(self) -> KeysView[str]:
        """Return the names."""
        return self._modules.keys()

    def items(self) -> ItemsView[str, Any]:
        """Return (name, module) pairs."""
        return self._modules.items()

    def values(self) -> ValuesView[Any]:
        """Return the modules."""
        return self._modules.values()

    def update(self, modules: Mapping[str, Module] | Iterable[tuple[str, Module]] | ModuleDict) -> None:
        """Add the modules of a mapping or of (name, module) pairs; those of the same names are replaced.

        Raises:  TypeError: neither, or not modules; ValueError: a pair that is none
        """
        for name, module in pairs_of(modules, "ModuleDict"):
            self[name] = module


def pairs_of(values: Any, owner: str) -> list[tuple[str, Any]]:
    """Return the pairs of a mapping, or of an iterable of pairs.

    Raises:  TypeError: not an iterable of iterables; ValueError: one that is no pair
    """
    if isinstance(values, Mapping | Module) and hasattr(values, "items"):
        return list(values.items())
    if not isinstance(values, Iterable):
        raise TypeError(
            f"{owner}.update should be called with an iterable of key/value pairs, but got {type(values).__name__}"
        )
    pairs = []
    for i, pair in enumerate(values):
        if not isinstance(pair, Iterable):
            raise TypeError(
                f"{owner} update sequence element #{i} should be Iterable; is {type(pair).__name__}"
            )
        items = list(pair)
        if len(items) != 2:
            raise ValueError(f"{owner} update sequence element #{i} has length {len(items)}; 2 is required")
        pairs.append((items[0], items[1]))
    return pairs


def _check_module(module: Any) -> None:
    if module is not None and not isinstance(module, Module):
        raise TypeError(f"{type(module).__name__} is not a Module subclass")


def _sequential(other: Any) -> Sequential:
    if not isinstance(other, Sequential):
        raise ValueError(
            f"add operator supports only objects of Sequential class, but {type(other)} is given."
        )
    return other


def _count(count: Any, owner: Any) -> int:
    if not isinstance(count, int):
        raise TypeError(f"unsupported operand type(s) for *: {type(owner)} and {type(count)}")
    if count <= 0:
        raise ValueError(f"Non-positive multiplication factor {count} for {type(owner)}")
    return count
