"""Time augmentation: each one alone, through the loader, and in the training of a network.

`python -m benchmarks.augment` prints images per second and adds a line to `benchmarks/results/augment.jsonl`. Alone
is augmentation and normalisation of one batch on one thread; the loader prepares the same in its background thread,
batch after batch, and nobody else computes; in training a network takes them as fast as it learns. An augmentation
must be far faster than the network, or it slows training down: the last column beside its row "none" shows whether.
"""

from __future__ import annotations

import argparse
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

import tinynet
from benchmarks import records
from benchmarks.harness import Contender, Contest, Timing
from reference.arguments import positive
from tinynet import data, models, optim
from tinynet.data.transforms import CIFAR10_MEAN, CIFAR10_STD, augmentation_names
from tinynet.nn import functional as F

IMAGES = 4096
SEED = 0
WAYS = ("alone", "loader", "training")


def _dataset() -> data.ArrayDataset:
    """Return random images of the size of CIFAR's: how long a transform takes does not depend on the pixels."""
    rng = np.random.default_rng(SEED)
    images = rng.integers(0, 256, (IMAGES, 3, 32, 32), dtype=np.uint8)
    return data.ArrayDataset(images, rng.integers(0, 10, IMAGES), tuple("0123456789"), "random images")


def _batches(augment: str, batch_size: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield augmented batches without end, as training does."""
    loader = data.BatchLoader(
        _dataset(), batch_size, shuffle=True, transform=_transform(augment), seed=SEED, drop_last=True
    )
    for epoch in itertools.count():
        yield from loader.epoch(epoch)


def _transform(augment: str) -> data.Compose:
    return data.Compose([data.augmentation_for(augment), data.Normalize(CIFAR10_MEAN, CIFAR10_STD)])


def alone(*, augment: str, batch_size: int) -> Callable[[], None]:
    """Prepare a batch; return a function that augments and normalises it, in another way each time."""
    transform, images = _transform(augment), _dataset().images[:batch_size]
    indices, epochs = np.arange(batch_size), itertools.count()

    def work() -> None:
        transform(images, seed=SEED, epoch=next(epochs), indices=indices)

    return work


def loader(*, augment: str, batch_size: int) -> Callable[[], None]:
    """Return a function that takes the next batch."""
    batches = _batches(augment, batch_size)

    def work() -> None:
        next(batches)

    return work


def training(*, augment: str, batch_size: int, model: str, threads: int) -> Callable[[], None]:
    """Prepare a network; return a function that trains it on the next batch."""
    tinynet.set_num_threads(threads)
    tinynet.manual_seed(SEED)
    network = models.build(model).train()
    optimizer = optim.SGD(network.parameters(), lr=0.01, momentum=0.9, weight_decay=5e-4)
    batches = _batches(augment, batch_size)

    def step() -> None:
        images, labels = next(batches)
        loss = F.cross_entropy(network(tinynet.from_numpy(images)), tinynet.from_numpy(labels))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()

    return step


def measure(augment: str, *, batch_size: int, model: str, threads: int, rounds: int) -> dict[str, Timing]:
    """Time one augmentation in all ways; return seconds a batch."""
    options: dict[str, object] = {"augment": augment, "batch_size": batch_size}
    more: dict[str, dict[str, object]] = {"training": {"model": model, "threads": threads}}
    contenders = [
        Contender(
            way,
            f"benchmarks.augment:{way}",
            options | more.get(way, {}),
            threads=threads if way in more else 1,
        )
        for way in WAYS
    ]
    with Contest(contenders, threads=1) as contest:
        return contest.run(rounds=rounds, calls=3, warmup=3)


def main(argv: list[str] | None = None) -> None:
    """Print the table and add a line to the results."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.augment", description=__doc__)
    known = augmentation_names()
    parser.add_argument(
        "--names", nargs="+", choices=known, default=known, help="augmentations (default: all)"
    )
    parser.add_argument("--model", choices=models.names(), default="resnet20", help="(default: %(default)s)")
    parser.add_argument("--batch-size", type=positive, default=128, help="images (default: %(default)s)")
    parser.add_argument("--threads", type=positive, default=2, help="that train (default: %(default)s)")
    parser.add_argument("--rounds", type=positive, default=5, help="turns of each way (default: %(default)s)")
    parser.add_argument("--results", type=Path, default=records.RESULTS, help="folder of the results")
    args = parser.parse_args(argv)
    print(
        f"| augmentation, images/s | alone, one thread | loader | training {args.model} |\n|---|---|---|---|"
    )
    found = {}
    for name in args.names:
        timings = measure(
            name, batch_size=args.batch_size, model=args.model, threads=args.threads, rounds=args.rounds
        )
        found[name] = {way: _speeds(timing, args.batch_size) for way, timing in timings.items()}
        cells = (f"{median:,.0f} ({low:,.0f}-{high:,.0f})" for median, low, high in found[name].values())
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
    settings = {name: getattr(args, name) for name in ("model", "batch_size", "threads", "rounds")}
    record = records.environment() | settings | {"images_per_second": found}
    print(f"\nadded to {records.append('augment', record, args.results)}")


def _speeds(timing: Timing, batch_size: int) -> list[float]:
    """Return images a second: the median and the quartiles, the slower first."""
    low, high = timing.quartiles
    return [batch_size / timing.median, batch_size / high, batch_size / low]


if __name__ == "__main__":
    main()
