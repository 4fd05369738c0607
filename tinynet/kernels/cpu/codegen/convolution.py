"""Which generated kernels compute a convolution: Winograd's or direct ones.

Arrays here are float32, channels last: x (N, H, W, C), y (N, OH, OW, O), contiguous; weight (O, C, KH, KW), contiguous.
"""

from __future__ import annotations

import functools
import math

import numpy as np

from tinynet import switches
from tinynet.kernels.cpu.codegen import (
    direct_plan,
    few_plan,
    planar_plan,
    small_plan,
    winograd_plan,
)
from tinynet.kernels.cpu.codegen.ending import Ending, kind_of
from tinynet.kernels.cpu.codegen.program import PLANS, Plan, lanes, planned
from tinynet.kernels.cpu.codegen.rows import running_coefficients
from tinynet.kernels.cpu.codegen.shape import Pair, Shape, shape_of
from tinynet.kernels.cpu.codegen.transforms import FORMS
from tinynet.memory import empty
from tinynet.threads import get_num_threads

use_winograd = switches.read("TINYNET_CONV") == "auto"
"""Whether 3x3 convolutions of stride 1 and 2 run as Winograd's; off with TINYNET_CONV=direct."""


FEWEST = 12
"""Tiles from which Winograd's form is worth transforming the weights."""
TRANSFORMS = 1.3
"""How many times as long as another a multiplication of Winograd's form takes, with its transforms."""
WORTH = 0.85
"""How many of a direct convolution's multiplications the form of stride 2 may make: 81 for 4x4 results, of 144."""


def takes_winograd(shape: Shape) -> bool:
    """Return whether Winograd's form fits: 3x3 windows, channels that fill most of a vector, and many tiles.

    The stride is 1, or 2 with zeros of one pixel around, as in every residual network, and results that fill the tiles.
    """
    return use_winograd and _fits_winograd(shape)


@functools.lru_cache(PLANS)
def _fits_winograd(shape: Shape) -> bool:
    return (
        (shape.window, shape.dilation) == ((3, 3), (1, 1))
        and (
            (shape.stride == (1, 1) and max(shape.padding) <= 2)
            or (shape.stride == (2, 2) and shape.padding == (1, 1) and _fills_tiles(shape))
        )
        and min(shape.channels, shape.outputs) >= lanes() // 2
        and min(shape.results) >= 2
        and min(shape.image) >= 2
        and shape.images * winograd_plan.tiles(shape.results, winograd_plan.kind_of(shape)) >= FEWEST
        and not _is_small(shape)
    )


def _multiplications(shape: Shape) -> int:
    """Return how many multiplications Winograd's form makes of an image and a pair of channels."""
    kind = winograd_plan.kind_of(shape)
    return FORMS[kind].planes ** 2 * winograd_plan.tiles(shape.results, kind)


def _fills_tiles(shape: Shape) -> bool:
    """Return whether so many results lie inside of the tiles that the form of stride 2 saves time."""
    return _multiplications(shape) <= WORTH * math.prod(shape.window) * math.prod(shape.results)


def _is_small(shape: Shape) -> bool:
    """Return whether so few places of the window lie inside the image that Winograd's form saves nothing."""
    return small_plan.fits(shape) and small_plan.multiplications(shape) < TRANSFORMS * _multiplications(shape)


def takes_small(shape: Shape) -> bool:
    """Return whether register tiles take neighbouring images."""
    return not takes_winograd(shape) and small_plan.fits(shape)


def takes_planes(shape: Shape) -> bool:
    """Return whether the lanes lie along pixels; x may then be (N, C, H, W) as well."""
    return not takes_winograd(shape) and _fits_planes(shape)


@functools.lru_cache(PLANS)
def _fits_planes(shape: Shape) -> bool:
    return planar_plan.fits(shape.outputs, shape.results[1], shape.stride, math.prod(shape.window))


def _within(shape: Shape) -> bool:
    """Return whether the padding lies within the window: that of the gradient is then not negative."""
    return all(p <= d * (k - 1) for p, d, k in zip(shape.padding, shape.dilation, shape.window, strict=True))


def convolve(x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None, shape: Shape) -> np.ndarray:
    """Return y."""
    y = empty(shape.images, *shape.results, shape.outputs)
    if takes_planes(shape):
        planar_plan.convolve(x, weight, bias, y, shape)
    else:
        convolve_into(y, x, weight, shape.stride, shape.padding, shape.dilation, bias)
    return y


def convolve_into(
    y: np.ndarray,
    x: np.ndarray,
    weight: np.ndarray,
    stride: Pair,
    padding: Pair,
    dilation: Pair,
    bias: np.ndarray | None = None,
    scale: np.ndarray | None = None,
    shift: np.ndarray | None = None,
    statistics: tuple[np.ndarray, np.ndarray, float] | None = None,
    other: np.ndarray | None = None,
    relu: bool = False,
) -> None:
    """Write y, finished by an `Ending` of these arrays; for shapes whose lanes do not lie along pixels.

    With statistics, which are mean, variance and eps, scale and shift are the weight and bias of batch normalisation.
    """
    kind = kind_of(bias, scale, other, relu)
    # In the place of an array that is not needed stands any other.
    mean, var, eps = statistics or (weight, weight, None)
    _convolution(x.shape, weight.shape, stride, padding, dilation, use_winograd, kind, eps)(
        x,
        weight,
        y,
        weight if bias is None else bias,
        weight if scale is None else scale,
        weight if shift is None else shift,
        weight if other is None else other,
        mean,
        var,
    )


