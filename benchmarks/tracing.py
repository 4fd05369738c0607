"""Where a step spends its time: the calls of kernels and operations in it, and the seconds that each computed.

Kernels are seen where the registry chooses them (`Kernel.select`); what counts is the time in generated machine code
(`Team.run`, `Team.call`), or of the whole call if there was none. Operations that call no kernel (linear layers, the
loss, padding) are seen in `Function.apply`. What is left of a step is Python: the engine, dispatch, preparing the
calls, and the gradient of cross entropy, which is not made of operations. No kernel is left running meanwhile
(run_ahead.py), so that each can be timed: a traced step takes longer than others, by about half of what Python takes.
The patches last as long as the context; nothing in tinynet knows of them.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import numpy as np

from tinynet import Tensor, run_ahead
from tinynet.autograd import Function
from tinynet.autograd.delayed import DelayedTensor
from tinynet.kernels.cpu.codegen.team import Team
from tinynet.kernels.registry import Kernel

Describe = Callable[[str, tuple[Any, ...], dict[str, Any], Any], Any]
"""Makes of a name, arguments, named arguments and the result what is kept of a call."""


class Trace:
    """The seconds of each call, in order, and if `describe` is given what it makes of them.

    A name is that of a kernel, or of a Function; of a Function's tensors `describe` sees the arrays.
    """

    def __init__(self, describe: Describe | None = None) -> None:
        self.describe = describe
        self.seconds: list[float] = []
        self.calls: list[Any] = []
        self._machine = 0.0

    def _note(self, seconds: float, name: str, args: Any, kwargs: Any, result: Any) -> None:
        self.seconds.append(seconds)
        if self.describe is not None:
            self.calls.append(self.describe(name, args, kwargs, result))

    def _run(self, original: Callable[..., None]) -> Callable[..., None]:
        def run(team: Team, *args: Any) -> None:
            start = time.perf_counter()
            original(team, *args)
            self._machine += time.perf_counter() - start

        return run

    def _select(self, original: Callable[..., Any]) -> Callable[..., Any]:
        def select(kernel: Kernel, *args: Any, **kwargs: Any) -> Callable[..., Any]:
            chosen = original(kernel, *args, **kwargs)
            return chosen if chosen is kernel.generic else self._timed(kernel.name, chosen)

        return select

    def _timed(self, name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **kwargs: Any) -> Any:
            before, start = self._machine, time.perf_counter()
            result = function(*args, **kwargs)
            whole = time.perf_counter() - start
            self._note(self._machine - before or whole, name, args, kwargs, result)
            return result

        return timed

    def _apply(self, original: Callable[..., Any]) -> classmethod:
        def apply(cls: type[Function], *args: Any) -> Any:
            before, start = len(self.seconds), time.perf_counter()
            result = original(cls, *args)
            seconds = time.perf_counter() - start
            if len(self.seconds) == before:  # neither a kernel nor another operation has been seen in it
                self._note(seconds, cls.__name__, _arrays(args), {}, _arrays(result))
            return result

        return classmethod(apply)


def _arrays(values: Any) -> tuple[np.ndarray, ...]:
    """Return the arrays of tensors; those of which nothing is computed yet are left out."""
    many = values if isinstance(values, tuple) else (values,)
    return tuple(v.array for v in many if isinstance(v, Tensor) and type(v) is not DelayedTensor)


@contextlib.contextmanager
def traced(describe: Describe | None = None) -> Iterator[Trace]:
    """Trace what the block computes."""
    trace = Trace(describe)
    with (
        mock.patch.object(run_ahead, "enabled", False),
        mock.patch.object(Team, "run", trace._run(Team.run)),
        mock.patch.object(Team, "call", trace._run(Team.call)),
        mock.patch.object(Kernel, "select", trace._select(Kernel.select)),
        mock.patch.object(Function, "apply", trace._apply(Function.apply.__func__)),
    ):
        yield trace
