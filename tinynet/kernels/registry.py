"""Which version of a kernel runs: the readable one, or a faster one that covers this call.

`@kernel` marks a generic function as the definition of a kernel and makes its name a dispatcher.
`@accelerates(generic, device=..., when=...)` adds a faster version with the same signature. A call tries the
accelerated versions of its device, latest registered first, and takes the first whose `when` accepts the
arguments; else the generic version runs. `TINYNET_KERNELS=generic` or `with generic_only():` leaves only the
generic versions.
"""

from __future__ import annotations

import contextlib
import functools
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

import numpy as np

from tinynet import run_ahead, switches
from tinynet.backend import device_of, is_array

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True)
class Accelerated:
    """One faster version: the device it runs on, the calls it covers, and the function."""

    device: str
    when: Callable[..., bool]
    function: Callable[..., Any]


@dataclass
class Kernel:
    """A kernel's name, its generic function and the faster versions registered for it."""

    name: str
    generic: Callable[..., Any]
    accelerated: list[Accelerated] = field(default_factory=list)

    def select(self, *args: Any, **kwargs: Any) -> Callable[..., Any]:
        """Return the version that a call with these arguments runs."""
        if self.accelerated and (_read_switch() if _use_accelerated is None else _use_accelerated):
            # The usual case, without looking further.
            device = "cpu" if args and type(args[0]) is np.ndarray else _device_of_call(args, kwargs)
            for version in reversed(self.accelerated):
                if version.device == device and version.when(*args, **kwargs):
                    return version.function
        return self.generic


_kernels: dict[str, Kernel] = {}


_use_accelerated: bool | None = None
"""Whether accelerated kernels may run; None until the first call has read TINYNET_KERNELS."""


def _read_switch() -> bool:
    global _use_accelerated
    _use_accelerated = switches.read("TINYNET_KERNELS") == "auto"
    return _use_accelerated


def _device_of_call(args: tuple[Any, ...], kwargs: dict[str, Any]) -> str | None:
    for value in (*args, *kwargs.values()):
        if type(value) is list and value:  # of arrays: all of one device where a faster version accepts them
            value = value[0]
        if is_array(value):
            return device_of(value).type
    return None


def kernel(function: F) -> F:
    """Declare `function` as the generic version of the kernel of its name.

    Raises:  ValueError: a kernel of that name exists
    """
    name = function.__name__
    if name in _kernels:
        raise ValueError(f"kernel {name!r} is declared twice: {_kernels[name].generic.__module__} has it")
    entry = _kernels[name] = Kernel(name, function)

    @functools.wraps(function)
    def dispatch(*args: Any, **kwargs: Any) -> Any:
        chosen = entry.select(*args, **kwargs) if entry.accelerated else function
        if run_ahead.must_pause(chosen):
            with run_ahead.pause():
                return chosen(*args, **kwargs)
        return chosen(*args, **kwargs)

    dispatch.kernel = entry  # type: ignore[attr-defined]
    return cast(F, dispatch)


def accelerates(
    generic: Callable[..., Any],
    *,
    device: str,
    when: Callable[..., bool] = lambda *args, **kwargs: True,
    ahead: bool = False,
) -> Callable[[F], F]:
    """Register the decorated function as a faster version of `generic` for the calls that `when` accepts.

    Args:    device: "cpu" or "cuda"; when: called with the kernel's own arguments
             ahead: the function looks at no values itself, and may return before they are computed (run_ahead.py)
    Raises:  TypeError: the signatures differ, or `generic` is no kernel; ValueError: registered twice
    """

    def register(function: F) -> F:
        entry = getattr(generic, "kernel", None)
        if not isinstance(entry, Kernel):
            raise TypeError(f"{generic!r} is not a kernel: declare it with @kernel first")
        expected, found = _parameters(entry.generic), _parameters(function)
        if expected != found:
            raise TypeError(f"{function.__qualname__}{found} differs from {entry.name}{expected}")
        key = (device, function.__module__, function.__qualname__)
        if any((v.device, v.function.__module__, v.function.__qualname__) == key for v in entry.accelerated):
            raise ValueError(f"{function.__qualname__} is registered twice for {entry.name} on {device}")
        if ahead:
            function.ahead = True  # type: ignore[attr-defined]
        entry.accelerated.append(Accelerated(device, when, function))
        return function

    return register


def _parameters(function: Callable[..., Any]) -> list[tuple[str, Any, Any]]:
    """List name, kind and default of each parameter: what two versions of a kernel must share."""
    return [(p.name, p.kind, p.default) for p in inspect.signature(function).parameters.values()]


def kernels() -> dict[str, Kernel]:
    """Return every declared kernel by name (a copy: registering happens through the decorators)."""
    return dict(_kernels)


@contextlib.contextmanager
def generic_only() -> Iterator[None]:
    """Run only generic kernels inside the block: debugging switch, test oracle and benchmark baseline."""
    global _use_accelerated
    before, _use_accelerated = _use_accelerated, False
    try:
        yield
    finally:
        _use_accelerated = before