@planned
def _convolution(
    plan: Plan,
    images: tuple[int, int, int, int],
    weights: tuple[int, int, int, int],
    stride: Pair,
    padding: Pair,
    dilation: Pair,
    _: bool,
    kind: str,
    eps: float | None,
) -> None:
    """Plan a convolution and what `kind` says (`Ending`); eps: that of batch normalisation by running statistics.

    From the shapes of x and weight and not from a `Shape`, for to look that up first takes a single image's layer as
    long as to find the plan. The bool is the switch `use_winograd`.
    """
    N, H, W, _channels = images
    shape, O = shape_of(N, (H, W), weights, stride, padding, dilation), weights[0]
    x, weight, y, bias, scale, shift, other, mean, var = plan.arrays(9)
    if eps is not None:
        given_scale, given_shift = scale, shift
        scale, shift = plan.scratch("scale", O), plan.scratch("shift", O)
        statistics = mean, var, np.array([eps], np.float32)
        plan.step(running_coefficients(), given_scale, given_shift, *statistics, scale, shift, O, parts=1)
    given = plan, shape, x, weight, y, Ending.of_kind(kind, (bias, scale, shift, other))
    if takes_winograd(shape):
        winograd_plan.convolve(*given, kind=winograd_plan.kind_of(shape))
    elif small_plan.fits(shape):
        small_plan.convolve(*given)
    elif few_plan.fits(shape):
        few_plan.convolve(*given)
    else:
        direct_plan.convolve(*given)


def grad_input(dy: np.ndarray, weight: np.ndarray, shape: Shape) -> np.ndarray:
    """Return the gradient of x from that of y."""
    dx = empty(shape.images, *shape.image, shape.channels)
    by_winograd = takes_winograd(shape)
    if not by_winograd and _gradient_fits_planes(shape):
        planar_plan.grad_input(dy, weight, dx, shape)
    else:
        _grad_input(shape, by_winograd)(dy, weight, dx)
    return dx


@functools.lru_cache(PLANS)
def _gradient_fits_planes(shape: Shape) -> bool:
    places = math.prod(shape.window)
    return planar_plan.fits(shape.channels, shape.image[1], shape.stride, places) and _within(shape)


@planned
def _grad_input(plan: Plan, shape: Shape, by_winograd: bool) -> None:
    dy, weight, dx = plan.arrays(3)
    if by_winograd:
        kind = winograd_plan.kind_of(shape, gradient=True)
        winograd_plan.convolve(plan, _turned(shape), dy, weight, dx, Ending(), kind=kind, turned=True)
    elif small_plan.fits(shape):
        small_plan.grad_input(plan, shape, dy, weight, dx)
    else:
        direct_plan.grad_input(plan, shape, dy, weight, dx)


def _turned(shape: Shape) -> Shape:
    """Return the shape of the gradient of x as a convolution of that of y, of 3x3 windows."""
    PH, PW = shape.padding
    return shape._replace(
        image=shape.results, channels=shape.outputs, results=shape.image, outputs=shape.channels,
        padding=(2 - PH, 2 - PW) if shape.stride == (1, 1) else (0, 0),
    )  # fmt: skip


def takes_sum(shape: Shape) -> bool:
    """Return whether `add_grad_input` covers a shape."""
    return not _gradient_fits_planes(shape)


def add_grad_input(dx: np.ndarray, dy: np.ndarray, weight: np.ndarray, shape: Shape) -> None:
    """Add the gradient of x to dx, from that of y; pixels of x that no window touches are left alone."""
    _add_grad_input(shape)(dy, weight, dx)


@planned
def _add_grad_input(plan: Plan, shape: Shape) -> None:
    direct_plan.grad_input(plan, shape, *plan.arrays(3), add=True)


def grad_weight(x: np.ndarray, dy: np.ndarray, shape: Shape) -> np.ndarray:
    """Return the gradient of weight from x and the gradient of y."""
    by_winograd = takes_winograd(shape)
    if not by_winograd and planar_plan.fits_weight(shape):
        return planar_plan.grad_weight(x, dy, shape)
    grad = empty(shape.outputs, shape.channels, *shape.window)
    _grad_weight(shape, by_winograd)(x, dy, grad)
    return grad


@planned
def _grad_weight(plan: Plan, shape: Shape, by_winograd: bool) -> None:
    x, dy, grad = plan.arrays(3)
    if by_winograd:
        winograd_plan.grad_weight(plan, shape, x, dy, grad)
    elif small_plan.fits(shape):
        small_plan.grad_weight(plan, shape, x, dy, grad)
    else:
        direct_plan.grad_weight(plan, shape, x, dy, grad)


def takes_gradients(shape: Shape) -> bool:
    """Return whether `gradients` covers a shape."""
    return takes_winograd(shape) and winograd_plan.shares_gradients(shape, get_num_threads())


def gradients(
    x: np.ndarray, dy: np.ndarray, weight: np.ndarray, shape: Shape
) -> tuple[np.ndarray, np.ndarray]:
    """Return the gradients of x and of weight."""
    dx = empty(shape.images, *shape.image, shape.channels)
    grad = empty(*weight.shape)
    _gradients(shape)(x, dy, weight, dx, grad)
    return dx, grad


@planned
def _gradients(plan: Plan, shape: Shape) -> None:
    kind = winograd_plan.kind_of(shape, gradient=True)
    winograd_plan.gradients(plan, _turned(shape), *plan.arrays(5), kind=kind)
