"""What is inside a Module, as methods of Module: each object once, though it may have several names."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from tinynet.nn.parameter import Parameter
from tinynet.tensor import Tensor

if TYPE_CHECKING:
    from tinynet.nn.module import Module


class TraversalMethods:
    """Parameters, buffers and modules, listed or found by name."""

    def named_modules(
        self: Any, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """Yield (name, module) of this module (prefix) and all inside it, parents first.

        Args:    memo: modules to leave out; those yielded are added
                 remove_duplicate: yield each module once, under its first name
        """
        seen: set[Module] = set() if memo is None else memo
        stack: list[tuple[str, Module]] = [(prefix, self)]
        while stack:
            name, module = stack.pop()
            if module in seen:
                continue
            if remove_duplicate:
                seen.add(module)
            yield name, module
            children = [
                (join(name, key), child) for key, child in module._modules.items() if child is not None
            ]
            stack.extend(reversed(children))

    def _named(
        self: Any, table: str, prefix: str, recurse: bool, remove_duplicate: bool
    ) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        modules = (
            self.named_modules(prefix=prefix, remove_duplicate=remove_duplicate)
            if recurse
            else [(prefix, self)]
        )
        for path, module in modules:
            for name, value in getattr(module, table).items():
                if value is None or id(value) in seen:
                    continue
                if remove_duplicate:
                    seen.add(id(value))
                yield join(path, name), value

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """Yield (name, parameter); with recurse=False of this module alone."""
        yield from self._named("_parameters", prefix, recurse, remove_duplicate)

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Tensor]]:
        """Yield (name, buffer); with recurse=False of this module alone."""
        yield from self._named("_buffers", prefix, recurse, remove_duplicate)

    def named_children(self: Any) -> Iterator[tuple[str, Module]]:
        """Yield (name, module) of the modules directly inside."""
        seen: set[int] = set()
        for name, child in self._modules.items():
            if child is not None and id(child) not in seen:
                seen.add(id(child))
                yield name, child

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """Yield the parameters."""
        for _, parameter in self.named_parameters(recurse=recurse):
            yield parameter

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """Yield the buffers."""
        for _, buffer in self.named_buffers(recurse=recurse):
            yield buffer

    def modules(self, remove_duplicate: bool = True) -> Iterator[Module]:
        """Yield this module and all inside it."""
        for _, module in self.named_modules(remove_duplicate=remove_duplicate):
            yield module

    def children(self) -> Iterator[Module]:
        """Yield the modules directly inside."""
        for _, child in self.named_children():
            yield child

    # By name

    def get_submodule(self: Any, target: str) -> Module:
        """Return the module of a name such as "layer1.0.conv1"; of "" the module itself.

        Raises:  AttributeError: there is no such attribute, or it is no module
        """
        module = self
        for name in target.split(".") if target else ():
            if not hasattr(module, name):
                raise AttributeError(f"{module._get_name()} has no attribute `{name}`")
            module = getattr(module, name)
            if not hasattr(module, "_modules"):
                raise AttributeError(f"`{name}` of {target!r} is not an nn.Module")
        return module

    def set_submodule(self: Any, target: str, module: Module, strict: bool = False) -> None:
        """Put a module in the place of a name such as "layer1.0.conv1".

        Args:    strict: the name must exist already
        Raises:  ValueError: an empty name, or not a Module; AttributeError: the way to the name does not exist
        """
        if not target:
            raise ValueError("Cannot set the submodule without a target name!")
        if not hasattr(module, "_modules"):
            raise ValueError(f"`module` is not an nn.Module, found {type(module)}")
        path, _, name = target.rpartition(".")
        parent: Any = self.get_submodule(path)
        exists = hasattr(parent, name)
        if strict and not exists:
            raise AttributeError(f"{parent._get_name()} has no attribute `{name}`")
        if exists and not hasattr(getattr(parent, name), "_modules"):
            raise AttributeError(f"`{name}` is not an nn.Module")
        setattr(parent, name, module)

    def get_parameter(self, target: str) -> Parameter:
        """Return the parameter of a name such as "layer1.0.conv1.weight".

        Raises:  AttributeError: there is no such attribute, or it is no Parameter
        """
        owner, name = self._owner(target)
        value = getattr(owner, name)
        if not isinstance(value, Parameter):
            raise AttributeError(f"`{name}` is not an nn.Parameter")
        return value

    def get_buffer(self, target: str) -> Tensor:
        """Return the buffer of a name such as "layer1.0.bn1.running_mean".

        Raises:  AttributeError: there is no such attribute, or it is no buffer
        """
        owner, name = self._owner(target)
        if name not in owner._buffers:
            raise AttributeError(f"`{name}` is not a buffer")
        return owner._buffers[name]

    def _owner(self, target: str) -> tuple[Any, str]:
        path, _, name = target.rpartition(".")
        owner = self.get_submodule(path)
        if not hasattr(owner, name):
            raise AttributeError(f"{owner._get_name()} has no attribute `{name}`")
        return owner, name


def join(prefix: str, name: str) -> str:
    """Return the name of what `name` is inside `prefix`."""
    return f"{prefix}.{name}" if prefix else name
