"""Trade time for memory: forget what forward saved, and compute it again when backward needs it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from tinynet import random
from tinynet.autograd import enable_grad, graph
from tinynet.nn import Sequential
from tinynet.tensor import Tensor


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    preserve_rng_state: bool = True,
    **kwargs: Any,
) -> Any:
    """Return function(*args, **kwargs), keeping only its arguments until backward, which runs it a second time.

    The function must do the same both times. What it changes on the side, the running statistics of batch
    normalisation for example, changes twice, as in torch.

    Args:    use_reentrant: accepted; there is one implementation, which supports all that torch's two do
             preserve_rng_state: let dropout draw the same numbers the second time
    Raises:  RuntimeError: in backward, when the second run saves other tensors than the first
    Source:  Chen, Xu, Zhang, Guestrin 2016, Training Deep Nets with Sublinear Memory Cost, arXiv 1604.06174
    """
    run = _Run(function, args, kwargs, random.get_rng_state() if preserve_rng_state else None)
    with graph.saved_tensors_hooks(run.pack, run.unpack):
        return function(*args, **kwargs)


class _Run:
    """One checkpointed call: counts what its first run saves, and has it computed again when it is asked for."""

    def __init__(self, function: Callable[..., Any], args: Any, kwargs: Any, rng_state: Any) -> None:
        self.function, self.args, self.kwargs, self.rng_state = function, args, kwargs, rng_state
        self.saved: list[tuple[Any, Any]] = []
        """Shape and dtype of each tensor that the first run saved."""
        self.again: dict[int, Tensor] = {}
        """What the second run saved and backward has not yet fetched."""

    def pack(self, tensor: Tensor) -> int:
        self.saved.append((tensor.array.shape, tensor.array.dtype))
        return len(self.saved) - 1

    def unpack(self, number: int) -> Tensor:
        if number not in self.again:
            self._run_again()
        return self.again.pop(number)

    def _run_again(self) -> None:
        found: list[Tensor] = []
        outside = random.get_rng_state()
        if self.rng_state is not None:
            random.set_rng_state(self.rng_state)
        try:
            with enable_grad(), graph.saved_tensors_hooks(found.append, _never):
                self.function(*self.args, **self.kwargs)
        finally:
            if self.rng_state is not None:
                random.set_rng_state(outside)
        again = [(tensor.array.shape, tensor.array.dtype) for tensor in found]
        if again != self.saved:
            raise RuntimeError(
                "checkpoint: the second run of the function saved other tensors for backward than the first: "
                f"{len(again)} instead of {len(self.saved)}, or of other shapes or dtypes. It must do the same twice."
            )
        self.again = dict(enumerate(found))


def _never(_: Any) -> Tensor:
    raise AssertionError("the graph of the second run is not walked")


def checkpoint_sequential(
    functions: Sequential | Iterable[Callable[..., Any]],
    segments: int,
    input: Any,
    use_reentrant: bool | None = None,
    preserve_rng_state: bool = True,
) -> Any:
    """Apply functions one after the other, all but the last of `segments` equal groups checkpointed.

    Raises:  ValueError: segments is not between 1 and the number of functions
    """
    steps = list(functions)
    if not 1 <= segments <= len(steps):
        raise ValueError(
            f"segments must be between 1 and {len(steps)}, the number of functions, got {segments}"
        )
    size = len(steps) // segments
    for i in range(segments - 1):
        group = steps[i * size : (i + 1) * size]
        input = checkpoint(_apply_all, group, input, preserve_rng_state=preserve_rng_state)
    return _apply_all(steps[(segments - 1) * size :], input)


def _apply_all(steps: list[Callable[..., Any]], value: Any) -> Any:
    for step in steps:
        value = step(value)
    return value
