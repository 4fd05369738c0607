"""When and with what sizes the planar kernels run: convolutions of stride 1 with few channels of results.

Arrays as in convolution.py; x may also be (N, C, H, W), contiguous.
"""

from __future__ import annotations

import numpy as np

from tinynet import run_ahead
from tinynet.kernels.cpu.codegen import planar
from tinynet.kernels.cpu.codegen.program import add_copies, copies, lanes, run, scratch, step, whole
from tinynet.kernels.cpu.codegen.shape import Pair, Shape
from tinynet.memory import empty
from tinynet.threads import get_num_threads


def fits(outputs: int, columns: int, stride: Pair, places: int) -> bool:
    """Return whether lanes along pixels are fuller than along channels, by half at least."""
    L = lanes()
    along_pixels = columns / whole(columns, L)
    return stride == (1, 1) and outputs <= L // 2 and places > 1 and along_pixels > 1.5 * outputs / L


def convolve(x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None, y: np.ndarray, shape: Shape) -> None:
    """Write y."""
    (DH, DW), (KH, KW) = shape.dilation, shape.window
    places = [(kh * DH, kw * DW) for kh in range(KH) for kw in range(KW)]
    matrix = weight.reshape(weight.shape[0], -1).T  # (C*KH*KW, O)
    _run(
        x,
        matrix,
        bias,
        y,
        places,
        shape.channels,
        shape.padding,
        planes=x.shape[1] == shape.channels != x.shape[3],
    )


def grad_input(dy: np.ndarray, weight: np.ndarray, dx: np.ndarray, shape: Shape) -> None:
    """Write dx: dy convolved with the turned weight, padded by D*(K-1) - P."""
    (DH, DW), (KH, KW), (PH, PW) = shape.dilation, shape.window, shape.padding
    places = [((KH - 1 - kh) * DH, (KW - 1 - kw) * DW) for kh in range(KH) for kw in range(KW)]
    O, C = weight.shape[:2]
    matrix = weight.transpose(0, 2, 3, 1).reshape(O * KH * KW, C)
    _run(dy, matrix, None, dx, places, O, (DH * (KH - 1) - PH, DW * (KW - 1) - PW), planes=False)


def _run(
    x: np.ndarray, matrix: np.ndarray, bias: np.ndarray | None, y: np.ndarray, places: list[Pair], C: int,
    padding: Pair, *, planes: bool,
) -> None:  # fmt: skip
    L, threads = lanes(), get_num_threads()
    H, W = x.shape[2:] if planes else x.shape[1:3]
    N, OH, OW, O = y.shape
    PH, PW = padding
    V = 2 if OW > L else 1
    rows = max(OH + max(h for h, _ in places), PH + H)
    width = max(whole(OW, V * L) + max(w for _, w in places), PW + W)
    units = np.array([c * rows * width + h * width + w for c in range(C) for h, w in places], np.int64)
    weights = np.ascontiguousarray(matrix)
    room = whole(C * rows * width + L, 16)
    kernel = planar.convolve(O, V, planes, bias is not None)
    arrays = (x, weights, y, weights if bias is None else bias, scratch("local", room * threads), units)
    run(step(kernel, *arrays, N, H, W, C, OH, OW, PH, PW, rows, width, len(units), room), threads=threads)


def fits_weight(shape: Shape) -> bool:
    """Return whether the weight's gradient fills lanes better along a row of the window than along grad_y."""
    L, run_of = lanes(), shape.window[1] * shape.channels
    return (
        shape.stride[0] == shape.stride[1]
        and shape.channels < L
        and shape.dilation[1] == 1
        and run_of <= L
        and 1 < shape.outputs <= (24 if L == 16 else 10)
        and run_of / L > 1.5 * shape.outputs / whole(shape.outputs, L)
    )


def grad_weight(x: np.ndarray, dy: np.ndarray, shape: Shape) -> np.ndarray:
    """Return the gradient of weight."""
    L, threads = lanes(), get_num_threads()
    N, H, W, C = x.shape
    _, OH, OW, O = dy.shape
    (KH, KW), S, (PH, PW), DH = shape.window, shape.stride[0], shape.padding, shape.dilation[0]
    width = max((OW - 1) * S + KW, PW + 1)
    span = DH * (KH - 1) + 1
    height = (OH - 1) * S + span
    room = whole(height * width * C + 4 * L, 16)
    units = np.array([kh * DH * width * C for kh in range(KH)], np.int64)
    size = KH * O * L
    parts = copies(size)
    sums = scratch("dU", size * parts)
    kernel = planar.grad_weight(KW, C, O, S)
    run(
        step(
            kernel, x, dy, scratch("local", room * threads), sums, units,
            N, H, W, C, OH, OW, PH, PW, width, span, OH, 1, KH, room, size, parts=parts,
        ),
        step(add_copies(), sums, parts, size),
        threads=threads,
    )  # fmt: skip
    run_ahead.wait()
    grad = empty(O, C, KH, KW)
    grad[...] = sums[:size].reshape(KH, O, L)[:, :, : KW * C].reshape(KH, O, KW, C).transpose(1, 3, 0, 2)
    return grad
