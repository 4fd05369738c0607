"""Which generated kernels compute a convolution, and with what block sizes.

Arrays here are float32, channels last: x (N, H, W, C), y (N, OH, OW, O), contiguous; weight (O, C, KH, KW), contiguous.
"""

from __future__ import annotations

import functools
import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tinynet.kernels.cpu.codegen import direct, winograd
from tinynet.kernels.cpu.codegen.gemm import tile
from tinynet.kernels.cpu.codegen.pool import empty
from tinynet.kernels.cpu.codegen.program import lanes, run, scratch, step, whole
from tinynet.kernels.cpu.codegen.team import Step
from tinynet.threads import get_num_threads

Pair = tuple[int, int]

LOCAL = 640 << 10
"""Bytes of V and M of a block of tiles, and of U, up to which they stay in a core's L2 cache of 1 MiB."""
CHUNK = 12 << 20
"""Bytes of V and M of a chunk that all threads work on: part of the L3 cache."""


def _read_switch() -> bool:
    choice = os.environ.get("TINYNET_CONV", "auto")
    if choice not in ("auto", "direct"):
        raise ValueError(f"TINYNET_CONV is {choice!r}; it must be 'auto' or 'direct'")
    return choice == "auto"


use_winograd = _read_switch()
"""Whether 3x3 convolutions of stride 1 run as Winograd's; off with TINYNET_CONV=direct."""


@dataclass(frozen=True)
class Shape:
    """What a convolution is made of, besides the numbers."""

    images: int
    image: Pair
    channels: int
    results: Pair
    outputs: int
    window: Pair
    stride: Pair
    padding: Pair
    dilation: Pair

    def is_winograd(self) -> bool:
        """Return whether Winograd's form fits: a 3x3 window of stride 1, and channels that fill most of a vector."""
        return (
            use_winograd
            and (self.window, self.stride, self.dilation) == ((3, 3), (1, 1), (1, 1))
            and max(self.padding) <= 2
            and min(self.channels, self.outputs) >= lanes() // 2
            and min(self.results) >= 2
            and min(self.image) >= 2
        )


def convolve(x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None, shape: Shape) -> np.ndarray:
    """Return y."""
    y = empty(shape.images, *shape.results, shape.outputs)
    if shape.is_winograd():
        _winograd(x, weight, bias, y, shape.padding, turned=False)
    else:
        _forward(x, weight, bias, y, shape)
    return y


def grad_input(dy: np.ndarray, weight: np.ndarray, shape: Shape) -> np.ndarray:
    """Return the gradient of x from that of y."""
    dx = empty(shape.images, *shape.image, shape.channels)
    if shape.is_winograd():
        PH, PW = shape.padding
        _winograd(dy, weight, None, dx, (2 - PH, 2 - PW), turned=True)
    else:
        _grad_input(dy, weight, dx, shape)
    return dx


def grad_weight(x: np.ndarray, dy: np.ndarray, shape: Shape) -> np.ndarray:
    """Return the gradient of weight from x and the gradient of y."""
    if shape.is_winograd():
        return _winograd_grad_weight(x, dy, shape)
    return _grad_weight(x, dy, shape)


# Winograd


