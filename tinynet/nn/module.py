"""Module: a layer or a network, the parameters and buffers it owns, and the modules inside it."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np

from tinynet.backend import device_of, is_array, to_device
from tinynet.tensor import Tensor, split_target


class Parameter(Tensor):
    """A leaf Tensor that a Module lists among its parameters; shares the memory of `data`."""

    def __init__(self, data: Any, requires_grad: bool = True) -> None:
        super().__init__(data.array if isinstance(data, Tensor) else data, requires_grad)

    def __repr__(self) -> str:
        return f"Parameter containing:\n{super().__repr__()}"


class IncompatibleKeys(NamedTuple):
    """Names of load_state_dict that had no partner: of the module's own, and of those given."""

    missing_keys: list[str]
    unexpected_keys: list[str]


class Module:
    """Base class of layers and networks.

    A subclass calls super().__init__(), assigns Parameters and Modules to attributes, and defines forward.
    """

    training: bool
    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Module | None]

    def __init__(self) -> None:
        for name, value in (("training", True), ("_parameters", {}), ("_buffers", {}), ("_modules", {})):
            object.__setattr__(self, name, value)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output; every subclass defines this."""
        raise NotImplementedError(
            f'Module [{type(self).__name__}] is missing the required "forward" function'
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return forward's result."""
        return self.forward(*args, **kwargs)

    # Attributes

    def __setattr__(self, name: str, value: Any) -> None:
        if "_modules" not in self.__dict__:
            if isinstance(value, Parameter | Module):
                raise AttributeError(f"cannot assign {name!r} before Module.__init__() call")
            object.__setattr__(self, name, value)
            return
        if isinstance(value, Parameter):
            home: dict[str, Any] | None = self._parameters
        else:
            home = self._home(name)
            if isinstance(value, Module) and home is not self._parameters:
                home = self._modules
            self._check_kind(home, name, value)
        if home is None:
            object.__setattr__(self, name, value)
            return
        for other in (self.__dict__, self._parameters, self._buffers, self._modules):
            if other is not home:
                other.pop(name, None)
        home[name] = value

    def _check_kind(self, home: dict[str, Any] | None, name: str, value: Any) -> None:
        """Refuse to put something else in the place of a parameter, a module or a buffer."""
        if home is None or value is None:
            return
        kind, place = {
            id(self._parameters): (Parameter, "parameter"),
            id(self._buffers): (Tensor, "buffer"),
            id(self._modules): (Module, "child module"),
        }[id(home)]
        if not isinstance(value, kind):
            raise TypeError(
                f"cannot assign '{type(value).__name__}' as {place} '{name}' (tinynet {kind.__name__} or None expected)"
            )

    def _home(self, name: str) -> dict[str, Any] | None:
        """Return the table that lists `name`, if one does."""
        return next((home for home in (self._parameters, self._buffers, self._modules) if name in home), None)

    def __getattr__(self, name: str) -> Any:
        # Called only where ordinary lookup fails; before __init__ the tables themselves are missing.
        for table in ("_parameters", "_buffers", "_modules"):
            home = self.__dict__.get(table, {})
            if name in home:
                return home[name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __delattr__(self, name: str) -> None:
        home = self._home(name)
        if home is None:
            object.__delattr__(self, name)
        else:
            del home[name]

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter, or None to reserve its name."""
        self._register(self._parameters, name, param)

    def register_buffer(self, name: str, tensor: Tensor | None) -> None:
        """Add a tensor that is part of the state but not trained."""
        self._register(self._buffers, name, tensor)

    def add_module(self, name: str, module: Module | None) -> None:
        """Add a child module."""
        self._register(self._modules, name, module)

    def _register(self, home: dict[str, Any], name: str, value: Any) -> None:
        if not isinstance(name, str):
            raise TypeError(f"a name must be a string, got {type(name).__name__}")
        if "." in name or not name:
            raise KeyError(f'a name must be a word without ".", got {name!r}')
        if hasattr(self, name) and name not in home:
            raise KeyError(f"attribute '{name}' already exists")
        self._check_kind(home, name, value)
        home[name] = value

    # What is inside: each object once, though it may have several names

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """Yield (name, module) of this module (prefix) and all inside it, parents first."""
        seen: set[int] = set()
        stack: list[tuple[str, Module]] = [(prefix, self)]
        while stack:
            name, module = stack.pop()
            if id(module) in seen:
                continue
            seen.add(id(module))
            yield name, module
            children = [
                (_join(name, key), child) for key, child in module._modules.items() if child is not None
            ]
            stack.extend(reversed(children))

    def _named(self, table: str, prefix: str, recurse: bool) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        modules = self.named_modules(prefix) if recurse else [(prefix, self)]
        for path, module in modules:
            for name, value in getattr(module, table).items():
                if value is not None and id(value) not in seen:
                    seen.add(id(value))
                    yield _join(path, name), value

    def named_parameters(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, Parameter]]:
        """Yield (name, parameter)."""
        return self._named("_parameters", prefix, recurse)

    def named_buffers(self, prefix: str = "", recurse: bool = True) -> Iterator[tuple[str, Tensor]]:
        """Yield (name, buffer)."""
        return self._named("_buffers", prefix, recurse)

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """Yield (name, module) of the modules directly inside."""
        seen: set[int] = set()
        for name, child in self._modules.items():
            if child is not None and id(child) not in seen:
                seen.add(id(child))
                yield name, child

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """Yield the parameters."""
        return (parameter for _, parameter in self.named_parameters(recurse=recurse))

    def buffers(self, recurse: bool = True) -> Iterator[Tensor]:
        """Yield the buffers."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def modules(self) -> Iterator[Module]:
        """Yield this module and all inside it."""
        return (module for _, module in self.named_modules())

    def children(self) -> Iterator[Module]:
        """Yield the modules directly inside."""
        return (child for _, child in self.named_children())

    # What is done to all of it

    def apply(self, function: Callable[[Module], Any]) -> Module:
        """Call the function on every module inside, then on this one, and return it."""
        for child in self.children():
            child.apply(function)
        function(self)
        return self

    def train(self, mode: bool = True) -> Module:
        """Switch dropout and batch normalisation to training, or to evaluation if mode is False."""
        if not isinstance(mode, bool):
            raise ValueError(f"training mode is expected to be boolean, got {mode!r}")
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Module:
        """Switch to evaluation."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Module:
        """Say of every parameter whether its gradient is wanted."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients, or set them to zero."""
        for parameter in self.parameters():
            if set_to_none or parameter.grad is None:
                parameter.grad = None
            else:
                parameter.grad.array.fill(0)
                parameter.grad = parameter.grad.detach()

    def to(self, *target: Any, dtype: Any = None, device: Any = None) -> Module:
        """Move parameters and buffers to a device, and those of floating point to a dtype; in place.

        Raises:  TypeError: the dtype is not floating point; BackendUnavailable: the device is not there
        """
        dtype, place = split_target(target, dtype, device)
        if dtype is not None and np.dtype(dtype).kind != "f":
            raise TypeError(f"nn.Module.to only accepts floating point dtypes, but got {np.dtype(dtype)}")
        for tensor in (*self.parameters(), *self.buffers()):
            for part in (tensor, tensor.grad):
                if part is not None:
                    wanted = dtype if part.is_floating_point() else None
                    part.array = part.detach().to(dtype=wanted, device=place).array
        return self

    def float(self) -> Module:
        """Move parameters and buffers of floating point to float32."""
        return self.to(np.float32)

    def double(self) -> Module:
        """Move parameters and buffers of floating point to float64."""
        return self.to(np.float64)

    # State

    def state_dict(self) -> OrderedDict[str, Tensor]:
        """Return the parameters and buffers by name, sharing memory with the module."""
        state: OrderedDict[str, Tensor] = OrderedDict()
        self._fill_state("", state)
        return state

    def _fill_state(self, prefix: str, state: OrderedDict[str, Tensor]) -> None:
        for table in (self._parameters, self._buffers):
            for name, value in table.items():
                if value is not None:
                    state[prefix + name] = value.detach()
        for name, child in self._modules.items():  # a child with two names is listed under both
            if child is not None:
                child._fill_state(f"{prefix}{name}.", state)

    def load_state_dict(self, state_dict: Mapping[str, Any], strict: bool = True) -> IncompatibleKeys:
        """Copy the values (Tensors or arrays) into the parameters and buffers of the same names, keeping their dtype.

        Nothing is changed unless everything fits. Return the missing and the unexpected names.

        Raises:  RuntimeError: lists every missing and unexpected name (strict only), every shape that differs and
                 every value that is no array; TypeError: not a mapping
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        own = self.state_dict()
        missing = [name for name in own if name not in state_dict]
        unexpected = [name for name in state_dict if name not in own]
        given = {name: state_dict[name] for name in own if name in state_dict}
        arrays = {name: value.array if isinstance(value, Tensor) else value for name, value in given.items()}
        problems = []
        if strict:
            problems = [
                f"{kind} key(s) in state_dict: " + ", ".join(f'"{name}"' for name in names) + ". "
                for kind, names in (("Missing", missing), ("Unexpected", unexpected))
                if names
            ]
        problems += [
            problem for name, array in arrays.items() if (problem := _misfit(name, array, own[name].shape))
        ]
        if problems:
            lines = "\n\t".join(problems)
            raise RuntimeError(f"Error(s) in loading state_dict for {type(self).__name__}:\n\t{lines}")
        for name, array in arrays.items():
            own[name].array[...] = to_device(array, device_of(own[name].array))
        return IncompatibleKeys(missing, unexpected)

    # Text

    def extra_repr(self) -> str:
        """Return what stands between the brackets of repr."""
        return ""

    def __repr__(self) -> str:
        lines = self.extra_repr().splitlines()
        children = [f"({name}): " + text.replace("\n", "\n  ") for name, text in self._child_texts()]
        if not children and len(lines) < 2:
            return f"{type(self).__name__}({''.join(lines)})"
        return f"{type(self).__name__}(\n  " + "\n  ".join(lines + children) + "\n)"

    def _child_texts(self) -> list[tuple[str, str]]:
        """List the name and the text of each child for repr."""
        return [(name, repr(child)) for name, child in self._modules.items()]


def _join(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name


def _misfit(name: str, value: Any, shape: tuple[int, ...]) -> str | None:
    """Say why a value cannot be loaded into a parameter or buffer, if it cannot."""
    if not is_array(value):
        return f'"{name}" must be a Tensor or an array, not {type(value).__name__}.'
    if value.shape != shape:
        return (
            f"size mismatch for {name}: copying a param with shape {list(value.shape)} from checkpoint, "
            f"the shape in current model is {list(shape)}."
        )
    return None
