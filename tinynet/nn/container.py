"""Modules that hold modules."""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from typing import Any

from tinynet.nn.module import Module


class _Numbered(Module):
    """Modules in order, named "0", "1", ..."""

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._modules.values())

    def __getitem__(self, index: int | slice) -> Any:
        modules = list(self._modules.items())
        if isinstance(index, slice):
            return type(self)._from_items(modules[index])
        if not -len(modules) <= index < len(modules):
            raise IndexError(f"index {index} is out of range for {len(modules)} modules")
        return modules[index][1]

    def __setitem__(self, index: int, module: Module) -> None:
        if not -len(self) <= index < len(self):
            raise IndexError(f"index {index} is out of range for {len(self)} modules")
        setattr(self, list(self._modules)[index], module)

    def append(self, module: Module) -> Any:
        """Add a module at the end and return self."""
        if not isinstance(module, Module):
            raise TypeError(f"{type(module).__name__} is not a Module subclass")
        self.add_module(str(len(self)), module)
        return self

    def extend(self, modules: Iterable[Module]) -> Any:
        """Add modules at the end and return self."""
        for module in modules:
            self.append(module)
        return self

    @classmethod
    def _from_items(cls, items: list[tuple[str, Any]]) -> Any:
        raise NotImplementedError


class Sequential(_Numbered):
    """Modules applied one after the other: Sequential(a, b) or Sequential(OrderedDict(first=a, second=b))."""

    def __init__(self, *args: Any) -> None:
        super().__init__()
        if len(args) == 1 and isinstance(args[0], OrderedDict):
            items = list(args[0].items())
        else:
            items = [(str(i), module) for i, module in enumerate(args)]
        for name, module in items:
            if not isinstance(module, Module):
                raise TypeError(f"{type(module).__name__} is not a Module subclass")
            self.add_module(name, module)

    @classmethod
    def _from_items(cls, items: list[tuple[str, Any]]) -> Sequential:
        return cls(OrderedDict(items))

    def forward(self, input: Any) -> Any:
        """Return the last module's output."""
        for module in self:
            input = module(input)
        return input


class ModuleList(_Numbered):
    """Modules in a list; the owner decides how to apply them."""

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        self.extend(modules or ())

    @classmethod
    def _from_items(cls, items: list[tuple[str, Any]]) -> ModuleList:
        return cls(module for _, module in items)

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
