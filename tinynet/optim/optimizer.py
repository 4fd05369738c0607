"""What every optimiser shares: parameter groups, per-parameter state, and torch's state-dict format."""

from __future__ import annotations

import copy
import numbers
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from tinynet.autograd import delayed, enable_grad
from tinynet.backend import Array, array_module, asnumpy, is_array, to_device
from tinynet.tensor import Tensor

# torch's choices between implementations of one update. Here is one implementation: they must be off, and a
# state dict that torch saved with one of them on loads all the same.
SWITCHES = ("foreach", "fused", "capturable", "differentiable")


class _Required:
    def __repr__(self) -> str:
        return "<required parameter>"


required = _Required()
"""Default of an option that every group must set, for optimisers written against torch."""


def check_number(what: str, value: Any, minimum: float | None = None, below: float | None = None) -> None:
    """Raise unless `value` is a real number, at least `minimum` and less than `below` where these are given.

    Raises:  TypeError: not a number (a Tensor, for example); ValueError: out of range or NaN
    """
    if not isinstance(value, numbers.Real):
        raise TypeError(f"Invalid {what}: expected a number, but got {type(value).__name__} {value!r}")
    number = float(value)
    if (
        number != number
        or (minimum is not None and number < minimum)
        or (below is not None and number >= below)
    ):
        raise ValueError(f"Invalid {what}: {value}")


def check_betas(betas: Any) -> None:
    """Raise ValueError or TypeError unless `betas` are two numbers in [0, 1)."""
    if len(betas) != 2:
        raise ValueError(f"Invalid betas: expected two numbers, but got {betas}")
    for i, beta in enumerate(betas):
        check_number(f"beta parameter at index {i}", beta, minimum=0, below=1)


def counter(value: float) -> Tensor:
    """Return a float32 number on the host, where reading it in a step waits for no device."""
    return Tensor(np.full((), value, np.float32))


def zeros_like(param: Tensor) -> Tensor:
    """Return zeros shaped, typed, placed and laid out in memory like `param`."""
    return Tensor(array_module(param.array).zeros_like(param.array))


