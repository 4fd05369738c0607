"""With what register tiles, bands and places of the window the direct kernels run.

Arrays as in convolution.py.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence

import numpy as np

from tinynet.kernels.cpu.codegen import direct
from tinynet.kernels.cpu.codegen.program import add_copies, lanes, run, scratch, step, whole
from tinynet.kernels.cpu.codegen.shape import Pair, Shape
from tinynet.threads import get_num_threads


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


def convolve(x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None, y: np.ndarray, shape: Shape) -> None:
    """Write y."""
    if shape.stride[0] != shape.stride[1]:
        raise NotImplementedError(f"stride {shape.stride}: the tile's step is one number")
    C = x.shape[3]
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
    if columns == O:
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
    shift, memory = panels if bias is None else bias, scratch("local", room * threads)
    sizes = (N, H, W, C, O, top, left, width, span, band, bands)
    out = (y[0].size, out_row, out_pixel, len(phases), room)
    run(step(kernel, x, panels, y, shift, memory, phases, places, *sizes, *out), threads=threads)


def _bands(N: int, rows: int, stride: int, span: int, row: int, threads: int) -> tuple[int, int, int]:
    """Return the rows of results in a band, the bands of an image, and the floats of a band's copy and some more."""
    band = max(1, min(rows, (direct.COPY // (4 * row) - span) // stride + 1))
    if N * -(-rows // band) < threads:  # few images: smaller bands, so that every thread has one
        band = max(1, rows * N // threads)
    bands = -(-rows // band)
    return band, bands, whole(((band - 1) * stride + span) * row + 4 * lanes(), 16)


def grad_input(dy: np.ndarray, weight: np.ndarray, dx: np.ndarray, shape: Shape) -> None:
    """Write the gradient of x."""
    _, H, W, C = dx.shape
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
    panels: list[np.ndarray] = []
    places: list[int] = []
    phases: list[list[int]] = []
    offset = 0
    for i, rows, taps_h in vertical:
        for j, columns, taps_w in horizontal:
            kernel = [kh * KW + kw for kh, _ in taps_h for kw, _ in taps_w]
            at = [((sh + top) * width + sw + left) * cw for _, sh in taps_h for _, sw in taps_w]
            phases.append([len(places), len(places) + len(at), offset, (i * W + j) * C, rows, columns])
            places += at
            if kernel:
                panels.append(_panels(matrices[kernel], cw, V).ravel())
                offset += panels[-1].size
    weights = np.concatenate(panels or [weight.ravel()])
    _run_direct(
        dy, weights, None, dx, np.array(phases, np.int64), np.array(places, np.int64), R=R, V=V, cw=cw, stride=1,
        top=top, left=left, width=width, span=span, out_row=SH * W * C, out_pixel=SW * C,
    )  # fmt: skip


def _phases(
    size: int, kernel: int, stride: int, padding: int, dilation: int
) -> list[tuple[int, int, list[Pair]]]:
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


def grad_weight(x: np.ndarray, dy: np.ndarray, shape: Shape) -> np.ndarray:
    """Return the gradient of the weight."""
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
    part = max(
        p for p in range(1, m * cw + 1) if (m * cw) % p == 0 and (p * V <= registers - 2 or p == m * cw == 1)
    )
    if m > 1:
        part = m * cw
    width = max((OW - 1) * S + DW * (KW - 1) + 1, PW + 1)
    span = DH * (KH - 1) + 1
    places = np.array(
        [(kh * DH * width + kw * DW) * cw for kh in range(KH) for kw in range(0, KW, m)], np.int64
    )
    blocks, groups = -(-C // cw), -(-O // (V * L))
    size = whole(groups * len(places) * blocks * m * cw * V * L, 16)
    band, bands, room = _bands(N, OH, S, span, width * blocks * cw, threads)
    kernel = direct.grad_weight(m, part, V, cw, S, C % cw != 0, O % L != 0)
    sums = scratch("dU", size * threads)
    memory = scratch("local", room * threads)
    sizes = (N, H, W, C, OH, OW, O, PH, PW, width, span, band, bands, len(places), room, size)
    first = step(kernel, x, dy, memory, sums, places, *sizes)
    run(first, step(add_copies(), sums, threads, size), threads=threads)
    found = sums[: groups * len(places) * blocks * m * cw * V * L]
    # [groups][KH][KW/m][CB][m][cw][V*L] to (O, C, KH, KW)
    found = found.reshape(groups, KH, KW // m, blocks, m, cw, V * L).transpose(0, 6, 3, 5, 1, 2, 4)
    found = found.reshape(groups * V * L, blocks * cw, KH, KW)[:O, :C]
    return np.ascontiguousarray(found)
