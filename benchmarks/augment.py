"""Time augmentation: how many images a second each makes ready, beside what training takes.

`python -m benchmarks.augment` prints a table: images a second of each named augmentation with normalisation, on one
thread, on batches of 128 images of 32x32.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np

from reference.arguments import positive
from tinynet.data.transforms import (
    CIFAR10_MEAN,
    CIFAR10_STD,
    Compose,
    Normalize,
    augmentation_for,
    augmentation_names,
)


def rate(name: str, *, batch_size: int, rounds: int) -> float:
    """Return images a second, the median of the rounds."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (batch_size, 3, 32, 32), np.uint8)
    transform = Compose([augmentation_for(name), Normalize(CIFAR10_MEAN, CIFAR10_STD)])
    found = []
    for epoch in range(rounds + 1):
        start = time.perf_counter()
        transform(images, seed=0, epoch=epoch, indices=np.arange(batch_size))
        found.append(batch_size / (time.perf_counter() - start))
    return statistics.median(found[1:])


def main(argv: list[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.augment", description=__doc__)
    parser.add_argument("--batch-size", type=positive, default=128, help="images in a batch (default: 128)")
    parser.add_argument("--rounds", type=positive, default=30, help="batches (default: 30)")
    args = parser.parse_args(argv)
    print("| augmentation | images a second |\n|---|---|")
    for name in augmentation_names():
        print(f"| {name} | {rate(name, batch_size=args.batch_size, rounds=args.rounds):,.0f} |", flush=True)


if __name__ == "__main__":
    main()