def _tiles(size: Pair) -> Pair:
    return -(-size[0] // winograd.M), -(-size[1] // winograd.M)


@dataclass(frozen=True)
class Blocking:
    """How a Winograd convolution is cut into blocks of tile rows."""

    phased: bool
    rows: int
    """Tile rows in a block."""
    tiles: int
    """Tiles that V and M have room for."""
    R: int
    V: int
    room_V: int
    room_M: int
    band: int
    """Floats of V, of M and of a band."""


@functools.cache
def _blocking(images: int, size: Pair, C: int, O: int, threads: int, transposed: bool) -> Blocking:
    """Choose blocks for `size` results; transposed: for the gradient of the weights."""
    L = lanes()
    CB, OB = -(-C // L), -(-O // L)
    R, V = tile(L, OB)
    TH, TW = _tiles(size)
    each = winograd.F * 4 * L * (CB + OB)
    phased = winograd.F * 4 * L * L * CB * OB > LOCAL
    if transposed:
        R = 1
    most = images * TH if phased else -(-images * TH // threads)
    rows = max(1, min(most, (CHUNK if phased else LOCAL) // (each * TW)))
    if phased:
        rows = -(-most // -(-most // rows))  # chunks of equal size
    tiles = whole(rows * TW, R)
    width = TW * winograd.M + 2
    return Blocking(
        phased=phased,
        rows=rows,
        tiles=tiles,
        R=R,
        V=V,
        room_V=winograd.F * L * (CB * tiles + 1),
        room_M=winograd.F * L * (OB * tiles + 1),
        band=whole(winograd.N * (width + 4) * L, L),
    )


def _winograd(
    x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None, y: np.ndarray, padding: Pair, *, turned: bool
) -> None:
    """Convolve x with weight, or with the turned weight whose channels are exchanged, into y."""
    L, threads = lanes(), get_num_threads()
    N, H, W, C = x.shape
    _, OH, OW, O = y.shape
    CB, OB = -(-C // L), -(-O // L)
    plan = _blocking(N, (OH, OW), C, O, threads, False)
    TH, TW = _tiles((OH, OW))
    U = scratch("U", winograd.F * CB * OB * L * L)
    tails = C % L != 0, O % L != 0
    exact, with_bias = OH % winograd.M == 0 and OW % winograd.M == 0, bias is not None
    shift = weight if bias is None else bias
    if turned:
        steps = [step(winograd.spread_weight_turned(plan.V), weight, U, C, O)]
    else:
        steps = [step(winograd.spread_weight(plan.V), weight, U, O, C)]
    if not plan.phased:
        room = plan.room_V + plan.room_M + plan.band
        memory = scratch("local", room * threads)
        kernel = winograd.convolve_local(plan.R, plan.V, *tails, exact, with_bias, False)
        steps.append(
            step(
                kernel, x, U, y, shift, memory,
                N, H, W, C, OH, OW, O, *padding, TH, TW, plan.rows, plan.tiles, plan.room_V, room,
            )  # fmt: skip
        )
        run(*steps, threads=threads)
        return
    planes, products = scratch("V", plan.room_V), scratch("M", plan.room_M)
    bands = scratch("bands", plan.band * threads)
    spread, multiply = winograd.spread_x(tails[0]), winograd.multiply_phase(plan.R, plan.V)
    gather = winograd.gather_phase(plan.V, tails[1], exact, with_bias, False)
    for first, last in _chunks(N * TH, plan.rows):
        count = (last - first) * TW
        steps += [
            step(spread, x, planes, bands, first, last, H, W, C, *padding, TH, TW, plan.tiles, plan.band),
            step(multiply, planes, U, products, C, O, plan.tiles, count),
            step(gather, products, y, shift, first, last, OH, OW, O, TH, TW, plan.tiles),
        ]
    run(*steps, threads=threads)


def _chunks(items: int, size: int) -> list[Pair]:
    return [(first, min(first + size, items)) for first in range(0, items, size)]


def _winograd_grad_weight(x: np.ndarray, dy: np.ndarray, shape: Shape) -> np.ndarray:
    L, threads = lanes(), get_num_threads()
    N, H, W, C = x.shape
    _, OH, OW, O = dy.shape
    plan = _blocking(N, (OH, OW), C, O, threads, True)
    TH, TW = _tiles((OH, OW))
    size = winograd.F * L * L * -(-C // L) * -(-O // L)
    tails = C % L != 0, O % L != 0
    R = L if plan.V == 1 else min(8, L) if plan.V < 4 else 4
    grad = np.empty((O, C, 3, 3), np.float32)
    fold = step(winograd.fold_weight(plan.V), sums := scratch("dU", size * threads), grad, O, C)
    if not plan.phased:
        room = plan.room_V + plan.room_M + plan.band
        kernel = winograd.grad_weight_local(R, plan.V, *tails)
        first = step(
            kernel, x, dy, scratch("local", room * threads), sums,
            N, H, W, C, OH, OW, O, *shape.padding, TH, TW, plan.rows, plan.tiles, plan.room_V, room, size,
        )  # fmt: skip
        run(first, step(winograd.add_copies(), sums, threads, size), fold, threads=threads)
        return grad
    sums[:size] = 0
    planes, D = scratch("V", plan.room_V), scratch("M", plan.room_M)
    bands = scratch("bands", plan.band * threads)
    spread_x, spread_dy = winograd.spread_x(tails[0]), winograd.spread_dy(plan.V, tails[1])
    multiply = winograd.multiply_transposed_phase(R, plan.V)
    steps = []
    for begin, end in _chunks(N * TH, plan.rows):
        steps += [
            step(spread_x, x, planes, bands, begin, end, H, W, C, *shape.padding, TH, TW, plan.tiles, plan.band),
            step(spread_dy, dy, D, bands, begin, end, OH, OW, O, TH, TW, plan.tiles, plan.band),
            step(multiply, planes, D, sums, C, O, plan.tiles, (end - begin) * TW),
        ]
    run(*steps, fold, threads=threads)
    return grad


# Direct


@functools.cache
def _register_tile(columns: Sequence[int], vectors: int) -> Pair:
    """Return the (R, V) that need the fewest steps for rows of so many columns; R is at most the smallest.

    A step takes as long as its multiply-adds or its loads, two of either at a time, and at least as long as one
    multiply-add takes, 4, shared among its independent sums.
    """
    most = {1: 14, 2: 12, 3: 8, 4: 6} if lanes() == 16 else {1: 10, 2: 6, 3: 4}
    best: tuple[float, int, int] | None = None
    for V in most:
        if vectors % V:
            continue
        R = min(most[V], *columns)
        R = -(-min(columns) // -(-min(columns) // R))
        blocks = sum(-(-c // R) for c in columns)
        cost = blocks * (vectors // V) * max(R * V / 2, (R + V) / 2, 4)
        if best is None or (cost, -R * V) < (best[0], -best[1] * best[2]):
            best = cost, R, V
    assert best is not None
    return best[1], best[2]


def _forward(x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None, y: np.ndarray, shape: Shape) -> None:
    if shape.stride[0] != shape.stride[1]:
        raise NotImplementedError(f"stride {shape.stride}: the tile's step is one number")
    N, H, W, C = x.shape
    _, OH, OW, O = y.shape
    (KH, KW), (S, _), (PH, PW), (DH, DW) = shape.window, shape.stride, shape.padding, shape.dilation
    L = lanes()
    cw = min(C, L)
    R, V = _register_tile((OW,), -(-O // L))
    width = max((OW - 1) * S + DW * (KW - 1) + 1, PW + 1)
    places = np.array([(kh * DH * width + kw * DW) * cw for kh in range(KH) for kw in range(KW)], np.int64)
    phases = np.array([[0, KH * KW, 0, 0, OH, OW]], np.int64)
    # (O, C, KH*KW) as [places][C][O]
    panels = _panels(weight.reshape(O, C, KH * KW).transpose(2, 1, 0), cw, V)
    _run_direct(
        x, panels, bias, y, phases, places, R=R, V=V, cw=cw, stride=S, top=PH, left=PW, width=width,
        span=DH * (KH - 1) + 1, out_row=OW * O, out_pixel=O,
    )  # fmt: skip


def _panels(matrices: np.ndarray, cw: int, V: int) -> np.ndarray:
    """Lay out weights [places][C][O] as [O groups][places][CB*cw][V*L], filled up with zeros."""
    L = lanes()
    K, C, O = matrices.shape
    rows, columns = whole(C, cw), whole(O, V * L)
    panels = np.zeros((columns // (V * L), K, rows, V * L), np.float32)
    if O == columns:
        panels[:, :, :C] = matrices.reshape(K, C, -1, V * L).transpose(2, 0, 1, 3)
    else:
        padded = np.zeros((K, C, columns), np.float32)
        padded[:, :, :O] = matrices
        panels[:, :, :C] = padded.reshape(K, C, -1, V * L).transpose(2, 0, 1, 3)
    return panels


def _run_direct(
    x: np.ndarray, panels: np.ndarray, bias: np.ndarray | None, y: np.ndarray, phases: np.ndarray, places: np.ndarray,
    *, R: int, V: int, cw: int, stride: int, top: int, left: int, width: int, span: int, out_row: int, out_pixel: int,
) -> None:  # fmt: skip
    L, threads = lanes(), get_num_threads()
    N, H, W, C = x.shape
    O = y.shape[3]
    blocks = -(-C // cw)
    rows = int(phases[:, 4].max())
    band, bands, room = _bands(N, rows, stride, span, width * blocks * cw, threads)
    kernel = direct.convolve(R, V, cw, stride, C % cw != 0, O % L != 0, bias is not None)
    arguments = (x, panels, y, panels if bias is None else bias, scratch("local", room * threads), phases, places)
    run(
        step(
            kernel, *arguments, N, H, W, C, O, top, left, width, span, band, bands, y[0].size, out_row, out_pixel,
            len(phases), room,
        ),
        threads=threads,
    )  # fmt: skip


def _bands(N: int, rows: int, stride: int, span: int, row: int, threads: int) -> tuple[int, int, int]:
    """Return the rows of results in a band, the bands of an image, and the floats of a band's copy with some to spare."""
    band = max(1, min(rows, (direct.COPY // (4 * row) - span) // stride + 1))
    if N * -(-rows // band) < threads:  # few images: smaller bands, so that every thread has one
        band = max(1, rows * N // threads)
    bands = -(-rows // band)
    return band, bands, whole(((band - 1) * stride + span) * row + 4 * lanes(), 16)


def _grad_input(dy: np.ndarray, weight: np.ndarray, dx: np.ndarray, shape: Shape) -> None:
    N, H, W, C = dx.shape
    O = dy.shape[3]
    (KH, KW), (SH, SW), (PH, PW), (DH, DW) = shape.window, shape.stride, shape.padding, shape.dilation
    L = lanes()
    cw = min(O, L)
    vertical, horizontal = _phases(H, KH, SH, PH, DH), _phases(W, KW, SW, PW, DW)
    # Where windows are further apart than the image is wide, there may be no taps at all.
    rows_away = [shift for _, _, taps in vertical for _, shift in taps] or [0]
    top, left = max(0, -min(rows_away)), max([0, *(-shift for _, _, taps in horizontal for _, shift in taps)])
    right = max([0, *(count + shift for _, count, taps in horizontal for _, shift in taps)])
    span = 1 + top + max(0, *rows_away)
    width = left + max(right, 1)
    R, V = _register_tile(tuple(sorted({count for _, count, _ in horizontal})), -(-C // L))
    matrices = weight.reshape(O, C, KH * KW).transpose(2, 0, 1)  # [places][O][C]
    panels, places, phases, offset = [], [], [], 0
    for i, rows, taps_h in vertical:
        for j, columns, taps_w in horizontal:
            kernel = [kh * KW + kw for kh, _ in taps_h for kw, _ in taps_w]
            at = [((sh + top) * width + sw + left) * cw for _, sh in taps_h for _, sw in taps_w]
            phases.append([len(places), len(places) + len(at), offset, (i * W + j) * C, rows, columns])
            places += at
            if kernel:
                panels.append(_panels(matrices[kernel], cw, V).ravel())
                offset += panels[-1].size
    _run_direct(
        dy, np.concatenate(panels or [weight.ravel()]), None, dx, np.array(phases, np.int64), np.array(places, np.int64), R=R, V=V, cw=cw,
        stride=1, top=top, left=left, width=width, span=span, out_row=SH * W * C, out_pixel=SW * C,
    )  # fmt: skip


def _phases(size: int, kernel: int, stride: int, padding: int, dilation: int) -> list[tuple[int, int, list[Pair]]]:
    """List of one axis its phases: the first pixel, the number of pixels, and (place of the window, shift in y).

    Pixel i = first + q * stride takes the place k of the window of the result q + shift, where
    i + padding = (q + shift) * stride + k * dilation.
    """
    found = []
    for first in range(min(stride, size)):
        taps = [
            (k, (first + padding - k * dilation) // stride)
            for k in range(kernel)
            if (first + padding - k * dilation) % stride == 0
        ]
        found.append((first, -(-(size - first) // stride), taps))
    return found


def _grad_weight(x: np.ndarray, dy: np.ndarray, shape: Shape) -> np.ndarray:
    if shape.stride[0] != shape.stride[1]:
        raise NotImplementedError(f"stride {shape.stride}: the tile's step is one number")
    L, threads = lanes(), get_num_threads()
    N, H, W, C = x.shape
    _, OH, OW, O = dy.shape
    (KH, KW), (S, _), (PH, PW), (DH, DW) = shape.window, shape.stride, shape.padding, shape.dilation
    cw = min(C, L)
    V = max(v for v in (1, 2, 3) if -(-O // L) % v == 0)
    registers = 30 if L == 16 else 12
    m = KW if cw < L and DW == 1 and KW * cw * V <= registers else 1
    part = max(p for p in range(1, m * cw + 1) if (m * cw) % p == 0 and (p * V <= registers - 2 or p == m * cw == 1))
    if m > 1:
        part = m * cw
    width = max((OW - 1) * S + DW * (KW - 1) + 1, PW + 1)
    span = DH * (KH - 1) + 1
    places = np.array([(kh * DH * width + kw * DW) * cw for kh in range(KH) for kw in range(0, KW, m)], np.int64)
    blocks, groups = -(-C // cw), -(-O // (V * L))
    size = whole(groups * len(places) * blocks * m * cw * V * L, 16)
    band, bands, room = _bands(N, OH, S, span, width * blocks * cw, threads)
    kernel = direct.grad_weight(m, part, V, cw, S, C % cw != 0, O % L != 0)
    sums = scratch("dU", size * threads)
    run(
        step(
            kernel, x, dy, scratch("local", room * threads), sums, places,
            N, H, W, C, OH, OW, O, PH, PW, width, span, band, bands, len(places), room, size,
        ),
        step(winograd.add_copies(), sums, threads, size),
        threads=threads,
    )  # fmt: skip
    found = sums[: groups * len(places) * blocks * m * cw * V * L]
    # [groups][KH][KW/m][CB][m][cw][V*L] to (O, C, KH, KW)
    found = found.reshape(groups, KH, KW // m, blocks, m, cw, V * L).transpose(0, 6, 3, 5, 1, 2, 4)
    found = found.reshape(groups * V * L, blocks * cw, KH, KW)[:O, :C]
    return np.ascontiguousarray(found)
