"""Time every accelerated kernel beside its generic version, on the shapes of ResNet-20 and ResNet-18.

`python -m benchmarks.kernels`: medians of calls turn about in one process, with --threads threads.
"""

from __future__ import annotations

import argparse
import functools
import statistics
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

import tinynet
from tinynet import kernels

Call = tuple[str, tuple[Any, ...], dict[str, Any]]


def convolutions(name: str) -> Iterator[Call]:
    """3x3 convolutions, stride 1: batch 128 of ResNet-20's stages, batch 64 of ResNet-18's first stages."""
    random = np.random.default_rng(0)
    for N, C, S in ((128, 16, 32), (128, 32, 16), (128, 64, 8), (64, 64, 32), (64, 128, 16)):
        x, y = (random.standard_normal((N, S, S, C), np.float32).transpose(0, 3, 1, 2) for _ in range(2))
        weight = random.standard_normal((C, C, 3, 3), np.float32)
        geometry = {"stride": (1, 1), "padding": (1, 1), "dilation": (1, 1), "groups": 1}
        arguments: dict[str, tuple[tuple[Any, ...], dict[str, Any]]] = {
            "conv2d": ((x, weight), {}),
            "conv2d_grad_input": ((y, weight), {"image": (S, S)}),
            "conv2d_grad_weight": ((x, y), {"kernel_size": (3, 3)}),
        }
        args, options = arguments[name]
        yield f"batch {N}, {C} channels, {S}x{S}", args, {**options, **geometry}


CALLS: dict[str, Callable[[], Iterator[Call]]] = {
    name: functools.partial(convolutions, name)
    for name in ("conv2d", "conv2d_grad_input", "conv2d_grad_weight")
}


def median_times(functions: list[Callable[..., Any]], call: Call, rounds: int) -> list[float]:
    """Return the median time of each function in milliseconds, after one call of each to warm up."""
    _, args, options = call
    times: list[list[float]] = [[] for _ in functions]
    for turn in range(rounds + 1):
        for function, taken in zip(functions, times, strict=True):
            start = time.perf_counter()
            function(*args, **options)
            if turn:
                taken.append(1e3 * (time.perf_counter() - start))
    return [statistics.median(taken) for taken in times]


def main(argv: list[str] | None = None) -> None:
    """Print a table: kernel, call, generic ms, accelerated ms, ratio."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.kernels", description=__doc__)
    parser.add_argument("--threads", type=int, default=2, help="CPU threads (default 2)")
    parser.add_argument("--rounds", type=int, default=9, help="timed calls of each version (default 9)")
    args = parser.parse_args(argv)
    print("| kernel | call | generic ms | accelerated ms | ratio |\n|---|---|---|---|---|")
    tinynet.set_num_threads(args.threads)
    for entry in kernels.kernels().values():
        for version in entry.accelerated:
            for call in CALLS[entry.name]():
                slow, fast = median_times([entry.generic, version.function], call, args.rounds)
                print(f"| {entry.name} | {call[0]} | {slow:.1f} | {fast:.1f} | {slow / fast:.2f} |")


if __name__ == "__main__":
    main()
