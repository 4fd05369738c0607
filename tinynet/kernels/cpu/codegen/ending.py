"""What becomes of the results of a convolution before they are written: the layers behind it, in evaluation.

In this order, each rounded as if it were written and read again: plus bias; times scale plus shift, one of each a
channel (batch normalisation with running statistics); plus another array that lies like y (a shortcut); the positive
part. So a result is written once, where convolution, normalisation and ReLU one by one write and read it three times.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from tinynet.kernels.cpu.codegen.language import Code, Int, Pointer, Vector


def kind_of(bias: Any, scale: Any, other: Any, relu: bool) -> str:
    """Return the kind of an `Ending`."""
    return (
        ("" if bias is None else "b")
        + ("" if scale is None else "s")
        + ("" if other is None else "o")
        + ("r" if relu else "")
    )


class Ending(NamedTuple):
    """The arrays: bias, scale, shift (O,), other (N, OH, OW, O), or what stands for them in a plan; None for none."""

    bias: Any = None
    scale: Any = None
    shift: Any = None
    other: Any = None
    relu: bool = False

    @classmethod
    def of_kind(cls, kind: str, arrays: Sequence[Any]) -> Ending:
        """Return the ending of a kind; of the four arrays those that the kind does not need are left out."""
        bias, scale, shift, other = (a if k in kind else None for k, a in zip("bsso", arrays, strict=True))
        return cls(bias, scale, shift, other, "r" in kind)

    @property
    def kind(self) -> str:
        """Return a letter for each thing that is done: the parameter of the kernels."""
        return kind_of(self.bias, self.scale, self.other, self.relu)

    def arrays(self, spare: Any) -> tuple[Any, ...]:
        """Return the four arrays for a kernel, which reads nothing of the spare one."""
        return tuple([spare if array is None else array for array in self[:4]])


class Finish:
    """Writes the instructions of an ending; the pointers are those of `Ending.arrays`."""

    def __init__(self, code: Code, kind: str, pointers: Sequence[Pointer]) -> None:
        self.code, self.kind = code, kind
        self.bias, self.scale, self.shift, self.other = pointers

    def channels(self, first: Int, mask: Any) -> list[Vector]:
        """Return what a vector of channels needs, the first of them given."""
        of_channels = {"b": (self.bias,), "s": (self.scale, self.shift)}
        return [
            (p + first).load(mask) for kind, found in of_channels.items() if kind in self.kind for p in found
        ]

    def __call__(self, vector: Vector, needed: list[Vector], place: Int, mask: Any) -> Vector:
        """Return what is written at a place of y, of a result there."""
        rest = list(needed)
        if "b" in self.kind:
            vector = vector + rest.pop(0)
        if "s" in self.kind:
            vector = self.code.fma(vector, *rest)
        if "o" in self.kind:
            vector = vector + (self.other + place).load(mask)
        return vector.where(vector.not_at_most(0.0), 0.0) if "r" in self.kind else vector
