"""Measure how exact gradients in float32 are: tinynet's kernels and PyTorch's beside PyTorch in float64.

`python -m reference.kernel_accuracy` takes one training batch of ResNet-20 through all of them, from the same weights,
and prints of every way to compute the relative L2 errors of the gradients: |found - exact| / |exact|, one of each
parameter. It ends with exit code 1 if tinynet's fast kernels err more than twice as much as PyTorch in float32 does, in
the better of its memory layouts, at the median or at the maximum over all parameters and batches.

Float32's errors are large, some 1e-3, whoever computes: in a batch some activations lie so near zero that a last bit
decides whether they pass the ReLU, and a gradient then jumps. So errors are compared over all parameters, and over
several batches, not parameter by parameter.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any
from unittest import mock

import numpy as np
import torch

import tinynet
from reference import convert
from reference import models as torch_models
from reference.arguments import positive
from tinynet import kernels
from tinynet import models as tinynet_models
from tinynet.kernels.cpu.codegen import convolution

LIMIT = 2.0
FAST = "tinynet"
TORCH = {"torch contiguous": torch.contiguous_format, "torch channels_last": torch.channels_last}
TINYNET: dict[str, Callable[[], AbstractContextManager[Any]]] = {
    FAST: contextlib.nullcontext,
    "tinynet, direct convolution": lambda: mock.patch.object(convolution, "use_winograd", False),
    "tinynet, generic kernels": kernels.generic_only,
}
"""Ways to compute by their names, as TINYNET_CONV=direct and TINYNET_KERNELS=generic choose them."""

Gradients = dict[str, np.ndarray]


class Batch:
    """Weights of a network and a batch of standard-normal images (N, 3, 32, 32) of 10 random classes."""

    def __init__(self, model: str, batch_size: int, seed: int) -> None:
        self.model = model
        tinynet.manual_seed(seed)
        weights = tinynet_models.build(model).state_dict()
        self.weights = {name: np.array(value.numpy()) for name, value in weights.items()}
        generator = np.random.default_rng(seed)
        self.pixels = generator.standard_normal((batch_size, 32, 32, 3), np.float32)
        self.labels = generator.integers(0, 10, batch_size)

    def by_tinynet(self) -> Gradients:
        """Compute the gradients in float32, channels last."""
        network = tinynet_models.build(self.model)
        network.load_state_dict(self.weights)
        images = tinynet.from_numpy(self.pixels.transpose(0, 3, 1, 2))
        return _gradients(network.train(), tinynet, images, tinynet.from_numpy(self.labels))

    def by_torch(self, dtype: torch.dtype, memory_format: torch.memory_format) -> Gradients:
        """Compute the gradients in PyTorch."""
        network = torch_models.build(self.model)
        network.load_state_dict(convert.to_torch(self.weights))
        network = network.to(dtype).to(memory_format=memory_format)  # type: ignore[call-overload]
        images = (
            torch.from_numpy(self.pixels)
            .permute(0, 3, 1, 2)
            .to(dtype)
            .contiguous(memory_format=memory_format)
        )
        return _gradients(network.train(), torch, images, torch.from_numpy(self.labels))


def _gradients(network: Any, package: Any, images: Any, labels: Any) -> Gradients:
    package.nn.functional.cross_entropy(network(images), labels).backward()
    return {name: np.array(weight.grad.numpy()) for name, weight in network.named_parameters()}


def error(found: np.ndarray, exact: np.ndarray) -> float:
    """Return |found - exact| / |exact| of the numbers as one vector."""
    exact = exact.astype(np.float64)
    return float(np.linalg.norm((found - exact).ravel()) / np.linalg.norm(exact.ravel()))


def measure(batch: Batch) -> dict[str, list[float]]:
    """Return the errors of all gradients of a batch, by the way they were computed."""
    exact = batch.by_torch(torch.float64, torch.contiguous_format)
    found: dict[str, Gradients] = {}
    for name, memory_format in TORCH.items():
        found[name] = batch.by_torch(torch.float32, memory_format)
    for name, chosen in TINYNET.items():
        with chosen():
            found[name] = batch.by_tinynet()
    return {way: [error(gradients[name], exact[name]) for name in exact] for way, gradients in found.items()}


def report(errors: dict[str, list[float]]) -> bool:
    """Print the table and return whether the limit is kept."""
    columns = {
        "median error": {way: statistics.median(found) for way, found in errors.items()},
        "largest error": {way: max(found) for way, found in errors.items()},
    }
    ratios = "over those of " + ", ".join(TORCH)
    print(
        f"| float32 gradients by | {' | '.join(f'{title} | {ratios}' for title in columns)} |\n"
        + "|---" * 5
        + "|"
    )
    for way in errors:
        cells = []
        for values in columns.values():
            over = ", ".join(f"{values[way] / values[layout]:.2f}" for layout in TORCH)
            cells += [f"{values[way]:.2e}", over]
        print(f"| {way} | {' | '.join(cells)} |")
    return all(values[FAST] <= LIMIT * min(values[way] for way in TORCH) for values in columns.values())


def main(argv: list[str] | None = None) -> int:
    """Run the command line; return 0 where the limit is kept, else 1."""
    parser = argparse.ArgumentParser(prog="python -m reference.kernel_accuracy", description=__doc__)
    parser.add_argument(
        "--model", choices=tinynet_models.names(), default="resnet20", help="(default: %(default)s)"
    )
    parser.add_argument("--batch-size", type=positive, default=128, help="images (default: %(default)s)")
    parser.add_argument(
        "--batches", type=positive, default=5, help="batches and sets of weights (default: 5)"
    )
    parser.add_argument("--seed", type=int, default=0, help="of the first (default: 0)")
    options = parser.parse_args(argv)
    errors: dict[str, list[float]] = {way: [] for way in (*TORCH, *TINYNET)}
    for number in range(options.batches):
        for way, found in measure(Batch(options.model, options.batch_size, options.seed + number)).items():
            errors[way] += found
    print(
        f"{options.model}, {options.batches} batches of {options.batch_size} images, seeds from {options.seed}, "
        f"relative L2 errors of {len(errors[FAST])} gradients beside PyTorch in float64\n"
    )
    kept = report(errors)
    print(
        "\nPASS"
        if kept
        else f"\nFAIL: tinynet's fast kernels err more than {LIMIT:g} times as much as PyTorch"
    )
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
