"""Maximum and mean over windows, and their gradients; every number is read from memory, and written, once.

Arrays are channels last: x (N, H, W, C), y and index (N, OH, OW, C). Lanes go along the channels, threads share the
rows of results. Loop order: row, pixel, block of L channels, and inside of it the window, whose maximum or sum stays in
a register; means and gradients take up to 8 blocks at a time, 512 bytes that lie side by side.

The gradients are written by pixel of x, not added by window of y:
    spread_*  windows side by side (stride = window, no padding): each window writes its own pixels, and the pixels that
              no window has, below and to the right, are zeros
    gather_*  any others: each pixel sums up what comes from the windows that it lies in
Each pixel is written once, by one thread, in an order that does not depend on how many there are.

Bytes moved per float of x by 2x2 windows: 4 + (4 + 4) / 4 = 6, forward (x; y and index) as backward.
Measured on 2 cores of an AMD EPYC (AVX-512), 128 images of 64 channels, 32x32 (50 MB): maximum 46 GB/s, its gradient
104 GB/s (one core 21 and 36); of 128 channels, 16x16 (25 MB, in L3) 170 and 210 GB/s.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from tinynet.kernels.cpu.codegen.language import Code, Int, IntVector, Number, Pointer, Vector
from tinynet.kernels.cpu.codegen.layout import channel_blocks
from tinynet.kernels.cpu.codegen.program import Plan, lanes, planned, run, step, template, worth
from tinynet.memory import empty

Pair = tuple[int, int]


def _places(code: Code, KH: Number, KW: Number) -> Iterator[tuple[Number, Number]]:
    """Go through a window: written out if its size is known now, else two loops."""
    rows = range(KH) if isinstance(KH, int) else code.range(KH)
    for kh in rows:
        columns = range(KW) if isinstance(KW, int) else code.range(KW)
        for kw in columns:
            yield kh, kw


def _up(number: Int, divisor: Int) -> Int:
    """Return number / divisor rounded up; 0 if the number is negative."""
    return (number.maximum(0) + (divisor - 1)) // divisor


def _inside(start: Int, size: Int, kernel: Int, dilation: Int) -> tuple[Int, Int]:
    """Return the first and the end of the places of a window, along one axis, that lie in the image."""
    return _up(0 - start, dilation), _up(size - start, dilation).minimum(kernel)


def _covering(pixel: Int, reach: Int, stride: Int, results: Int) -> tuple[Int, Int]:
    """Return the first and the end of the windows that reach a pixel, counted from where the padding begins."""
    return _up(pixel - reach, stride), (pixel // stride + 1).minimum(results)


def _larger(y: Vector, index: IntVector, value: Vector, place: IntVector) -> tuple[Vector, IntVector]:
    """Return the larger of two and its place; the first of equals, and NaN rather than a number."""
    better = y.code.builder.or_(value > y, value.is_nan())
    return value.where(better, y), place.where(better, index)


@template
def max_inside(code: Code, KH: int, KW: int, tail: bool) -> None:
    """Maxima of KH x KW windows that lie in the image, neighbouring pixels each; the window is written out."""
    x, y, index = code.pointers(3)
    N, H, W, C, OH, OW, SH, SW = code.integers(8)
    begin, end = code.share(N * OH)
    for row in code.range(begin, end):
        image, top = row // OH, row % OH * SH
        for ow in code.range(OW):
            first = top * W + ow * SW
            corner, out = x + (image * H * W + first) * C, (row * OW + ow) * C
            for block, mask in channel_blocks(code, C, tail):
                at = block * code.lanes
                best, found = (corner + at).load(mask), first.broadcast()
                for kh, kw in list(_places(code, KH, KW))[1:]:
                    value = (corner + ((W * kh + kw) * C + at)).load(mask)
                    best, found = _larger(best, found, value, (first + (W * kh + kw)).broadcast())
                (y + (out + at)).store(best, mask)
                (index + (out + at)).store(found, mask)


@template
def max_any(code: Code, tail: bool) -> None:
    """Maxima of any windows; of those that see padding only -inf, and the index -1."""
    x, y, index = code.pointers(3)
    N, H, W, C, OH, OW, KH, KW, SH, SW, PH, PW, DH, DW = code.integers(14)
    begin, end = code.share(N * OH)
    for row in code.range(begin, end):
        image, top = row // OH, row % OH * SH - PH
        low_h, high_h = _inside(top, H, KH, DH)
        for ow in code.range(OW):
            left = ow * SW - PW
            low_w, high_w = _inside(left, W, KW, DW)
            out = (row * OW + ow) * C
            for block, mask in channel_blocks(code, C, tail):
                best, found = code.variable(code.constant(-math.inf)), code.variable(code.int(-1).broadcast())
                with code.when(code.builder.and_(low_h < high_h, low_w < high_w)):
                    # The first pixel wins over padding whatever its value; compared with itself it changes nothing.
                    first = (top + low_h * DH) * W + (left + low_w * DW)
                    best.set((x + ((image * H * W + first) * C + block * code.lanes)).load(mask))
                    found.set(first.broadcast())
                for kh in code.range(low_h, high_h):
                    for kw in code.range(low_w, high_w):
                        pixel = (top + kh * DH) * W + (left + kw * DW)
                        value = (x + ((image * H * W + pixel) * C + block * code.lanes)).load(mask)
                        larger, place = _larger(best.get(), found.get(), value, pixel.broadcast())
                        best.set(larger)
                        found.set(place)
                (y + (out + block * code.lanes)).store(best.get(), mask)
                (index + (out + block * code.lanes)).store(found.get(), mask)


@template
def mean_any(code: Code, group: int, tail: bool) -> None:
    """Sums of any windows, over divisor (OH, OW); `group` blocks of channels at a time, neighbours in memory."""
    x, y, divisor = code.pointers(3)
    N, H, W, C, OH, OW, KH, KW, SH, SW, PH, PW = code.integers(12)
    one = code.int(1)
    begin, end = code.share(N * OH)
    for row in code.range(begin, end):
        image, oh = row // OH, row % OH
        top = oh * SH - PH
        low_h, high_h = _inside(top, H, KH, one)
        for ow in code.range(OW):
            left = ow * SW - PW
            low_w, high_w = _inside(left, W, KW, one)
            over = (divisor + (oh * OW + ow)).broadcast()
            for blocks in _groups(code, C, group, tail):
                totals = [code.variable(code.zero) for _ in blocks]
                for kh in code.range(low_h, high_h):
                    line = x + ((image * H + top + kh) * W + left) * C
                    for kw in code.range(low_w, high_w):
                        for total, (at, mask) in zip(totals, blocks, strict=True):
                            total.set(total.get() + (line + (kw * C + at)).load(mask))
                for total, (at, mask) in zip(totals, blocks, strict=True):
                    (y + ((row * OW + ow) * C + at)).store(total.get() / over, mask)


def _groups(code: Code, C: Int, group: int, tail: bool) -> Iterator[list[tuple[Int, Any]]]:
    """Loop over groups of blocks of L channels, which they fill: of each block its first channel and its mask."""
    for first in code.range(0, C, group * code.lanes):
        starts = [first + i * code.lanes for i in range(group)]
        yield [(at, code.first_lanes(C - at) if tail else None) for at in starts]


def _spread(
    code: Code,
    dx: Pointer,
    sizes: tuple[Int, Int, Int, Int, Int, Int],
    window: tuple[Number, Number],
    group: int,
    tail: bool,
    value: Callable[[Int, Int, Int, Any], Callable[[Number], Vector]],
) -> None:
    """Write the pixels of windows that lie side by side, and zeros where there are no windows.

    Args:    value(row of results, column, first channel, mask): returns what gives the number of a pixel by its place
    """
    N, H, W, C, OH, OW = sizes
    KH, KW = window
    begin, end = code.share(N * OH)
    for row in code.range(begin, end):
        image, top = row // OH, row % OH * KH
        start = dx + image * H * W * C
        for ow in code.range(OW):
            first = top * W + ow * KW
            for blocks in _groups(code, C, group, tail):
                numbers = [value(row, ow, at, mask) for at, mask in blocks]
                for kh, kw in _places(code, KH, KW):
                    place = first + (W * kh + kw)
                    for number, (at, mask) in zip(numbers, blocks, strict=True):
                        (start + (place * C + at)).store(number(place), mask)
        for kh in code.range(code.int(KH)):
            _clear(code, start + (top + kh) * W * C, OW * KW * C, W * C)
        with code.when((row % OH).equals(OH - 1)):
            _clear(code, start, (top + KH) * W * C, H * W * C)


def _clear(code: Code, start: Pointer, first: Int, end: Int) -> None:
    for i in code.range(first, end, code.lanes):
        (start + i).store(code.zero, code.first_lanes(end - i))


@template
def spread_max(code: Code, KH: int, KW: int, group: int, tail: bool) -> None:
    """Gradient of the maxima of windows side by side; KH, KW: their size, or 0 if it is an argument."""
    dy, index, dx = code.pointers(3)
    N, H, W, C, OH, OW, rows, columns = code.integers(8)

    def value(row: Int, ow: Int, at: Int, mask: Any) -> Callable[[Number], Vector]:
        here = (row * OW + ow) * C + at
        grad, found = (dy + here).load(mask), (index + here).load_integers(mask)
        return lambda place: grad.where(found.equals(code.int(place).broadcast()), code.zero)

    _spread(code, dx, (N, H, W, C, OH, OW), (KH or rows, KW or columns), group, tail, value)


@template
def spread_mean(code: Code, group: int, tail: bool) -> None:
    """Gradient of the means of windows side by side."""
    dy, divisor, dx = code.pointers(3)
    N, H, W, C, OH, OW, KH, KW = code.integers(8)

    def value(row: Int, ow: Int, at: Int, mask: Any) -> Callable[[Number], Vector]:
        grad = (dy + ((row * OW + ow) * C + at)).load(mask)
        share = grad / (divisor + (row % OH * OW + ow)).broadcast()
        return lambda place: share

    _spread(code, dx, (N, H, W, C, OH, OW), (KH, KW), group, tail, value)


@template
def gather_max(code: Code, tail: bool) -> None:
    """Gradient of the maxima of any windows: the sum over those whose index names the pixel."""
    dy, index, dx = code.pointers(3)
    N, H, W, C, OH, OW, KH, KW, SH, SW, PH, PW, DH, DW = code.integers(14)
    begin, end = code.share(N * H)
    for row in code.range(begin, end):
        image, h = row // H, row % H
        low_h, high_h = _covering(h + PH, DH * (KH - 1), SH, OH)
        for w in code.range(W):
            low_w, high_w = _covering(w + PW, DW * (KW - 1), SW, OW)
            place = (h * W + w).broadcast()
            for block, mask in channel_blocks(code, C, tail):
                total = code.variable(code.zero)
                for oh in code.range(low_h, high_h):
                    for ow in code.range(low_w, high_w):
                        at = ((image * OH + oh) * OW + ow) * C + block * code.lanes
                        here = (index + at).load_integers(mask).equals(place)
                        total.set(total.get() + (dy + at).load(mask).where(here, code.zero))
                (dx + ((row * W + w) * C + block * code.lanes)).store(total.get(), mask)


@template
def gather_mean(code: Code, tail: bool) -> None:
    """Gradient of the means of any windows: the sum over those that the pixel lies in."""
    dy, divisor, dx = code.pointers(3)
    N, H, W, C, OH, OW, KH, KW, SH, SW, PH, PW = code.integers(12)
    begin, end = code.share(N * H)
    for row in code.range(begin, end):
        image, h = row // H, row % H
        low_h, high_h = _covering(h + PH, KH - 1, SH, OH)
        for w in code.range(W):
            low_w, high_w = _covering(w + PW, KW - 1, SW, OW)
            for block, mask in channel_blocks(code, C, tail):
                total = code.variable(code.zero)
                for oh in code.range(low_h, high_h):
                    for ow in code.range(low_w, high_w):
                        grad = (dy + (((image * OH + oh) * OW + ow) * C + block * code.lanes)).load(mask)
                        total.set(total.get() + grad / (divisor + (oh * OW + ow)).broadcast())
                (dx + ((row * W + w) * C + block * code.lanes)).store(total.get(), mask)


# Which kernel runs. Arrays are float32 (index int32), channels last and contiguous.


def max_pool(
    x: np.ndarray, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair, size: Pair
) -> tuple[np.ndarray, np.ndarray]:
    """Return the maxima (N, OH, OW, C) and their places h*W + w."""
    C = x.shape[3]
    y, index = (empty(x.shape[0], *size, C) for _ in range(2))
    arrays, sizes, tail = (x, y, index), (*x.shape[:3], C, *size), C % lanes() != 0
    threads = worth(x.size)
    inside = all((o - 1) * s + k <= n for o, s, k, n in zip(size, stride, kernel, x.shape[1:3], strict=True))
    if inside and max(kernel) <= 3 and (padding, dilation) == ((0, 0), (1, 1)):
        run(step(max_inside(*kernel, tail), *arrays, *sizes, *stride), threads=threads)
    else:
        run(step(max_any(tail), *arrays, *sizes, *kernel, *stride, *padding, *dilation), threads=threads)
    return y, index.view(np.int32)


def max_pool_backward(
    dy: np.ndarray, index: np.ndarray, image: Pair, kernel: Pair, stride: Pair, padding: Pair, dilation: Pair
) -> np.ndarray:
    """Return the gradient of x from that of y."""
    N, OH, OW, C = dy.shape
    dx = empty(N, *image, C)
    arrays, sizes, tail = (dy, index, dx), (N, *image, C, OH, OW), C % lanes() != 0
    threads = worth(dx.size)
    if dilation == (1, 1) and _side_by_side(image, kernel, stride, padding, (OH, OW)):
        known = kernel if max(kernel) <= 3 else (0, 0)
        run(step(spread_max(*known, _group(C, most=4), tail), *arrays, *sizes, *kernel), threads=threads)
    else:
        run(step(gather_max(tail), *arrays, *sizes, *kernel, *stride, *padding, *dilation), threads=threads)
    return dx


def mean_pool(x: np.ndarray, divisor: np.ndarray, kernel: Pair, stride: Pair, padding: Pair) -> np.ndarray:
    """Return the sums of the windows over divisor (OH, OW)."""
    N, H, W, C = x.shape
    y = empty(N, *divisor.shape, C)
    _mean_pool(N, H, W, C, *divisor.shape, *kernel, *stride, *padding)(x, y, divisor)
    return y


@planned
def _mean_pool(plan: Plan, N: int, H: int, W: int, C: int, *rest: int) -> None:
    parts = 1 if worth(N * H * W * C) == 1 else 0
    plan.step(mean_any(_group(C), C % lanes() != 0), *plan.arrays(3), N, H, W, C, *rest, parts=parts)


def mean_pool_backward(
    dy: np.ndarray, divisor: np.ndarray, image: Pair, kernel: Pair, stride: Pair, padding: Pair
) -> np.ndarray:
    """Return the gradient of x from that of y."""
    N, OH, OW, C = dy.shape
    dx = empty(N, *image, C)
    arrays, sizes, tail = (dy, divisor, dx), (N, *image, C, OH, OW), C % lanes() != 0
    threads = worth(dx.size)
    if _side_by_side(image, kernel, stride, padding, (OH, OW)):
        run(step(spread_mean(_group(C), tail), *arrays, *sizes, *kernel), threads=threads)
    else:
        run(step(gather_mean(tail), *arrays, *sizes, *kernel, *stride, *padding), threads=threads)
    return dx


def _group(channels: int, most: int = 8) -> int:
    """Return how many blocks of channels a kernel takes at a time: at most that many, a divisor of their number."""
    blocks = -(-channels // lanes())
    return next(group for group in (8, 4, 2, 1) if group <= most and blocks % group == 0)


def _side_by_side(image: Pair, kernel: Pair, stride: Pair, padding: Pair, size: Pair) -> bool:
    """Return whether windows lie side by side in the image; of a single one the stride does not matter."""
    return padding == (0, 0) and all(
        (s == k or o == 1) and o * k <= n for n, k, s, o in zip(image, kernel, stride, size, strict=True)
    )
