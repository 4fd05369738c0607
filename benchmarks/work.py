"""What a call of a kernel or an operation has to do: multiply-adds by definition and as made, bytes at the least.

FLOP: 2 for each multiply-add of a direct convolution, the convention by which speeds are compared; of other kernels the
additions and multiplications of their formula, comparisons not counted.
Made: 2 for each multiply-add that the matrix products in registers really make, channels filled up to whole vectors:
Winograd's form makes 36 a tile of 16 results where a direct convolution makes 144, and 81 with a stride of 2.
Bytes: every argument read once and every result written once, whatever a kernel reads or writes besides.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from tinynet.kernels.cpu.codegen import convolution, small_plan, winograd_plan
from tinynet.kernels.cpu.codegen.program import lanes, whole
from tinynet.kernels.cpu.codegen.shape import Shape
from tinynet.kernels.cpu.codegen.transforms import FORMS
from tinynet.kernels.generic import fused

KINDS = {
    "conv2d": "convolution",
    "conv2d_finished_": "convolution, finished (scale, shift, add, ReLU)",
    "conv2d_grad_input": "convolution, gradient of input",
    "conv2d_grad_input_add_": "convolution, gradient of input, added",
    "conv2d_grad_weight": "convolution, gradient of weight",
    "conv2d_gradients": "convolution, both gradients",
    "batch_norm": "batch norm",
    "batch_norm_coefficients": "batch norm: statistics",
    "channel_affine": "batch norm: scale, shift (add, ReLU)",
    "batch_norm_backward": "batch norm (ReLU, sum of gradients), backward",
    "batch_norm_backward_behind_relu": "batch norm (ReLU, sum of gradients), backward",
    "channel_sum": "sum of channels",
    "masked_sum": "ReLU, backward",
    "sum_of_two": "sum of gradients",
    "relu": "ReLU",
    "relu_backward": "ReLU, backward",
    "max_pool2d": "max pooling",
    "max_pool2d_backward": "max pooling, backward",
    "avg_pool2d": "average pooling",
    "avg_pool2d_backward": "average pooling, backward",
    "mean_pixels": "average pooling",
    "mean_pixels_backward": "average pooling, backward",
    "pad_constant": "shortcut: zeros around channels",
    "put_in_zeros": "shortcut: zeros between pixels",
    "add_at_": "shortcut: gradient of some pixels, added",
    "sgd_all_": "SGD",
    "adam_all_": "Adam",
    "Linear": "linear, and its gradients",
    "MatMul": "linear, and its gradients",
}
"""Rows of the table by kernels and operations; operations that are not listed are OTHERS."""
OTHERS = "loss, other NumPy"
FLOP = {
    "batch_norm_coefficients": 4,
    "batch_norm_backward": 8,
    "batch_norm_backward_behind_relu": 8,
    "channel_sum": 1,
    "sum_of_two": 1,
    "mean_pixels": 1,
    "avg_pool2d": 1,
}
"""Additions and multiplications a number of the first array, without those of a second gradient."""


FINISHED = tuple(inspect.signature(fused.conv2d_finished_).parameters)


@dataclass(frozen=True)
class Work:
    """One call: the row it belongs to, FLOP by definition and as made, bytes; FLOP None where it is not counted."""

    kind: str
    shape: str
    flop: float | None
    made: float | None
    bytes: int


def describe(name: str, args: tuple[Any, ...], kwargs: dict[str, Any], result: Any) -> Work:
    """Describe a call by its name and arguments."""
    arrays = list(_arrays((args, kwargs)))
    moved = sum(array.nbytes for array in arrays) + sum(array.nbytes for array in _arrays(result))
    if name == "batch_norm_coefficients":  # running statistics change in place
        moved += sum(array.nbytes for array in _arrays(args[4:]))
    if name == "add_at_":  # in place, and only the pixels that are added to
        target, values = args
        moved += 2 * values.nbytes - target.nbytes
    if name.endswith("_all_"):  # in place: all but the gradients is written too
        changed = {key: value for key, value in kwargs.items() if key != "grads"}
        moved += sum(array.nbytes for array in _arrays(changed))
        count = sum(param.size for param in kwargs["params"])
        flop = count * _update_flop(name, kwargs)
        return Work(KINDS[name], f"{count} parameters", flop, flop, moved)
    if name == "conv2d_finished_":  # by position inside the library, by name elsewhere
        kwargs = {**dict(zip(FINISHED, args, strict=False)), **kwargs}
    if name.startswith("conv2d"):
        return _convolution(name, args, kwargs, result, moved)
    if name in ("Linear", "MatMul"):
        flop = 2.0 * np.sqrt(float(args[0].size) * args[1].size * result[0].size)  # (m*k * k*n * m*n) ** 0.5
        return Work(KINDS[name], "", flop, flop, moved)
    if name not in KINDS:
        return Work(OTHERS, "", None, None, 0)
    each = _affine_flop(kwargs) if name == "channel_affine" else FLOP.get(name)
    if each is not None and kwargs.get("other") is not None and name != "channel_affine":
        each += 1
    flop = None if each is None else float(each) * arrays[0].size
    C, *image = arrays[0].shape[1:] or arrays[0].shape
    return Work(KINDS[name], f"{C}, {'x'.join(map(str, image))}", flop, flop, moved)


def _arrays(value: Any) -> Iterator[np.ndarray]:
    """Go through the arrays in lists, tuples and dictionaries."""
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, dict | list | tuple):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _arrays(part)


def _update_flop(name: str, options: dict[str, Any]) -> int:
    """Return the operations of an update: sign, decay, averages, step."""
    decay = 2 if options["weight_decay"] else 0
    if name == "adam_all_":
        return 13 + decay
    return 3 + decay + (0 if options["momentum_buffers"] is None else 3)


def _affine_flop(options: dict[str, Any]) -> int:
    return 2 + (0 if options["other"] is None else 1 if options["other_scale"] is None else 3)


def _ending_flop(options: dict[str, Any]) -> int:
    return 2 * (options["scale"] is not None) + (options["other"] is not None)


def _convolution(name: str, args: tuple[Any, ...], options: dict[str, Any], result: Any, moved: int) -> Work:
    if name == "conv2d":
        x, (O, _, *window), y = args[0].shape, args[1].shape, result.shape
    elif name == "conv2d_finished_":
        x, (O, _, *window), y = options["x"].shape, options["weight"].shape, args[0].shape
    elif name == "conv2d_grad_input_add_":
        x, (O, _, *window), y = args[0].shape, options["weight"].shape, options["grad_y"].shape
        # Only the pixels that are read are added to.
        moved = (
            options["grad_y"].nbytes + options["weight"].nbytes + 2 * 4 * x[0] * x[1] * int(np.prod(y[2:]))
        )
    elif name == "conv2d_grad_input":
        y, (O, _, *window), x = args[0].shape, args[1].shape, result.shape
    elif name == "conv2d_gradients":
        x, y, (O, _, *window) = (array.shape for array in args)
    else:
        x, y, window = args[0].shape, args[1].shape, options["kernel_size"]
        O = y[1]
    geometry = {key: options[key] for key in ("stride", "padding", "dilation")}
    shape = Shape(x[0], x[2:], x[1], y[2:], O, tuple(window), **geometry)
    flop = 2.0 * x[0] * np.prod(y[2:]) * np.prod(window) * O * x[1] / options["groups"]
    stride = f"/{shape.stride[0]}" if shape.stride != (1, 1) else ""
    text = f"{window[0]}x{window[1]}{stride}, {shape.channels} to {O}, {'x'.join(map(str, shape.image))}"
    made = float(flop) if options["groups"] > 1 else made_by(name, shape, float(flop))
    if name == "conv2d_gradients":
        flop, made = 2 * flop, 2 * made
    rest = float(_ending_flop(options)) * np.prod(y) if name == "conv2d_finished_" else 0.0
    return Work(KINDS[name], text, float(flop) + rest, made + rest, moved)


def made_by(name: str, shape: Shape, flop: float) -> float:
    """Return what the matrix products of a convolution make in place of `flop`."""
    L, C, O = lanes(), shape.channels, shape.outputs
    if convolution.takes_winograd(shape):
        gradient = name in ("conv2d_grad_input", "conv2d_gradients")
        kind = winograd_plan.kind_of(shape, gradient=gradient)
        size = shape.image if gradient else shape.results
        tiles = shape.images * winograd_plan.tiles(size, kind)
        return 2.0 * FORMS[kind].planes ** 2 * tiles * whole(C, L) * whole(O, L)
    if convolution.takes_small(shape):
        return 2.0 * shape.images * small_plan.multiplications(shape) * whole(C, L) * whole(O, L)
    # Of the two, the one along the lanes is filled up to vectors; the other if it has more than one block of them.
    inner, across = (O, C) if name.startswith("conv2d_grad_input") else (C, O)
    return flop / (C * O) * whole(inner, min(inner, L)) * whole(across, L)