class Optimizer:
    """Base of all optimisers; a subclass gives `update`, which steps one parameter, and checks its options.

    Where many small steps cost more than one large, it gives `update_all` instead.


    Args:    params: Tensors; (name, Tensor) pairs; or dictionaries with "params" and options of their own
             defaults: options of groups that do not set them
    State:   param_groups: list of dictionaries; state: dictionary from parameter to its buffers
    Raises:  TypeError: params is a Tensor or a set, or holds something else than Tensors
             ValueError: no parameters, a non-leaf, a parameter in two groups, names for some only, one of
             torch's switches that are not available here
    """

    buffers: tuple[str, ...] | None = None
    """Names of what a subclass keeps for a parameter; None if it keeps whatever it likes."""

    counters: tuple[str, ...] = ()
    """Those of `buffers` that are a `counter`; the others are shaped like the parameter."""

    def __init__(self, params: Iterable[Any], defaults: dict[str, Any]) -> None:
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, "
                f"but got {type(params).__name__} of shape {tuple(params.shape)}"
            )
        self.defaults = defaults
        self.state: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
        self.param_groups: list[dict[str, Any]] = []
        groups = list(params)
        if not groups:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def __getstate__(self) -> dict[str, Any]:
        """Return what a copy takes over: not the `step` that a schedule has hung on this very object."""
        return {key: value for key, value in vars(self).items() if key not in ("step", "_opt_called")}

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take over attributes; `load_state_dict` ends here, so that a subclass may complete its groups."""
        vars(self).update(state)

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {i}")
            lines += [f"    {key}: {group[key]}" for key in sorted(group) if key != "params"]
        return "\n".join(lines) + "\n)"

    def check_options(self, options: dict[str, Any]) -> None:
        """Raise for an option that is out of its range or not available; subclasses add their own."""
        for switch in SWITCHES:
            if options.get(switch):
                raise ValueError(
                    f"{switch}={options[switch]} is not available: {type(self).__name__} has one "
                    "implementation; leave this option off"
                )

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters with options of their own, for example layers unfrozen later.

        Args:    param_group: "params" (a Tensor, Tensors or (name, Tensor) pairs) and any options; copied
        Raises:  as the constructor
        """
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group).__name__}")
        params, names = _split_names(param_group["params"])
        for param in params:
            if not isinstance(param, Tensor):
                raise TypeError(
                    f"optimizer can only optimize Tensors, but one of the params is {type(param).__name__}"
                )
            if not param.is_leaf:
                raise ValueError(f"can't optimize a non-leaf Tensor (shape {tuple(param.shape)})")
        group = {**param_group, "params": params}
        if names:
            group["param_names"] = names
        for option, default in self.defaults.items():
            if default is required and option not in group:
                raise ValueError(
                    f"parameter group didn't specify a value of required optimization parameter {option}"
                )
            group.setdefault(option, default)
        self.check_options(group)
        self._check_membership(group)
        self.param_groups.append(group)

    def _check_membership(self, group: dict[str, Any]) -> None:
        """Refuse parameters of another group and names in some groups only; warn of duplicates."""
        added = {id(param) for param in group["params"]}
        if len(added) != len(group["params"]):
            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters: a step updates them twice",
                stacklevel=4,
            )
        for other in self.param_groups:
            if ("param_names" in group) != ("param_names" in other):
                raise ValueError("all optimizer param groups should be with/without names")
            if any(id(param) in added for param in other["params"]):
                raise ValueError("some parameters appear in more than one parameter group")

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or make them zero: None skips a step, zero takes one."""
        for group in self.param_groups:
            for param in group["params"]:
                if set_to_none:
                    param.grad = None
                elif param.grad is not None:
                    param.grad = zeros_like(param.grad)

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient; return the closure's loss, or None without a closure.

        Args:    closure: computes the gradients anew and returns the loss
        """
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        for group in self.param_groups:
            params = [param for param in group["params"] if param.grad is not None]
            delayed.settle(*[param.array for param in params])
            self.update_all(params, group)
            for param in params:
                # A graph recorded before the step must not be walked with the values after it.
                param.version_counter()[0] += 1
        return loss

    def update_all(self, params: list[Tensor], group: dict[str, Any]) -> None:
        """Take one step with parameters of a group, all of which have gradients: `update` of each, or all at once."""
        for param in params:
            assert param.grad is not None
            self.update(param, param.grad, group=group, state=self.state[param])

    def update(self, param: Tensor, grad: Tensor, *, group: dict[str, Any], state: dict[str, Any]) -> None:
        """Take one step with one parameter, in place; `state` is its own dictionary, empty at first."""
        raise NotImplementedError(f"{type(self).__name__} must define update")

    def state_dict(self) -> dict[str, Any]:
        """Return {"state": buffers by parameter index, "param_groups": options and indices}, as torch does.

        The buffers are the live Tensors, not copies.
        """
        indices: dict[int, int] = {}
        for group in self.param_groups:
            for param in group["params"]:
                indices.setdefault(id(param), len(indices))
        return {
            "state": {indices[id(param)]: dict(state) for param, state in self.state.items() if state},
            "param_groups": [
                {**group, "params": [indices[id(param)] for param in group["params"]]}
                for group in self.param_groups
            ],
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over options and buffers saved by `state_dict`, or by torch's for the same parameters.

        Args:    state_dict: its buffers may be Tensors, arrays, or torch tensors on the CPU; they are copied,
                 in the parameter's dtype and on its device. Nothing changes if it does not fit.
        Raises:  ValueError: the groups differ in number or size, or a buffer and its parameter in shape; a
                 buffer of another optimiser
        """
        saved_groups = state_dict["param_groups"]
        params = self._match_groups(saved_groups)
        loaded: defaultdict[Any, dict[str, Any]] = defaultdict(dict)
        for index, buffers in state_dict["state"].items():
            if index not in params:
                raise ValueError(
                    f"loaded state dict has state for parameter {index}, which is in none of its groups"
                )
            loaded[params[index]] = {
                key: self.load_buffer(key, value, params[index]) for key, value in buffers.items()
            }
        groups = [
            _merge_group(group, saved) for group, saved in zip(self.param_groups, saved_groups, strict=True)
        ]
        self.__setstate__({"state": loaded, "param_groups": groups})

    def _match_groups(self, saved_groups: list[dict[str, Any]]) -> dict[Any, Tensor]:
        """Return the parameter that each saved index stands for; refuse groups that do not fit."""
        if len(saved_groups) != len(self.param_groups):
            raise ValueError(
                "loaded state dict has a different number of parameter groups: "
                f"{len(saved_groups)}, the optimizer has {len(self.param_groups)}"
            )
        params: dict[Any, Tensor] = {}
        for i, (group, saved) in enumerate(zip(self.param_groups, saved_groups, strict=True)):
            if len(group["params"]) != len(saved["params"]):
                raise ValueError(
                    "loaded state dict contains a parameter group that doesn't match the size of optimizer's "
                    f"group: group {i} has {len(saved['params'])} parameters, "
                    f"the optimizer's has {len(group['params'])}"
                )
            params.update(zip(saved["params"], group["params"], strict=True))
        return params

    def load_buffer(self, key: str, value: Any, param: Tensor) -> Any:
        """Copy one saved buffer of `param`; None stays None.

        A subclass that names its buffers gets them in the parameter's dtype and on its device, and its counters
        on the host. Of any other, tensors but "step" are converted likewise, in the shape they have.
        """
        if self.buffers is None:
            return _copied(value, None if key == "step" else param)
        if key not in self.buffers:
            raise ValueError(
                f"loaded state has {key!r}, which {type(self).__name__} does not keep; it keeps "
                f"{', '.join(self.buffers)}"
            )
        if value is None:
            return None
        array = _host_or_device_array(value)
        if key in self.counters:
            return counter(float(asnumpy(array).reshape(())))
        if array.shape != tuple(param.shape):
            raise ValueError(
                f"loaded state {key!r} has shape {tuple(array.shape)}, its parameter {tuple(param.shape)}"
            )
        buffer = zeros_like(param)
        buffer.array[...] = to_device(array, param.device)
        return buffer


def _split_names(params: Any) -> tuple[list[Any], list[str]]:
    """Separate the names from the Tensors of a group."""
    if isinstance(params, Tensor):
        return [params], []
    if isinstance(params, set):
        raise TypeError(
            "optimizer parameters need to be organized in ordered collections, but the ordering of tensors "
            "in sets will change between runs. Please use a list instead."
        )
    members = list(params)
    named = [member for member in members if isinstance(member, tuple)]
    if named and len(named) != len(members):
        raise ValueError("all optimizer params should be with/without names. Some param names are missing")
    return [tensor for _, tensor in named] or members, [name for name, _ in named]


def _merge_group(group: dict[str, Any], saved: dict[str, Any]) -> dict[str, Any]:
    """Return the saved options around the parameters of `group`; what only one side has stays."""
    merged = {**group, **copy.deepcopy(saved), "params": group["params"]}
    for key, value in group.items():
        if key in SWITCHES:
            merged[key] = value
        elif isinstance(value, tuple) and isinstance(merged[key], list):  # JSON knows no tuples
            merged[key] = tuple(merged[key])
    return merged


def _copied(value: Any, param: Tensor | None) -> Any:
    """Copy what a subclass keeps: tensors in the dtype and on the device of `param` if given, the rest as is."""
    if isinstance(value, dict):
        return {key: _copied(item, None if key == "step" else param) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_copied(item, param) for item in value)
    if isinstance(value, np.generic) or not (isinstance(value, Tensor) or hasattr(value, "__array__")):
        return copy.deepcopy(value)
    array = _host_or_device_array(value)
    if param is None:
        return Tensor(array.copy())
    return Tensor(to_device(array, param.device).astype(param.dtype))


def _host_or_device_array(value: Any) -> Array:
    array = value.array if isinstance(value, Tensor) else value
    return array if is_array(array) else np.asarray(array)
