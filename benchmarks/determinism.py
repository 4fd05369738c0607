"""Train twice from the same seed, each time in a new process, and compare the weights bit for bit.

`python -m benchmarks.determinism` trains ResNet-8 on the sample for 200 steps, augmented, with SGD. The second process
trains a step of another network first, so that memory and caches are not as the first process had them. It ends with
exit code 1 where the weights, buffers included, or a loss differ.
"""

from __future__ import annotations

import argparse
import hashlib
import itertools
import subprocess
import sys
from collections.abc import Iterator

import numpy as np

import tinynet
from benchmarks.networks import prepare
from benchmarks.records import ROOT
from reference.arguments import positive
from tinynet import data, models, optim
from tinynet.nn import functional as F

OTHER = "lenet"


def batches(batch_size: int, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield augmented batches of the sample without end."""
    images, _ = data.load("cifar10-sample")
    scale = data.Normalize(mean=(0.49, 0.48, 0.45), std=(0.25, 0.24, 0.26))
    transform = data.Compose([data.augmentation_for("crop-flip"), scale])
    loader = data.BatchLoader(images, batch_size, shuffle=True, transform=transform, seed=seed)
    for epoch in itertools.count():
        yield from loader.epoch(epoch)


def train(model: str, *, steps: int, batch_size: int, threads: int, seed: int = 0) -> str:
    """Train and return the SHA-256 of every loss and of the weights and buffers at the end."""
    tinynet.set_num_threads(threads)
    tinynet.manual_seed(seed)
    network = models.build(model).train()
    optimizer = optim.SGD(network.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
    digest = hashlib.sha256()
    for images, labels in itertools.islice(batches(batch_size, seed), steps):
        loss = F.cross_entropy(network(tinynet.from_numpy(images)), tinynet.from_numpy(labels))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        digest.update(loss.detach().numpy().tobytes())
    for value in network.state_dict().values():
        digest.update(value.numpy().tobytes())
    return digest.hexdigest()


def _in_new_process(options: argparse.Namespace, *flags: str) -> str:
    command = [sys.executable, "-m", "benchmarks.determinism", "--once", "--model", options.model]
    for name in ("steps", "batch_size", "threads"):
        command += [f"--{name.replace('_', '-')}", str(getattr(options, name))]
    done = subprocess.run([*command, *flags], cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout.strip()


def main(argv: list[str] | None = None) -> int:
    """Run the command line; return 0 where both trainings end with the same bits, else 1."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.determinism", description=__doc__)
    parser.add_argument("--model", choices=models.names(), default="resnet8", help="(default: %(default)s)")
    parser.add_argument("--steps", type=positive, default=200, help="(default: %(default)s)")
    parser.add_argument("--batch-size", type=positive, default=64, help="images (default: %(default)s)")
    parser.add_argument("--threads", type=positive, default=2, help="CPU threads (default: %(default)s)")
    parser.add_argument("--once", action="store_true", help="train once, here, and print the digest")
    parser.add_argument("--other-first", action="store_true", help=f"with --once: a step of {OTHER} first")
    options = parser.parse_args(argv)
    if options.once:
        if options.other_first:
            prepare(model=OTHER, batch_size=64, threads=options.threads, mode="train")()
        size = {"steps": options.steps, "batch_size": options.batch_size, "threads": options.threads}
        print(train(options.model, **size))
        return 0
    first, second = _in_new_process(options), _in_new_process(options, "--other-first")
    work = (
        f"{options.model}, {options.steps} steps of {options.batch_size} images, threads: {options.threads}"
    )
    print(f"{work}: {first[:16]} and {second[:16]}: " + ("the same bits" if first == second else "DIFFERENT"))
    return 0 if first == second else 1


if __name__ == "__main__":
    sys.exit(main())
