"""With what register tiles, bands and places of the window the direct kernels run.

Arrays as in convolution.py.
"""

from __future__ import annotations

import functools
import math

import numpy as np

from tinynet.kernels.cpu.codegen import chains, direct, packing
from tinynet.kernels.cpu.codegen.ending import Ending
from tinynet.kernels.cpu.codegen.program import Given, Plan, add_copies, clear, copies, lanes, whole
from tinynet.kernels.cpu.codegen.shape import Pair, Shape

PANEL = 24 << 10
"""Bytes of weights that a tile's inner dimension goes over at a time: half of an L1 cache of 48 KiB, less of 32."""
PIXELS = 96
"""Pixels of grad_y, of one group of channels, that stay in L1 while a weight's gradient passes over them."""
SHARE_OF_SUMS = 4
"""All copies of a weight's gradient in a chain take no more than such a part of the images' gradient."""
SUMS = 512 << 10
"""Bytes of a weight's gradient from which threads share its sums instead of the images."""


@functools.cache
def register_tile(columns: tuple[int, ...], vectors: int) -> Pair:
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


def steps_of(shape: Shape) -> Pair:
    """Return the pixels between two windows in the copy, and of how many pixels of x one is copied.

    Windows of one pixel touch no pixels between them; these need not be copied.
    """
    if shape.stride[0] != shape.stride[1]:
        raise NotImplementedError(f"stride {shape.stride}: the register tile's step is one number")
    pointwise = (shape.window, shape.padding) == ((1, 1), (0, 0)) and shape.channels >= lanes()
    return (1, shape.stride[0]) if pointwise else (shape.stride[0], 1)


def _units(places: list[int], blocks: int, plane: int) -> list[int]:
    """Return of each block of channels at each place its offset in the copy."""
    return [place + block * plane for place in places for block in range(blocks)]


