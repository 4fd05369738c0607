"""The state of modules by name, read and loaded, as methods of Module."""

from __future__ import annotations

import warnings
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from tinynet.autograd import delayed
from tinynet.backend import device_of, is_array, to_device
from tinynet.nn.parameter import Parameter
from tinynet.tensor import Tensor
from tinynet.tensor.hooks import RemovableHandle

EXTRA = "_extra_state"
"""The last part of the name under which a module's get_extra_state() is kept."""


class IncompatibleKeys(NamedTuple):
    """Names of load_state_dict that had no partner: of the module's own, and of those given."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return (
            f"IncompatibleKeys(missing_keys={self.missing_keys!r}, unexpected_keys={self.unexpected_keys!r})"
        )


class StateMethods:
    """state_dict, load_state_dict, and what a subclass may override of them.

    A module with a state of another kind defines get_extra_state() and set_extra_state(state).
    """

    _version = 1
    """Number of the layout of a class's state; kept in the metadata of state_dict for _load_from_state_dict."""
    _parameters: dict[str, Any]
    _buffers: dict[str, Any]
    _modules: dict[str, Any]
    _non_persistent_buffers_set: set[str]
    _state_dict_pre_hooks: dict[int, Callable[..., Any]]
    _state_dict_hooks: dict[int, Callable[..., Any]]
    _load_state_dict_pre_hooks: dict[int, Callable[..., Any]]
    _load_state_dict_post_hooks: dict[int, Callable[..., Any]]

    # Hooks

    def register_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call hook(module, prefix, keep_vars) before the state is read."""
        return RemovableHandle(self._state_dict_pre_hooks, hook)

    def register_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call hook(module, state_dict, prefix, local_metadata) when the state has been read."""
        return RemovableHandle(self._state_dict_hooks, hook)

    def _register_state_dict_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        return self.register_state_dict_post_hook(hook)

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call hook(module, *arguments of _load_from_state_dict) before this module's part is loaded."""
        return self._register_load_state_dict_pre_hook(hook, with_module=True)

    def _register_load_state_dict_pre_hook(
        self, hook: Callable[..., Any], with_module: bool = False
    ) -> RemovableHandle:
        called = hook if with_module else lambda module, *args: hook(*args)
        return RemovableHandle(self._load_state_dict_pre_hooks, called)

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call hook(module, incompatible_keys) when this module has been loaded; the hook may change the keys."""
        return RemovableHandle(self._load_state_dict_post_hooks, hook)

    # Reading

    def state_dict(
        self, *args: Any, destination: Any = None, prefix: str = "", keep_vars: bool = False
    ) -> Any:
        """Return the parameters and persistent buffers by name, sharing memory with the module.

        Args:    destination: dictionary to fill, a new one if None; prefix: what all names begin with
                 keep_vars: list the tensors themselves, with their history
        """
        if args:
            warnings.warn(
                "Positional args are being deprecated, use kwargs instead.", FutureWarning, stacklevel=2
            )
            given: Any = (*args, *(destination, prefix, keep_vars)[len(args) :])
            destination, prefix, keep_vars = given
        if destination is None:
            destination = OrderedDict()
            destination._metadata = OrderedDict()
        metadata = {"version": self._version}
        if hasattr(destination, "_metadata"):
            destination._metadata[prefix[:-1]] = metadata
        for hook in self._state_dict_pre_hooks.values():
            hook(self, prefix, keep_vars)
        self._save_to_state_dict(destination, prefix, keep_vars)
        for name, child in self._modules.items():  # a child with two names is listed under both
            if child is not None:
                child.state_dict(destination=destination, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
        for hook in self._state_dict_hooks.values():
            hook(self, destination, prefix, metadata)
        return destination

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        """Add the parameters and buffers of this module alone."""
        for name, value in self._local_state().items():
            destination[prefix + name] = value if keep_vars else value.detach()
        if hasattr(self, "get_extra_state"):
            destination[prefix + EXTRA] = self.get_extra_state()

    def _local_state(self) -> dict[str, Tensor]:
        buffers = {k: v for k, v in self._buffers.items() if k not in self._non_persistent_buffers_set}
        return {name: value for name, value in (self._parameters | buffers).items() if value is not None}

    # Loading

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> IncompatibleKeys:
        """Copy the values (Tensors or arrays) into the parameters and buffers of the same names, keeping their dtype.

        Nothing is changed unless everything fits. Return the missing and the unexpected names.

        Args:    strict: both must be none; assign: the module takes the tensors themselves, with their dtype
        Raises:  RuntimeError: lists every missing and unexpected name (strict only), every shape that differs and
                 every value that is no array; TypeError: not a mapping
        """
        if not isinstance(state_dict, Mapping):
            raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")
        state: Any = OrderedDict(state_dict)  # hooks and overrides may change it
        metadata = getattr(state_dict, "_metadata", None)
        if metadata is not None:
            state._metadata = metadata
        missing: list[str] = []
        unexpected: list[str] = []
        errors: list[str] = []
        before = _Snapshot(self)
        try:
            _load(self, state, metadata, assign, "", missing, unexpected, errors)
            if strict:
                errors[:0] = [
                    f"{kind} key(s) in state_dict: " + ", ".join(f'"{name}"' for name in names) + ". "
                    for kind, names in (("Missing", missing), ("Unexpected", unexpected))
                    if names
                ]
            if errors:
                lines = "\n\t".join(errors)
                raise RuntimeError(f"Error(s) in loading state_dict for {type(self).__name__}:\n\t{lines}")
        except BaseException:
            before.restore()
            raise
        return IncompatibleKeys(missing, unexpected)

    def _load_from_state_dict(
        self: Any,
        state_dict: Any,
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        """Load the parameters and buffers of this module alone; a subclass may override it to read other layouts.

        Args:    local_metadata: "version" is the _version of the class when the state was read, if known
        """
        for hook in self._load_state_dict_pre_hooks.values():
            hook(
                self,
                state_dict,
                prefix,
                local_metadata,
                strict,
                missing_keys,
                unexpected_keys,
                error_msgs,
            )
        own = self._local_state()
        assign = local_metadata.get("assign_to_params_buffers", False)
        for name, tensor in own.items():
            key = prefix + name
            if key not in state_dict:
                missing_keys.extend([key] if strict else [])
                continue
            value = _fitted(state_dict[key], tensor)
            problem = _misfit(key, value, tensor.shape)
            if problem is not None:
                error_msgs.append(problem)
            elif assign:
                setattr(self, name, _in_place_of(tensor, value))
            else:
                _write(tensor, value.array if isinstance(value, Tensor) else value)
        has_extra = hasattr(self, "set_extra_state")
        if has_extra and prefix + EXTRA in state_dict:
            self.set_extra_state(state_dict[prefix + EXTRA])
        elif has_extra and strict:
            missing_keys.append(prefix + EXTRA)
        if strict:
            known = {*own, EXTRA} if has_extra else {*own}
            unexpected_keys.extend(
                key
                for key in state_dict
                if key.startswith(prefix) and not _known(key[len(prefix) :], known, self._modules)
            )


def _load(
    module: Any,
    state: Any,
    metadata: Any,
    assign: bool,
    prefix: str,
    missing: list[str],
    unexpected: list[str],
    errors: list[str],
) -> None:
    """Load a module, then its children, each from its own part of the state."""
    local = dict((metadata or {}).get(prefix[:-1], {}))
    if assign:
        local["assign_to_params_buffers"] = True
    module._load_from_state_dict(state, prefix, local, True, missing, unexpected, errors)
    for name, child in module._modules.items():
        if child is not None:
            inner = f"{prefix}{name}."
            part = {key: value for key, value in state.items() if key.startswith(inner)}
            _load(child, part, metadata, assign, inner, missing, unexpected, errors)
    keys = IncompatibleKeys(missing, unexpected)
    for hook in module._load_state_dict_post_hooks.values():
        if hook(module, keys) is not None:
            raise TypeError("a load_state_dict post hook changes incompatible_keys in place and returns None")


class _Snapshot:
    """The values of a module's parameters and buffers, to be put back if loading fails half-way."""

    def __init__(self, module: Any) -> None:
        self.tables = [
            (table, dict(table))
            for inner in module.modules()
            for table in (inner._parameters, inner._buffers)
        ]
        tensors = {id(t): t for _, values in self.tables for t in values.values() if t is not None}
        self.values = [(tensor, tensor.array.copy()) for tensor in tensors.values()]

    def restore(self) -> None:
        """Put everything back."""
        for table, values in self.tables:
            table.clear()
            table.update(values)
        for tensor, array in self.values:
            _write(tensor, array)


