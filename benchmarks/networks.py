"""The networks that the benchmarks run, and the contenders that run them."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

import tinynet
from benchmarks import records
from benchmarks.harness import Contender
from reference.arguments import positive
from tinynet import models, optim
from tinynet.nn import functional as F

BATCH_SIZES = {
    "lenet": 128,
    "resnet20": 128,
    "resnet-6block": 128,
    "resnet-9block": 128,
    "resnet18": 64,
    "preact-resnet18": 64,
    "resnet50": 32,
    "vgg-a-bn": 128,
}
"""The networks of a run without arguments, and the images in a batch when they train."""
TINYNET, COMPILE, BF16 = "tinynet", "torch compile", "torch bf16"
EAGER = ("torch contiguous", "torch channels_last")
TORCH: dict[str, dict[str, object]] = {
    EAGER[0]: {"channels_last": False},
    EAGER[1]: {"channels_last": True},
    COMPILE: {"channels_last": True, "compiled": True},
    BF16: {"channels_last": True, "autocast": True},
}
"""Contenders of PyTorch with their options: eager float32, compiled float32, eager under bfloat16 autocast."""
LABELS = (TINYNET, *TORCH)


def prepare(*, model: str, batch_size: int, threads: int, mode: str, seed: int = 0) -> Callable[[], None]:
    """Prepare tinynet's work on one channels-last batch and return a function that does it once.

    Args:    model: a name known to `tinynet.models.build`; batch_size: images; threads: CPU threads
             mode: "train", forward, loss, backward, SGD, zero_grad; "eval", the forward pass under no_grad
    """
    tinynet.set_num_threads(threads)
    tinynet.manual_seed(seed)
    network = models.build(model).train(mode == "train")
    optimizer = optim.SGD(network.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
    generator = np.random.default_rng(seed)
    pixels = generator.standard_normal((batch_size, 32, 32, 3), dtype=np.float32)
    images = tinynet.from_numpy(pixels.transpose(0, 3, 1, 2))
    labels = tinynet.from_numpy(generator.integers(0, 10, batch_size))

    def train() -> None:
        loss = F.cross_entropy(network(images), labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    def infer() -> None:
        with tinynet.no_grad():
            network(images)

    return train if mode == "train" else infer


def contenders(
    model: str, batch_size: int, threads: int, *, mode: str = "train", labels: Sequence[str] = LABELS
) -> list[Contender]:
    """List the contenders `labels` for one network; torch.compile and autocast may fail."""
    options = {"model": model, "batch_size": batch_size, "threads": threads, "mode": mode}
    targets = {TINYNET: "benchmarks.networks:prepare"}
    return [
        Contender(
            label,
            targets.get(label, "reference.step:prepare"),
            options | TORCH.get(label, {}),
            threads=threads,
            may_fail=label in (COMPILE, BF16),
        )
        for label in labels
    ]


def add_models(parser: argparse.ArgumentParser, default: Sequence[str]) -> None:
    """Add `--models` to a command line."""
    parser.add_argument(
        "--models",
        nargs="+",
        choices=models.names(),
        default=list(default),
        metavar="NAME",
        help=f"networks to run, of {', '.join(models.names())} (default: {', '.join(default)})",
    )


def add_turns(parser: argparse.ArgumentParser) -> None:
    """Add `--batch-size`, `--rounds`, `--calls`, `--warmup` and `--results` to a command line."""
    parser.add_argument("--batch-size", type=positive, help="images (default: as in benchmarks.train_step)")
    parser.add_argument("--rounds", type=positive, default=7, help="turns of each (default: 7)")
    parser.add_argument("--calls", type=positive, default=3, help="least steps in a turn (default: 3)")
    parser.add_argument("--warmup", type=positive, default=3, help="steps of each before timing (default: 3)")
    parser.add_argument("--results", type=Path, default=records.RESULTS, help="folder of the results")
