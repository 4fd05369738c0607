"""Module: a layer or a network, the parameters and buffers it owns, and the modules inside it.

What it can do stands in five places: here attributes and calls; what is inside in traversal.py, other dtypes and
devices in conversion.py, state dictionaries in state.py, hooks in hooks.py.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Self

from tinynet import run_ahead
from tinynet.nn.conversion import ConversionMethods
from tinynet.nn.hooks import HookMethods
from tinynet.nn.parameter import Buffer, Parameter
from tinynet.nn.state import IncompatibleKeys, StateMethods
from tinynet.nn.traversal import TraversalMethods
from tinynet.tensor import Tensor

__all__ = ["Buffer", "IncompatibleKeys", "Module", "Parameter"]


class Module(TraversalMethods, ConversionMethods, StateMethods, HookMethods):
    """Base class of layers and networks.

    A subclass calls super().__init__(), assigns Parameters and Modules to attributes, and defines forward.
    """

    training: bool
    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Tensor | None]
    _modules: dict[str, Module | None]

    def __init__(self) -> None:
        self.__dict__.update(
            training=True,
            _parameters={},
            _buffers={},
            _non_persistent_buffers_set=set(),
            _modules={},
            _forward_pre_hooks=OrderedDict(),
            _forward_hooks=OrderedDict(),
            _backward_pre_hooks=OrderedDict(),
            _backward_hooks=OrderedDict(),
            _hooks_with_kwargs=set(),
            _state_dict_pre_hooks={},
            _state_dict_hooks={},
            _load_state_dict_pre_hooks={},
            _load_state_dict_post_hooks={},
        )

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Compute the output; every subclass defines this."""
        raise NotImplementedError(
            f'Module [{type(self).__name__}] is missing the required "forward" function'
        )

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return forward's result, having called the hooks."""
        if self._backward_hooks or self._backward_pre_hooks or self._forward_hooks or self._forward_pre_hooks:
            with run_ahead.block():
                return self._call_with_hooks(args, kwargs)
        if run_ahead.is_free():  # the outermost module
            with run_ahead.block():
                return self.forward(*args, **kwargs)
        return self.forward(*args, **kwargs)

    # Attributes

    def _tensor(self, table: dict[str, Any], name: str) -> Any:
        """Return an attribute that is most likely in this table, where ordinary lookup would look last."""
        return table[name] if name in table and name not in self.__dict__ else getattr(self, name)

    def __setattr__(self, name: str, value: Any) -> None:
        if "_modules" not in self.__dict__:
            if isinstance(value, Parameter | Module | Buffer):
                raise AttributeError(f"cannot assign {name!r} before Module.__init__() call")
            object.__setattr__(self, name, value)
            return
        home = self._home(name)
        if isinstance(value, Parameter):
            if home is not self._parameters:
                self._check_name(name, free=not hasattr(type(self), name))
            home = self._parameters
        elif isinstance(value, Module) and home is not self._parameters:
            home = self._modules
        elif isinstance(value, Buffer) and home is None:
            home = self._buffers
        if home is None:
            object.__setattr__(self, name, value)
            return
        self._check_kind(home, name, value)
        for other in (self.__dict__, self._parameters, self._buffers, self._modules):
            if other is not home:
                other.pop(name, None)
        if home is self._buffers:
            self._note_persistence(name, getattr(value, "persistent", None))
        else:
            self._non_persistent_buffers_set.discard(name)
        home[name] = value

    def _check_kind(self, home: dict[str, Any], name: str, value: Any) -> None:
        """Refuse to put something else in the place of a parameter, a module or a buffer."""
        if value is None:
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

    def _note_persistence(self, name: str, persistent: bool | None) -> None:
        """Note whether state_dict lists a buffer; None leaves it as it is."""
        if persistent:
            self._non_persistent_buffers_set.discard(name)
        elif persistent is not None:
            self._non_persistent_buffers_set.add(name)

    def _home(self, name: str) -> dict[str, Any] | None:
        """Return the table that lists `name`, if one does."""
        for home in (self._parameters, self._buffers, self._modules):
            if name in home:
                return home
        return None

    def __getattr__(self, name: str) -> Any:
        # Called only where ordinary lookup fails, for children most often; before __init__ there are no tables.
        own = self.__dict__
        if "_modules" in own:
            if name in own["_modules"]:
                return own["_modules"][name]
            if name in own["_parameters"]:
                return own["_parameters"][name]
            if name in own["_buffers"]:
                return own["_buffers"][name]
        raise AttributeError(f"'{type(self).__name__}' object has no attribute '{name}'")

    def __delattr__(self, name: str) -> None:
        home = self._home(name)
        if home is None:
            object.__delattr__(self, name)
        else:
            del home[name]
            self._non_persistent_buffers_set.discard(name)

    def __dir__(self) -> list[str]:
        own = [*self._parameters, *self._buffers, *self._modules]
        # Numbers, as Sequential names its modules, are no attributes one could write.
        return sorted({*super().__dir__(), *own} - {name for name in own if name[:1].isdigit()})

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Add a parameter, or None to reserve its name."""
        self._register(self._parameters, name, param)

    def register_buffer(self, name: str, tensor: Tensor | None, persistent: bool = True) -> None:
        """Add a tensor that is part of the state but not trained.

        Args:    persistent: whether state_dict lists it
        """
        self._register(self._buffers, name, tensor)
        self._note_persistence(name, persistent)

    def add_module(self, name: str, module: Module | None) -> None:
        """Add a child module."""
        self._register(self._modules, name, module)

    def register_module(self, name: str, module: Module | None) -> None:
        """Add a child module: another name of add_module."""
        self.add_module(name, module)

    def _register(self, home: dict[str, Any], name: str, value: Any) -> None:
        if "_modules" not in self.__dict__:
            raise AttributeError(f"cannot assign {name!r} before Module.__init__() call")
        if not isinstance(name, str):
            raise TypeError(f"a name must be a string, got {type(name).__name__}")
        self._check_name(name, free=name in home or not hasattr(self, name))
        self._check_kind(home, name, value)
        home[name] = value

    def _check_name(self, name: str, free: bool) -> None:
        if "." in name or not name:
            raise KeyError(f'a name must be a word without ".", got {name!r}')
        if not free:
            raise KeyError(f"attribute '{name}' already exists")

    # What is done to all of it

    def apply(self, fn: Callable[[Module], Any]) -> Self:
        """Call the function on every module inside, then on this one, and return it."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def train(self, mode: bool = True) -> Self:
        """Switch dropout and batch normalisation to training, or to evaluation if mode is False."""
        if not isinstance(mode, bool):
            raise ValueError(f"training mode is expected to be boolean, got {mode!r}")
        self.training = mode
        for child in self.children():  # one that overrides train() decides for itself
            child.train(mode)
        return self

    def eval(self) -> Self:
        """Switch to evaluation."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
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

    # Text

    def _get_name(self) -> str:
        return type(self).__name__

    def extra_repr(self) -> str:
        """Return what stands between the brackets of repr."""
        return ""

    def __repr__(self) -> str:
        lines = self.extra_repr().split("\n") if self.extra_repr() else []
        children = [f"({name}): " + text.replace("\n", "\n  ") for name, text in self._child_texts()]
        if not children and len(lines) < 2:
            return f"{self._get_name()}({''.join(lines)})"
        return f"{self._get_name()}(\n  " + "\n  ".join(lines + children) + "\n)"

    def _child_texts(self) -> list[tuple[str, str]]:
        """List the name and the text of each child for repr."""
        return [(name, repr(child)) for name, child in self._modules.items()]