def _bands(N: int, rows: int, wanted: int, threads: int) -> Pair:
    """Return the rows of a band and the bands of an image: about as many rows as wanted, and work for every thread."""
    band = max(1, min(rows, wanted))
    if N * -(-rows // band) < threads:
        band = max(1, rows * N // threads)
    return band, -(-rows // band)


def convolve(plan: Plan, shape: Shape, x: Given, weight: Given, y: Given, ending: Ending) -> None:
    """Convolve x with weight into y."""
    S, every = steps_of(shape)
    C, (OH, OW), O = shape.channels, shape.results, shape.outputs
    (KH, KW), (PH, PW), (DH, DW) = shape.window, shape.padding, shape.dilation
    L = lanes()
    cw = min(C, L)
    R, V = register_tile((OW,), -(-O // L))
    width = max((OW - 1) * S + DW * (KW - 1) + 1, PW + 1)
    places = [(kh * DH * width + kw * DW) * cw for kh in range(KH) for kw in range(KW)]
    rows, columns = whole(C, cw), whole(O, V * L)
    panels = plan.scratch("panels", KH * KW * rows * columns)
    if rows != C:
        plan.step(clear(), panels, KH * KW * rows * columns)
    numbers = max(math.prod(shape.image) * C, OH * OW * O)
    in_chain = 0
    if ending.kind in ("", "b") and rows == C:
        in_chain = chains.parts_of_images(shape.images, numbers, plan.threads)
    role = chains.BEFORE if in_chain else chains.ALONE
    plan.step(packing.pack(V, KH * KW), weight, panels, O, C, rows, role=role, uses="panels")
    _multiply(
        plan, x, panels, y, ending, (shape.images, *shape.image, C, O), [[0, len(places), 0, 0, OH, OW]], places,
        R=R, V=V, cw=cw, stride=S, every=every, top=PH, left=PW, width=width, span=DH * (KH - 1) + 1,
        out_image=OH * OW * O, out_row=OW * O, out_pixel=O, in_chain=in_chain, reads=x,
    )  # fmt: skip


def _multiply(
    plan: Plan, x: Given, panels: Given, y: Given, ending: Ending, sizes: tuple[int, ...],
    phases: list[list[int]], places: list[int],
    *, R: int, V: int, cw: int, stride: int, every: int = 1, top: int, left: int, width: int, span: int,
    out_image: int, out_row: int, out_pixel: int, in_chain: int, reads: Given,
) -> None:  # fmt: skip
    """Add the kernel's step. sizes: N, H, W and channels of x, channels of y

    phases as the kernel reads them, but with places instead of units.
    in_chain: parts, of whole images, of a kernel that may be part of a chain which has written `reads`, x or y; or 0
    """
    L, threads = lanes(), plan.threads
    N, H, W, C, O = sizes
    blocks = -(-C // cw)
    rows = max(phase[4] for phase in phases)
    band, bands = _bands(N, rows, (direct.COPY // (4 * width * blocks * cw) - span) // stride + 1, threads)
    height = (band - 1) * stride + span
    copied = whole(height * width * blocks * cw + 4 * L, 16)
    units = np.array(_units(places, blocks, height * width * cw), np.int64)
    depth = max(1, PANEL // (4 * cw * V * L))
    parts = max(phase[1] - phase[0] for phase in phases) * blocks > 2 * depth
    room = copied + (band * max(-(-phase[5] // R) for phase in phases) * R * V * L if parts else 0)
    table = np.array([[p[0] * blocks, p[1] * blocks, *p[2:]] for p in phases], np.int64)
    kernel = direct.convolve(R, V, cw, stride, C % cw != 0, O % L != 0, ending.kind, parts)
    # In a chain another thread may be at a convolution by Winograd's form, which has other rooms in "local".
    memory = plan.scratch("local by panels" if in_chain else "local", room * threads)
    plan.link(
        kernel, x, panels, y, memory, table, units, *ending.arrays(panels),
        N, H, W, C, every, O, top, left, width, span, band, bands, out_image, out_row, out_pixel,
        len(phases), copied, room, depth, parts=in_chain, reads=(reads,), writes=y, uses="panels",
    )  # fmt: skip


def grad_input(plan: Plan, shape: Shape, dy: Given, weight: Given, dx: Given, *, add: bool = False) -> None:
    """Convolve dy with the turned weight into dx, or add it to dx, phase by phase."""
    (H, W), C, O = shape.image, shape.channels, shape.outputs
    (KH, KW), (SH, SW), (PH, PW), (DH, DW) = shape.window, shape.stride, shape.padding, shape.dilation
    L = lanes()
    cw = min(O, L)
    vertical, horizontal = _phases(H, KH, SH, PH, DH), _phases(W, KW, SW, PW, DW)
    top = max(0, -min((shift for _, _, taps in vertical for _, shift in taps), default=0))
    left = max(0, -min((shift for _, _, taps in horizontal for _, shift in taps), default=0))
    right = max((count + shift for _, count, taps in horizontal for _, shift in taps), default=1)
    span = 1 + top + max(0, max((shift for _, _, taps in vertical for _, shift in taps), default=0))
    width = left + max(right, 1)
    columns = sorted({count for _, count, _ in horizontal})
    R, V = register_tile(tuple(columns), -(-C // L))
    if add:  # the last tile of a row begins so that it ends with it: here none may overlap another
        R = max(r for r in range(1, R + 1) if math.gcd(*columns) % r == 0)
    rows, groups = whole(O, cw), -(-C // (V * L))
    places: list[int] = []
    phases, order, offset = [], [], 0
    for i, tall, taps_h in vertical:
        for j, wide, taps_w in horizontal:
            kernel = [kh * KW + kw for kh, _ in taps_h for kw, _ in taps_w]
            at = [((sh + top) * width + sw + left) * cw for _, sh in taps_h for _, sw in taps_w]
            if add and not at:
                continue
            phases.append([len(places), len(places) + len(at), offset, (i * W + j) * C, tall, wide])
            places += at
            panel = rows * V * L
            order += [[k, offset + index * panel, len(at) * panel] for index, k in enumerate(kernel)]
            offset += groups * len(at) * panel
    panels = plan.scratch("panels", offset)
    if rows != O:
        plan.step(clear(), panels, offset)
    in_chain = chains.parts_of_images(shape.images, H * W * C, plan.threads) if add and rows == O else 0
    plan.step(
        packing.pack_turned(V, KH * KW), weight, panels, np.array(order, np.int64), O, C, len(order),
        role=chains.BEFORE if in_chain else chains.ALONE, uses="panels",
    )  # fmt: skip
    _multiply(
        plan, dy, panels, dx, Ending(other=dx if add else None), (shape.images, *shape.results, O, C), phases, places,
        R=R, V=V, cw=cw, stride=1, top=top, left=left, width=width, span=span,
        out_image=H * W * C, out_row=SH * W * C, out_pixel=SW * C, in_chain=in_chain, reads=dx,
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


def grad_weight(plan: Plan, shape: Shape, x: Given, dy: Given, grad: Given) -> None:
    """Sum the outer products of windows of x and pixels of dy."""
    S, every = steps_of(shape)
    L, threads = lanes(), plan.threads
    N, (H, W), C, (OH, OW), O = shape[:5]
    (KH, KW), (PH, PW), (DH, DW) = shape.window, shape.padding, shape.dilation
    cw = min(C, L)
    V = max(v for v in (1, 2, 3) if -(-O // L) % v == 0)
    registers = 30 if L == 16 else 12
    m = KW if cw < L and DW == 1 and KW * cw * V <= registers else 1
    part = (
        m * cw
        if m > 1
        else max(p for p in range(1, cw + 1) if cw % p == 0 and (p * V <= registers - 2 or p == 1))
    )
    width = max((OW - 1) * S + DW * (KW - 1) + 1, PW + 1)
    span = DH * (KH - 1) + 1
    blocks, groups = -(-C // cw), -(-O // (V * L))
    places = [(kh * DH * width + kw * DW) * cw for kh in range(KH) for kw in range(0, KW, m)]
    size = whole(groups * len(places) * blocks * m * cw * V * L, 16)
    tails, role = (C % cw != 0, O % L != 0), chains.ALONE
    if 4 * size > SUMS and m == 1:
        sums = plan.scratch("dU", size)
        height = (OH - 1) * S + span
        image = whole(height * width * blocks * cw, 16)
        copied = plan.scratch("V", image * N + 4 * L)
        units = np.array(_units(places, blocks, height * width * cw), np.int64)
        chunk = max(1, PIXELS // (OH * OW))
        plan.step(
            direct.copy_images(cw, tails[0]), x, copied, N, H, W, C, every, PH, PW, height, width, image
        )
        memory = plan.scratch("local", chunk * OH * OW * V * L * threads)
        plan.step(
            direct.grad_weight_shared(part, V, cw, S, tails[1]), copied, dy, memory, sums, units,
            N, OH, OW, O, width, len(units), image, chunk,
        )  # fmt: skip
    else:
        in_chain = chains.parts_of_images(N, OH * OW * O, threads)
        if in_chain * size > N * OH * OW * O // SHARE_OF_SUMS:
            in_chain = 0
        parts, suffix = in_chain or copies(size), " of a link" if in_chain else ""
        sums = plan.scratch("dU" + suffix, size * parts)
        band, bands = _bands(N, OH, PIXELS // OW, threads)
        height = (band - 1) * S + span
        band_size = whole(height * width * blocks * cw + 4 * L, 16)
        room = band_size + band * OW * V * L
        units = np.array(_units(places, blocks, height * width * cw), np.int64)
        arguments = (
            direct.grad_weight(m, part, V, cw, S, *tails),
            x, dy, plan.scratch("local" + suffix, room * threads), sums, units,
            N, H, W, C, every, OH, OW, O, PH, PW, width, span, band, bands, len(units), room, size, band_size,
        )  # fmt: skip
        if in_chain:
            role = chains.AFTER
            plan.link(*arguments, parts=parts, reads=(dy,))
        else:
            plan.step(*arguments, parts=parts)
        plan.step(add_copies(), sums, parts, size, role=role)
    plan.step(packing.unpack(V, cw, m, KH * KW), sums, grad, O, C, blocks, role=role)
