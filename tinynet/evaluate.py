"""Measure a trained network: `python -m tinynet.evaluate CHECKPOINT`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import Any

from tinynet.training.cli import CheckpointParser, guard, positive
from tinynet.training.errors import CheckpointError, ConfigError

PROG = "tinynet.evaluate"


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    return guard(PROG, lambda: evaluate(_parser().parse_args(argv)))


def evaluate(args: argparse.Namespace) -> int:
    """Print loss, accuracy and accuracy per class on one part of the data the network was made for."""
    from tinynet.training import batches
    from tinynet.training.measure import measure
    from tinynet.training.output import say

    if args.model is not None:
        if args.split == "val":
            raise ConfigError(
                "--split val: weights of another origin have no validation images; take test or train"
            )
        config, weights = _config(args), _weights(args)  # before the data, which may take a while to come
    elif args.dataset or args.normalise or args.rename:
        raise ConfigError(
            "--dataset, --normalise and --rename go with --model, for weights of another origin"
        )
    else:
        trained = _of_run(args)
        config = trained.config
    sets = batches.parts(config) if args.model is not None else trained.parts(args.data_dir)
    dataset = sets[args.split]
    if not len(dataset):
        raise ConfigError(
            f"--split {args.split}: {trained.saved.path} is of a run with --val-size 0, which has none"
        )
    if args.model is not None:
        engine = _engine(args, config, weights, len(dataset.classes))
        values = batches.normalisation(config, sets["train"])
        done = f"{args.checkpoint}: {config.model}"
    else:
        engine, values, state = trained.engine, trained.normalisation, trained.saved.state
        steps = state["epoch"] * state["steps_per_epoch"] + state["step"]
        done = f"{trained.saved.path}: {config.model} after {steps:,} step{'s' if steps != 1 else ''}"
    if args.batch_statistics:
        engine.forget_statistics()
        done += f", normalised by each batch of {args.batch_size}"
    found = measure(engine, batches.eval_loader(dataset, config, values, args.batch_size), args.split)
    say(f"{done} on {config.dataset}")
    say(
        f"{args.split} set, {found.images:,} images: loss {found.loss:.4f}, accuracy {100 * found.accuracy:.2f} %"
    )
    for line in found.lines(dataset.classes):
        say(line)
    return 0


def _of_run(args: argparse.Namespace) -> Any:
    from tinynet.training import inference

    try:
        return inference.load(args.checkpoint, args.backend, args.threads)
    except CheckpointError as error:
        if args.checkpoint.is_file() and args.checkpoint.suffix != ".json":
            raise CheckpointError(f"{error}. Weights of another origin need --model") from error
        raise


def _config(args: argparse.Namespace) -> Any:
    """Return the configuration that --model and the flags beside it say. Raises ConfigError."""
    from tinynet.models import names
    from tinynet.training.config import TrainConfig, suggest

    if args.model not in names():
        raise ConfigError(f"--model {args.model}: {suggest(args.model, names())}")
    config = TrainConfig(
        model=args.model, dataset=args.dataset or "cifar10", normalise=args.normalise or "dataset",
        data_dir=args.data_dir, augment="none", val_size=0,
    )  # fmt: skip
    config.validate()
    return config


def _weights(args: argparse.Namespace) -> Any:
    """Return the weights of a file, with the names that --rename gives them."""
    from tinynet.training.finetuning import read_weights
    from tinynet.weights import rename

    weights = read_weights(args.checkpoint)
    for rule in args.rename:
        weights = rename(weights, rule)
    return weights


def _engine(args: argparse.Namespace, config: Any, weights: Any, classes: int) -> Any:
    """Return an engine with these weights."""
    from tinynet.threads import available_cores
    from tinynet.training.engine import TinynetEngine
    from tinynet.training.finetuning import starting_weights

    engine = TinynetEngine()
    engine.prepare(args.backend, args.threads or available_cores())
    engine.build(config, steps_per_epoch=100, classes=classes)
    engine.load_weights(starting_weights(engine.weights(), weights, None, args.checkpoint))
    return engine


def _parser() -> argparse.ArgumentParser:
    parser = CheckpointParser(PROG, "Loss and accuracy of a trained network, overall and per class.")
    parser.add_argument("--split", choices=("test", "val", "train"), default="test", help="images (test)")
    parser.add_argument("--data-dir", metavar="FOLDER", help="folder of the data set's files")
    parser.add_argument("--batch-size", type=positive, default=250, metavar="N", help="images at once (250)")
    parser.add_argument(
        "--batch-statistics",
        action="store_true",
        help="batch normalisation by each batch's own statistics, as of a network left in training mode",
    )
    weights = parser.add_argument_group(
        "weights of another origin",
        "CHECKPOINT is a .safetensors file, or a .pth, read without executing its pickle",
    )
    weights.add_argument("--model", metavar="NAME", help="network that they are of")
    weights.add_argument(
        "--rename", action="append", default=[], metavar="OLD=NEW", help="replace a name's beginning"
    )
    weights.add_argument("--dataset", metavar="NAME", help="images to measure on (cifar10)")
    weights.add_argument(
        "--normalise", metavar="NAME", help="mean and std: dataset, half or imagenet (dataset)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
