"""When convolutions read their weights where they lie, and with what register tiles. Arrays as in convolution.py."""

from __future__ import annotations

import numpy as np

from tinynet.kernels.cpu.codegen import direct, few
from tinynet.kernels.cpu.codegen.direct_plan import register_tile, steps_of
from tinynet.kernels.cpu.codegen.ending import Ending
from tinynet.kernels.cpu.codegen.program import Given, Plan, lanes, whole
from tinynet.kernels.cpu.codegen.shape import Shape

PIXELS = 128
"""Pixels of results up to which a weight is used at once."""
WEIGHTS = 1 << 15
"""Weights from which that pays: fewer stay in the cache, wherever they are."""
PLACES = 9
"""The largest window: its places are unrolled."""


def fits(shape: Shape) -> bool:
    """Return whether there are few pixels and many weights."""
    OH, OW = shape.results
    places = shape.window[0] * shape.window[1]
    return (
        shape.images * OH * OW <= PIXELS
        and places <= PLACES
        and shape.channels >= lanes()
        and shape.channels * shape.outputs * places >= WEIGHTS
        and shape.stride[0] == shape.stride[1]
    )


def convolve(plan: Plan, shape: Shape, x: Given, weight: Given, y: Given, ending: Ending) -> None:
    """Write y."""
    L = lanes()
    S, every = steps_of(shape)
    N, (H, W), C, (OH, OW), O = shape[:5]
    (KH, KW), (PH, PW), (DH, DW) = shape.window, shape.padding, shape.dilation
    R, V = register_tile((OW,), 2 - -(-O // L) % 2)  # a panel of 9 places and 2 vectors takes half of L1
    rows = (OH - 1) * S + DH * (KH - 1) + 1
    width = max((OW - 1) * S + DW * (KW - 1) + 1, PW + 1)
    plane = rows * width * L
    size = whole(-(-C // L) * plane, 16)
    places = np.array([(kh * DH * width + kw * DW) * L for kh in range(KH) for kw in range(KW)], np.int64)
    room = KH * KW * L * V * L + N * OH * -(-OW // R) * R * V * L
    copies = plan.scratch("V", size * N + 4 * L)
    plan.step(direct.copy_images(L, C % L != 0), x, copies, N, H, W, C, every, PH, PW, rows, width, size)
    plan.step(
        few.convolve(R, V, KH * KW, S, C % L != 0, O % L != 0, ending.kind),
        copies, weight, y, plan.scratch("local", room * plan.threads), places, *ending.arrays(weight),
        N, OH, OW, C, O, width, plane, size, room,
    )  # fmt: skip
