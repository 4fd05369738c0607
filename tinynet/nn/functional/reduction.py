"""What the losses do with the loss of each element."""

from __future__ import annotations

import warnings

from tinynet.tensor import Tensor

REDUCTIONS = ("mean", "sum", "none")


def chosen_reduction(
    size_average: bool | None, reduce: bool | None, reduction: str, stacklevel: int = 3
) -> str:
    """Return the reduction, which size_average and reduce, its predecessors, decide where one is given."""
    if size_average is None and reduce is None:
        return reduction
    name = "none" if reduce is False else "sum" if size_average is False else "mean"
    warnings.warn(
        f"size_average and reduce args will be deprecated, please use reduction='{name}' instead.",
        stacklevel=stacklevel,
    )
    return name


def check_reduction(reduction: str, allowed: tuple[str, ...] = REDUCTIONS) -> None:
    """Refuse an unknown reduction.

    Raises:  ValueError
    """
    if reduction not in allowed:
        raise ValueError(f"{reduction} is not a valid value for reduction: one of {', '.join(allowed)}")


def reduced(loss: Tensor, reduction: str) -> Tensor:
    """Return the mean, the sum, or the loss of each element."""
    if reduction == "none":
        return loss
    return loss.sum() if reduction == "sum" else loss.mean()
