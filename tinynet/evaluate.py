"""Measure a trained network: `python -m tinynet.evaluate CHECKPOINT`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from tinynet.training.cli import CheckpointParser, guard, positive
from tinynet.training.errors import ConfigError

PROG = "tinynet.evaluate"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    return guard(PROG, lambda: evaluate(_parser().parse_args(argv)))


def evaluate(args: argparse.Namespace) -> int:
    """Print loss, accuracy and accuracy per class on one part of the data the network was made for."""
    from tinynet.training import batches, inference
    from tinynet.training.output import say

    trained = inference.load(args.checkpoint, args.backend, args.threads)
    state = trained.saved.state
    config = replace(trained.config, data_dir=args.data_dir or trained.config.data_dir)
    dataset = batches.parts(config)[args.split]
    if not len(dataset):
        raise ConfigError(
            f"--split {args.split}: {trained.saved.path} is of a run with --val-size 0, which has none"
        )
    loss, hits = 0.0, np.zeros(len(trained.classes), dtype=np.int64)
    for images, labels in batches.eval_loader(dataset, state["normalisation"], args.batch_size).epoch(0):
        scores = inference.log_probabilities(trained.engine.logits(images))
        loss -= float(scores[np.arange(len(labels)), labels].sum())
        hits += np.bincount(labels[scores.argmax(axis=1) == labels], minlength=len(hits))
    counts = np.bincount(dataset.labels, minlength=len(hits))
    steps = state["epoch"] * state["steps_per_epoch"] + state["step"]
    say(f"{trained.saved.path}: {config.model} after {steps:,} steps on {config.dataset}")
    say(
        f"{args.split} set, {len(dataset):,} images: loss {loss / len(dataset):.4f}, "
        f"accuracy {100 * hits.sum() / len(dataset):.2f} %"
    )
    for name, hit, count in zip(trained.classes, hits, counts, strict=True):
        say(f"  {name:<12}{100 * hit / max(count, 1):6.2f} %  {hit:,} of {count:,}")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = CheckpointParser(PROG, "Loss and accuracy of a trained network, overall and per class.")
    parser.add_argument("--split", choices=("test", "val", "train"), default="test", help="images (test)")
    parser.add_argument("--data-dir", metavar="FOLDER", help="folder of the CIFAR-10 files")
    parser.add_argument("--batch-size", type=positive, default=250, metavar="N", help="images at once (250)")
    return parser


if __name__ == "__main__":
    sys.exit(main())
