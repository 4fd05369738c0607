"""Sizes of convolutions that the generated kernels are tested with, by the kernels that they were chosen for."""

from __future__ import annotations

from typing import NamedTuple

from tinynet.kernels.cpu.codegen.shape import Pair, Shape
from tinynet.kernels.generic.im2col import output_size


class Case(NamedTuple):
    """Sizes of a convolution."""

    N: int
    C: int
    O: int
    image: Pair
    window: Pair
    stride: int = 1
    padding: Pair = (0, 0)
    dilation: int = 1

    def __str__(self) -> str:
        sizes = (
            f"{self.N}x{self.C}to{self.O}-{self.image[0]}x{self.image[1]}-k{self.window[0]}x{self.window[1]}"
        )
        return f"{sizes}-s{self.stride}-p{self.padding[0]}x{self.padding[1]}-d{self.dilation}"

    def options(self) -> dict[str, Pair]:
        """Return what the generic kernels are told besides the arrays."""
        return {
            "stride": (self.stride, self.stride),
            "padding": self.padding,
            "dilation": (self.dilation, self.dilation),
        }

    def shape(self) -> Shape:
        """Return the same for the generated kernels."""
        results = output_size(self.image, self.window, *self.options().values())
        return Shape(self.N, self.image, self.C, results, self.O, self.window, **self.options())


THREES = [
    Case(N, C, O, image, (3, 3), 1, padding)
    for N, C, O, image, padding in [
        (2, 16, 16, (8, 8), (1, 1)),
        (1, 16, 33, (7, 10), (1, 1)),
        (5, 17, 16, (9, 6), (0, 0)),
        (2, 33, 17, (5, 5), (2, 2)),
        (1, 130, 64, (6, 7), (1, 1)),
        (2, 64, 130, (4, 4), (1, 0)),
        (3, 8, 20, (13, 3), (0, 2)),
        (2, 40, 48, (2, 2), (1, 1)),
        (1, 64, 16, (3, 2), (2, 1)),
        (2, 5, 5, (6, 8), (1, 1)),
        (1, 3, 16, (12, 12), (1, 1)),
        (1, 1, 1, (5, 4), (1, 1)),
        (2, 16, 16, (1, 1), (1, 1)),
        (1, 16, 16, (6, 5), (3, 3)),
        (1, 16, 16, (1, 9), (1, 1)),
    ]
]
TWOS = [
    Case(N, C, O, image, (3, 3), 2, (1, 1))
    for N, C, O, image in [
        (3, 16, 32, (16, 16)),
        (12, 33, 17, (7, 6)),
        (4, 17, 16, (9, 17)),
        (6, 8, 40, (5, 11)),
        (13, 40, 48, (5, 6)),
        (2, 64, 130, (18, 15)),
    ]
]
OTHERS = [
    Case(2, 3, 16, (9, 8), (3, 3), 2, (1, 1)),
    Case(1, 16, 33, (8, 7), (3, 3), 2, (1, 1)),
    Case(3, 16, 16, (16, 16), (3, 3), 2, (0, 1)),
    Case(5, 17, 5, (7, 9), (3, 3), 3, (0, 1)),
    Case(2, 33, 16, (6, 6), (1, 1), 2),
    Case(1, 64, 130, (5, 4), (1, 1)),
    Case(2, 130, 3, (4, 6), (1, 1), 1, (1, 2)),
    Case(2, 1, 5, (12, 10), (5, 5)),
    Case(1, 3, 17, (13, 12), (5, 5), 2, (2, 2)),
    Case(2, 5, 16, (9, 11), (3, 2), 1, (1, 0)),
    Case(1, 16, 5, (8, 9), (3, 2), 2, (0, 3)),
    Case(1, 3, 64, (16, 14), (7, 7), 2, (3, 3)),
    Case(2, 17, 3, (11, 12), (3, 3), 1, (2, 2), 2),
    Case(1, 5, 33, (13, 9), (5, 5), 1, (0, 3), 2),
    Case(2, 4, 3, (9, 10), (3, 3), 3, (1, 2), 2),
    Case(1, 16, 16, (1, 1), (1, 1)),
    Case(2, 3, 5, (1, 1), (3, 3), 1, (1, 1)),
    Case(1, 5, 3, (2, 2), (1, 1), 3, (3, 3)),
    Case(2, 1, 1, (2, 2), (2, 2)),
    Case(3, 16, 32, (8, 8), (2, 2), 2),
    Case(1, 130, 17, (3, 3), (3, 3)),
    Case(2, 64, 3, (7, 7), (3, 3), 2, (3, 3)),
]
UNREACHED = [
    Case(2, 16, 8, (8, 7), (1, 1), 3),
    Case(1, 3, 5, (10, 11), (2, 2), 3),
    Case(1, 5, 16, (9, 9), (3, 3), 2, (0, 0), 2),
    Case(1, 2, 3, (1, 1), (1, 1), 2, (1, 1)),
    Case(1, 2, 3, (2, 1), (1, 1), 3, (1, 1)),
    Case(1, 16, 16, (2, 5), (1, 2), 4, (2, 0)),
    Case(2, 3, 2, (6, 6), (2, 2), 1, (1, 1), 5),
]
ONE_IMAGE = [
    Case(1, 16, 33, (5, 4), (3, 3), 1, (1, 1)),
    Case(1, 37, 64, (4, 4), (3, 3), 1, (1, 1)),
    Case(2, 64, 40, (3, 5), (1, 1)),
    Case(1, 48, 16, (9, 7), (3, 3), 2, (1, 1)),
    Case(3, 17, 130, (6, 5), (1, 1), 2),
    Case(1, 32, 32, (8, 8), (3, 2), 1, (2, 1), 2),
    Case(1, 130, 17, (3, 3), (3, 3)),
    Case(1, 16, 5, (4, 9), (1, 3), 3, (0, 2)),
]
SMALL = [
    Case(8, 16, 33, (2, 2), (3, 3), 1, (1, 1)),
    Case(16, 37, 64, (2, 2), (3, 3), 1, (1, 1)),
    Case(11, 48, 17, (4, 4), (3, 3), 2, (1, 1)),
    Case(9, 16, 16, (1, 1), (3, 3), 1, (1, 1)),
    Case(10, 64, 40, (4, 2), (1, 1), 2),
    Case(8, 17, 130, (1, 3), (2, 3), 1, (1, 2)),
    Case(9, 16, 48, (3, 2), (3, 3), 1, (2, 2), 2),
    Case(13, 32, 16, (1, 1), (1, 1), 1, (1, 1)),
]
FEW = [
    SMALL[0],
    SMALL[5],
    THREES[0],
    THREES[1],
    THREES[3],
    THREES[7],
    OTHERS[0],
    OTHERS[5],
    OTHERS[7],
    OTHERS[11],
    UNREACHED[0],
]
