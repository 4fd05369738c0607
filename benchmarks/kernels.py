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
KERNELS = ("conv2d", "conv2d_grad_input", "conv2d_grad_weight")
HEADER = "| kernel | batch, channels, size | generic ms | accelerated ms | ratio |\n|---|---|---|---|---|"


def convolution(
    *, name: str, batch: int, channels: int, size: int, version: int | None, threads: int
) -> Callable[[], None]:
    """Prepare one kernel of a 3x3 convolution, stride 1, channels last; return a function that runs it once.

    Args:    version: None for the generic one, else the number of an accelerated one
    """
    import tinynet
    from tinynet import kernels

    tinynet.set_num_threads(threads)
    random = np.random.default_rng(0)
    pixels = (random.standard_normal((batch, size, size, channels), np.float32) for _ in range(2))
    x, y = (array.transpose(0, 3, 1, 2) for array in pixels)
    weight = random.standard_normal((channels, channels, 3, 3), np.float32)
    geometry = {"stride": (1, 1), "padding": (1, 1), "dilation": (1, 1), "groups": 1}
    calls = {
        "conv2d": ((x, weight), {}),
        "conv2d_grad_input": ((y, weight), {"image": (size, size)}),
        "conv2d_grad_weight": ((x, y), {"kernel_size": (3, 3)}),
    }
    args, options = calls[name]
    entry = kernels.kernels()[name]
    function = entry.generic if version is None else entry.accelerated[version].function
    return lambda: function(*args, **options, **geometry)


def row(name: str, shape: tuple[int, int, int], *, threads: int, rounds: int) -> str:
    """Time both versions of a kernel on one shape; return a line of the table."""
    options = {
        "name": name,
        "threads": threads,
        **dict(zip(("batch", "channels", "size"), shape, strict=True)),
    }
    target = "benchmarks.kernels:convolution"
    sides = [
        Contender("generic", target, options | {"version": None}),
        Contender("accelerated", target, options | {"version": 0}),
    ]
    with Contest(sides, threads=threads) as contest:
        timings = contest.run(rounds=rounds, calls=3, warmup=2)
    slow, fast = timings["generic"], timings["accelerated"]
    ratio, low, high = harness.ratio(slow, fast)
    batch, channels, size = shape
    return (
        f"| {name} | {batch}, {channels}, {size}x{size} | {1e3 * slow.median:.1f} | {1e3 * fast.median:.1f} | "
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