def _write(tensor: Tensor, array: Any) -> None:
    """Copy values into the memory of a tensor, in its dtype and on its device, outside any graph."""
    delayed.settle(tensor.array)
    tensor.array[...] = to_device(array, device_of(tensor.array))
    tensor.version_counter()[0] += 1


def _in_place_of(tensor: Tensor, value: Any) -> Tensor:
    """Return the tensor that takes the place of a parameter or buffer."""
    if isinstance(tensor, Parameter):
        if isinstance(value, Parameter):
            return value.requires_grad_(tensor.requires_grad)
        return Parameter(value, tensor.requires_grad)
    return value if isinstance(value, Tensor) else Tensor(value)


def _fitted(value: Any, tensor: Tensor) -> Any:
    """Return the value: another library's tensor as an array, a single number of shape (1,) with the tensor's shape ().

    torch 0.3 wrote single numbers with an axis.
    """
    if not isinstance(value, Tensor) and hasattr(value, "detach") and hasattr(value, "__array__"):
        value = np.asarray(value.detach().cpu())
    one_number = (isinstance(value, Tensor) or is_array(value)) and tensor.shape == () and value.shape == (1,)
    return value[0:1].reshape(()) if one_number else value


def _misfit(name: str, value: Any, shape: tuple[int, ...]) -> str | None:
    """Say why a value cannot be loaded into a parameter or buffer, if it cannot."""
    if not isinstance(value, Tensor) and not is_array(value):
        return f'"{name}" must be a Tensor or an array, not {type(value).__name__}.'
    if value.shape != shape:
        return (
            f"size mismatch for {name}: copying a param with shape {list(value.shape)} from checkpoint, "
            f"the shape in current model is {list(shape)}."
        )
    return None


def _known(name: str, own: set[str], modules: Mapping[str, Any]) -> bool:
    """Return whether a name belongs to a module's own state or to one of its children."""
    first, dot, _ = name.partition(".")
    return first in modules if dot else name in own
