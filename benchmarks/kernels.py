"""Time every accelerated kernel beside its generic version, on the shapes of ResNet-20 and ResNet-18.

`python -m benchmarks.kernels` prints a table. Each version runs in a process of its own, turn about: the generic
one with NumPy's BLAS on all threads, the accelerated one with tinynet's threads.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable

import numpy as np

from benchmarks import harness
from benchmarks.harness import Contender, Contest
from reference.arguments import positive

SHAPES = ((128, 16, 32), (128, 32, 16), (128, 64, 8), (64, 64, 32), (64, 128, 16), (64, 256, 8), (64, 512, 4))
CONVOLUTIONS = (
    "conv2d",
    "conv2d_finished_",
    "conv2d_grad_input",
    "conv2d_grad_input_add_",
    "conv2d_grad_weight",
    "conv2d_gradients",
)
POOLING = (
    "max_pool2d",
    "max_pool2d_backward",
    "avg_pool2d",
    "avg_pool2d_backward",
    "mean_pixels",
    "mean_pixels_backward",
)
COPIES = ("pad_constant", "put_in_zeros", "add_at_")
UPDATES = ("sgd_all_", "adam_all_")
STREAMING = (
    "batch_norm",
    "batch_norm_backward",
    "batch_norm_backward_behind_relu",
    "batch_norm_coefficients",
    "channel_affine",
    "channel_sum",
    "masked_sum",
    "relu",
    "relu_backward",
    "sum_of_two",
)
KERNELS = CONVOLUTIONS + STREAMING + POOLING + COPIES + UPDATES
PARAMETERS = 10
"""Weights of a 3x3 convolution that an update changes together."""
HEADER = "| kernel | batch, channels, size | generic ms | accelerated ms | ratio |\n|---|---|---|---|---|"


def convolution(name: str, batch: int, channels: int, size: int) -> tuple[tuple, dict]:
    """Return the arguments of one kernel of a 3x3 convolution, stride 1, channels last.

    One that is finished takes scale, shift, a shortcut and ReLU, as the last of a basic block; a gradient that is added
    to another is that of a shortcut, 1x1 of stride 2.
    """
    x, y = _images(batch, channels, size), _images(batch, channels, size)
    weight = np.random.default_rng(1).standard_normal((channels, channels, 3, 3), np.float32)
    geometry = {"stride": (1, 1), "padding": (1, 1), "dilation": (1, 1), "groups": 1}
    if name == "conv2d":
        return (x, weight, None), geometry
    if name == "conv2d_finished_":
        ending = {
            "bias": None,
            "scale": weight[:, 0, 0, 0],
            "shift": weight[:, 0, 0, 1],
            "statistics": None,
            "other": x,
            "relu": True,
        }
        return (y,), {"x": x, "weight": weight, **ending, **geometry}
    if name == "conv2d_grad_input_add_":
        half = _images(batch, channels, size // 2)
        shortcut = np.ascontiguousarray(weight[:, :, :1, :1])
        return (x,), {"grad_y": half, "weight": shortcut, **geometry, "stride": (2, 2), "padding": (0, 0)}
    if name == "conv2d_grad_input":
        return (y, weight), {"image": (size, size), **geometry}
    if name == "conv2d_gradients":
        return (x, y, weight), geometry
    return (x, y), {"kernel_size": (3, 3), **geometry}


def streaming(name: str, batch: int, channels: int, size: int) -> tuple[tuple, dict]:
    """Return the arguments of a kernel of normalisation, ReLU or sums, channels last; chains as in a basic block."""
    x, other, grad = (_images(batch, channels, size, seed) for seed in range(3))
    y, values = np.maximum(other, np.float32(0)), np.random.default_rng(3)
    weight, bias, mean, invstd = (values.uniform(0.5, 1.5, channels).astype(np.float32) for _ in range(4))
    statistics: dict = {"mean": mean, "invstd": invstd}
    affine: dict = {"scale": weight, "shift": bias, "other": other, "other_scale": None, "other_shift": None}
    behind: dict = {"other": other, "y": y, "scale": None, "shift": None, "keep": True}
    arguments: dict[str, tuple[tuple, dict]] = {
        "batch_norm": ((x, weight, bias), {"eps": 1e-5}),
        "batch_norm_backward": ((grad, x, weight), statistics),
        "batch_norm_backward_behind_relu": ((grad, x, weight), {**statistics, **behind}),
        "batch_norm_coefficients": ((x, weight, bias, 1e-5, mean.copy(), invstd.copy(), 0.1, 1.0), {}),
        "channel_affine": ((x,), {**affine, "relu": True}),
        "channel_sum": ((x,), {}),
        "masked_sum": ((grad,), {"other": other, "y": y}),
        "relu": ((x,), {}),
        "relu_backward": ((), {"grad_y": grad, "y": y}),
        "sum_of_two": ((x,), {"other": other}),
    }
    return arguments[name]


def pooling(name: str, batch: int, channels: int, size: int) -> tuple[tuple, dict]:
    """Return the arguments of a kernel of 2x2 pooling, or of the mean of images, channels last."""
    from tinynet import kernels

    x, half, image = _images(batch, channels, size), size // 2, {"image": (size, size)}
    grad_y, divisor = _images(batch, channels, half), np.full((half, half), 4)
    if name == "mean_pixels":
        return (x,), {}
    if name == "mean_pixels_backward":
        return (x[:, :, :1, :1],), image
    window: dict = {"kernel_size": (2, 2), "stride": (2, 2), "padding": (0, 0)}
    if name == "avg_pool2d":
        return (x, divisor), window
    if name == "avg_pool2d_backward":
        return (grad_y, divisor), {**window, **image}
    window["dilation"] = (1, 1)
    if name == "max_pool2d":
        return (x,), {**window, "size": (half, half)}
    _, index = kernels.kernels()["max_pool2d"].generic(x, **window, size=(half, half))
    return (grad_y, index), {**window, **image}


def copies(name: str, batch: int, channels: int, size: int) -> tuple[tuple, dict]:
    """Return the arguments of a kernel of a shortcut to half the pixels and twice the channels, channels last."""
    every_other = slice(None), slice(None), slice(None, None, 2), slice(None, None, 2)
    pixels = _images(batch, channels, size)[every_other]
    if name == "add_at_":
        return (_images(batch, channels, size), pixels), {"index": every_other}
    if name == "put_in_zeros":
        return (pixels,), {"index": every_other, "shape": (batch, channels, size, size)}
    return (pixels,), {"widths": ((0, 0), (channels // 2, channels // 2), (0, 0), (0, 0)), "value": 0}


def update(name: str, batch: int, channels: int, size: int) -> tuple[tuple, dict]:
    """Return the arguments of an update of several weights of a 3x3 convolution."""
    random, shape = np.random.default_rng(0), (channels, channels, 3, 3)

    def draw() -> list[np.ndarray]:
        return [random.standard_normal(shape, np.float32) ** 2 for _ in range(PARAMETERS)]

    options: dict = {"params": draw(), "grads": draw(), "lr": 1e-9, "weight_decay": 5e-4, "maximize": False}
    if name == "sgd_all_":
        sgd = {"momentum": 0.9, "dampening": 0.0, "nesterov": False, "momentum_buffers": draw()}
        return (), {**options, **sgd}
    adam = {"step": 10, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8, "decoupled_weight_decay": False}
    buffers = {"exp_avgs": draw(), "exp_avg_sqs": draw(), "max_exp_avg_sqs": None}
    return (), {**options, **adam, **buffers}


def _images(batch: int, channels: int, size: int, seed: int = 0) -> np.ndarray:
    pixels = np.random.default_rng(seed).standard_normal((batch, size, size, channels), np.float32)
    return pixels.transpose(0, 3, 1, 2)


def prepare(
    *, name: str, batch: int, channels: int, size: int, version: int | None, threads: int
) -> Callable[[], None]:
    """Return a function that runs one kernel once.

    Args:    version: None for the generic one, else the number of an accelerated one: -1 is tried first
    """
    import tinynet
    from tinynet import kernels

    tinynet.set_num_threads(threads)
    families = {
        convolution: CONVOLUTIONS,
        streaming: STREAMING,
        pooling: POOLING,
        copies: COPIES,
        update: UPDATES,
    }
    family = next(family for family, names in families.items() if name in names)
    args, options = family(name, batch, channels, size)
    entry = kernels.kernels()[name]
    function = entry.generic if version is None else entry.accelerated[version].function
    return lambda: function(*args, **options)


def row(name: str, shape: tuple[int, int, int], *, threads: int, rounds: int) -> str:
    """Time both versions of a kernel on one shape; return a line of the table."""
    options = {
        "name": name,
        "threads": threads,
        **dict(zip(("batch", "channels", "size"), shape, strict=True)),
    }
    target = "benchmarks.kernels:prepare"
    sides = [
        Contender("generic", target, options | {"version": None}),
        Contender("accelerated", target, options | {"version": -1}),
    ]
    with Contest(sides, threads=threads) as contest:
        timings = contest.run(rounds=rounds, calls=3, warmup=2)
    slow, fast = timings["generic"], timings["accelerated"]
    ratio, low, high = harness.ratio(slow, fast)
    batch, channels, size = shape
    return (
        f"| {name} | {batch}, {channels}, {size}x{size} | {1e3 * slow.median:.2f} | {1e3 * fast.median:.2f} | "
        f"{ratio:.2f} ({low:.2f}-{high:.2f}) |"
    )


def main(argv: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kernels", description=__doc__)
    parser.add_argument("--kernels", nargs="+", choices=KERNELS, default=KERNELS, help="(default: all)")
    parser.add_argument(
        "--shapes", type=positive, default=len(SHAPES), help="how many of the shapes (default: all)"
    )
    parser.add_argument("--threads", type=positive, default=2, help="CPU threads (default: 2)")
    parser.add_argument("--rounds", type=positive, default=5, help="turns of each version (default: 5)")
    args = parser.parse_args(argv)
    print(HEADER)
    for name in args.kernels:
        for shape in SHAPES[: args.shapes]:
            print(row(name, shape, threads=args.threads, rounds=args.rounds), flush=True)


if __name__ == "__main__":
    main()
