"""Which convolutions are of images of a few pixels, and their steps. Arrays as in convolution.py."""

from __future__ import annotations

import math

import numpy as np

from tinynet.kernels.cpu.codegen import packing, small
from tinynet.kernels.cpu.codegen.direct_plan import PANEL
from tinynet.kernels.cpu.codegen.ending import Ending
from tinynet.kernels.cpu.codegen.program import Given, Plan, clear, lanes, whole
from tinynet.kernels.cpu.codegen.shape import Shape

PIXELS = 16
"""Results, and pixels of the input, that an image has at most."""
FEWEST = 8
"""Images from which there are enough for register tiles."""
NARROW = 4
"""Results side by side from which tiles of pixels are as good as tiles of images."""
FULL = 0.75
"""Share of all pairs of a result and a place of the window that lie inside the image, from which pixels do as well."""


def _inside(
    results: int, image: int, window: int, stride: int, padding: int, dilation: int
) -> list[tuple[int, int, int]]:
    """List along one axis all that meet: the result, the place of the window, the pixel of the input."""
    return [
        (result, place, pixel)
        for result in range(results)
        for place in range(window)
        if 0 <= (pixel := result * stride - padding + place * dilation) < image
    ]


def _meetings(shape: Shape) -> list[tuple[int, int, int]]:
    """List all that meet in both directions, each of the three numbered row by row."""
    vertical, horizontal = (
        _inside(*axis)
        for axis in zip(
            shape.results, shape.image, shape.window, shape.stride, shape.padding, shape.dilation, strict=True
        )
    )
    (OW, KW, W) = shape.results[1], shape.window[1], shape.image[1]
    return [(oh * OW + ow, kh * KW + kw, h * W + w) for oh, kh, h in vertical for ow, kw, w in horizontal]


def multiplications(shape: Shape) -> int:
    """Return how many pairs of an image's results and places of the window lie inside."""
    return len(_meetings(shape))


def fits(shape: Shape) -> bool:
    """Return whether images rather than pixels are to be the rows of register tiles."""
    pixels, places = math.prod(shape.results), math.prod(shape.window)
    return (
        max(pixels, math.prod(shape.image)) <= PIXELS
        and shape.images >= FEWEST
        and min(shape.channels, shape.outputs) >= lanes()
        and (shape.results[1] < NARROW or multiplications(shape) < FULL * pixels * places)
    )


def convolve(plan: Plan, shape: Shape, x: Given, weight: Given, y: Given, ending: Ending) -> None:
    """Convolve x with weight into y."""
    meetings = sorted(_meetings(shape))
    _multiply(plan, shape, x, weight, y, ending, meetings, turned=False)


def grad_input(plan: Plan, shape: Shape, dy: Given, weight: Given, dx: Given) -> None:
    """Convolve dy with the turned weight into dx."""
    meetings = sorted((pixel, place, result) for result, place, pixel in _meetings(shape))
    turned = shape._replace(
        image=shape.results, results=shape.image, channels=shape.outputs, outputs=shape.channels
    )
    _multiply(plan, turned, dy, weight, dx, Ending(), meetings, turned=True)


def _multiply(
    plan: Plan, shape: Shape, x: Given, weight: Given, y: Given, ending: Ending,
    meetings: list[tuple[int, int, int]], *, turned: bool,
) -> None:  # fmt: skip
    L, N, C, O = lanes(), shape.images, shape.channels, shape.outputs
    pixels, places = math.prod(shape.image), math.prod(shape.window)
    blocks, V, R = -(-C // L), 2 - -(-O // L) % 2, 8 if L == 16 else 6
    panel = blocks * L * V * L  # of one place of the window
    groups = -(-O // (V * L))
    panels = plan.scratch("panels", groups * places * panel)
    if C % L:
        plan.step(clear(), panels, groups * places * panel)
    if turned:
        order = np.array([[place, place * panel, places * panel] for place in range(places)], np.int64)
        plan.step(packing.pack_turned(V, places), weight, panels, order, C, O, places)
    else:
        plan.step(packing.pack(V, places), weight, panels, O, C, blocks * L)
    copies = _gather(plan, x, "V", N, pixels, C)
    units = [
        (block * pixels * N * L + pixel * N * L, place * panel + block * (L * V * L))
        for _, place, pixel in meetings
        for block in range(blocks)
    ]
    ranges = _ranges([result for result, _, _ in meetings], math.prod(shape.results), blocks)
    room = -(-N // R) * R * V * L
    plan.step(
        small.convolve(R, V, O % L != 0, ending.kind),
        copies, panels, y, plan.scratch("local", room * plan.threads), ranges,
        np.array(units, np.int64).reshape(-1, 2), *ending.arrays(panels),
        N, O, math.prod(shape.results), places * panel, max(1, PANEL // (4 * L * V * L)), room,
    )  # fmt: skip


def grad_weight(plan: Plan, shape: Shape, x: Given, dy: Given, grad: Given) -> None:
    """Sum the outer products of windows of x and pixels of dy."""
    L, N, C, O = lanes(), shape.images, shape.channels, shape.outputs
    pixels_x, pixels_y, places = (math.prod(p) for p in (shape.image, shape.results, shape.window))
    blocks, V = -(-C // L), 2 - -(-O // L) % 2
    groups = -(-O // (V * L))
    meetings = sorted((place, pixel, result) for result, place, pixel in _meetings(shape))
    ranges = _ranges([place for place, _, _ in meetings], places, 1)
    pairs = np.array([pair for _, *pair in meetings], np.int64).reshape(-1, 2)
    copies_x, copies_y = _gather(plan, x, "V", N, pixels_x, C), _gather(plan, dy, "M", N, pixels_y, O)
    sums = plan.scratch("dU", groups * places * blocks * L * V * L)
    plan.step(
        small.grad_weight(8 if L == 16 else 4, V), copies_x, copies_y, sums, ranges, pairs,
        N, C, groups, places, pixels_x, pixels_y,
    )  # fmt: skip
    plan.step(packing.unpack(V, L, 1, places), sums, grad, O, C, blocks)


def _gather(plan: Plan, x: Given, use: str, N: int, pixels: int, C: int) -> Given:
    L = lanes()
    copies = plan.scratch(use, whole(C, L) * pixels * N)
    plan.step(small.gather(C % L != 0), x, copies, N, pixels, C)
    return copies


def _ranges(numbers: list[int], count: int, each: int) -> np.ndarray:
    """Return where in sorted numbers each of range(count) begins, and the end, times `each`."""
    return np.searchsorted(numbers, np.arange(count + 1)).astype(np.int64) * each
