"""Compare tinynet with PyTorch: loss, gradients and buffers after one step, losses and weights after many.

`python -m reference.compare_gradients resnet20 --optimizer adam` trains both networks from the same weights
on the same batches, prints the worst relative differences and ends with exit code 1 where one is too large.

Beside each stands the difference of PyTorch from itself, between contiguous and channels_last memory: the same
sums in another order. In float32 the last bit decides now and then on which side of zero an activation falls; a
gradient then jumps by up to some 1e-1, and the learning rate says how fast such jumps grow over the steps. So the
learning rate in float32 is a tenth of that in float64: 20 steps of ResNet-20 then move PyTorch's losses apart by
some 5e-5, at the full rate by 1e-3.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

import tinynet
from reference import convert
from reference import models as torch_models
from reference.arguments import positive
from tinynet import models as tinynet_models

OPTIMIZERS: dict[str, tuple[str, dict[str, Any]]] = {
    "sgd": ("SGD", {"momentum": 0.9, "weight_decay": 5e-4}),
    "adam": ("Adam", {}),
    "adamw": ("AdamW", {"weight_decay": 1e-2}),
}
LEARNING_RATES = {
    "float64": {"sgd": 1e-2, "adam": 1e-3, "adamw": 1e-3},
    "float32": {"sgd": 1e-3, "adam": 1e-4, "adamw": 1e-4},
}
TOLERANCES = {
    "float64": {"loss": 1e-9, "gradients": 1e-9, "first buffers": 1e-9, "losses": 1e-9},
    "float32": {"loss": 1e-5, "gradients": 2e-1, "first buffers": 1e-4, "losses": 1e-4},
}
TITLES = {
    "loss": "loss of step 1",
    "gradients": "gradients of step 1",
    "first buffers": "buffers after step 1",
    "losses": "losses of {steps} steps",
    "weights": "weights after {steps} steps",
    "buffers": "buffers after {steps} steps",
}

FULL_SIZE_ONLY = ("lenet", "vgg-a", "vgg-a-bn")
"""Networks whose linear layers fix the size of the images."""

Named = Mapping[str, np.ndarray]
Trace = dict[str, Named]
"""What one framework computed: named arrays under the keys of TITLES."""


@dataclass(frozen=True)
class Worst:
    """Hold the largest relative difference among named tensors, where it is, and among how many."""

    value: float
    name: str
    count: int


def relative_difference(ours: np.ndarray, theirs: np.ndarray, beside: np.ndarray | None = None) -> float:
    """Return max |ours - theirs| / max |theirs|; infinite for NaN and where only `theirs` is zero.

    Args:    beside: its largest entry is the measure where it is larger than that of `theirs`
    """
    difference = np.abs(np.subtract(ours, theirs, dtype=np.float64)).max()
    scale = np.abs(theirs.astype(np.float64)).max()
    if beside is not None:
        scale = max(scale, np.abs(beside.astype(np.float64)).max())
    if difference == 0:
        return 0.0
    return float(difference / scale) if difference < math.inf and scale > 0 else math.inf


def worst(ours: Named, theirs: Named) -> Worst:
    """Find the tensor that differs most.

    The bias of a convolution is measured beside the weight of that convolution: where batch normalisation follows,
    the gradient of the bias is zero, and what both frameworks have in its place is rounding.

    Raises:  ValueError: the names differ
    """
    if ours.keys() != theirs.keys():
        raise ValueError(f"only one side has {sorted(ours.keys() ^ theirs.keys())}")
    differences = {
        name: relative_difference(ours[name], theirs[name], _weight_of_convolution(name, theirs))
        for name in theirs
    }
    name = max(differences, key=differences.__getitem__, default="")
    return Worst(differences.get(name, 0.0), name, len(differences))


def _weight_of_convolution(name: str, tensors: Named) -> np.ndarray | None:
    """Return the weight that belongs to the bias `name`, or None where `name` is not the bias of a convolution."""
    layer, _, kind = name.rpartition(".")
    weight = tensors.get(f"{layer}.weight")
    return weight if kind == "bias" and weight is not None and weight.ndim == 4 else None


def compare(ours: Trace, theirs: Trace) -> dict[str, Worst]:
    """Find what differs most under each key of TITLES."""
    return {key: worst(ours[key], theirs[key]) for key in TITLES}


@dataclass(frozen=True)
class Experiment:
    """Train a network for a few steps on standard-normal images (N, 3, S, S) of 10 random classes, without dropout.

    Args:    dtype: "float64" or "float32"; optimizer: a key of OPTIMIZERS; lr: LEARNING_RATES if None
             steps: at least 1, each on a fresh batch; batch_size: N; image_size: S, pixels; seed: of everything
    """

    model: str
    dtype: str = "float64"
    optimizer: str = "sgd"
    lr: float | None = None
    steps: int = 20
    batch_size: int = 16
    image_size: int = 32
    seed: int = 0

    @property
    def options(self) -> dict[str, Any]:
        """Options of the optimiser."""
        lr = LEARNING_RATES[self.dtype][self.optimizer] if self.lr is None else self.lr
        return {"lr": lr, **OPTIMIZERS[self.optimizer][1]}

    def run_tinynet(self) -> Trace:
        """Train in tinynet."""
        return self._train(self._model(), tinynet, tinynet.from_numpy)

    def run_torch(self, memory_format: torch.memory_format = torch.contiguous_format) -> Trace:
        """Train the twin, from the same weights on the same batches."""
        twin = torch_models.build(self.model).to(getattr(torch, self.dtype))
        twin.load_state_dict(convert.to_torch(self._model().state_dict()))

        def tensor(array: np.ndarray) -> torch.Tensor:
            value = torch.from_numpy(array)
            return value.contiguous(memory_format=memory_format) if value.ndim == 4 else value

        return self._train(twin.to(memory_format=memory_format), torch, tensor)  # type: ignore[call-overload]

    def _model(self) -> tinynet.nn.Module:
        tinynet.manual_seed(self.seed)
        return tinynet_models.build(self.model).to(np.dtype(self.dtype))

    def _batches(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        generator = np.random.default_rng(self.seed)
        for _ in range(self.steps):
            images = generator.standard_normal((self.batch_size, 3, self.image_size, self.image_size))
            yield images.astype(self.dtype), generator.integers(0, 10, self.batch_size)

    def _train(self, model: Any, package: Any, tensor: Callable[[np.ndarray], Any]) -> Trace:
        """Train with either framework: `package` is tinynet or torch, whose interfaces are the same."""
        optimizer = getattr(package.optim, OPTIMIZERS[self.optimizer][0])(model.parameters(), **self.options)
        trace: Trace = {}
        losses = {}
        for module in model.train().modules():
            if isinstance(module, package.nn.Dropout):
                module.eval()  # the frameworks draw other masks
        for step, (images, labels) in enumerate(self._batches(), 1):
            loss = package.nn.functional.cross_entropy(model(tensor(images)), tensor(labels))
            optimizer.zero_grad()
            loss.backward()
            losses[f"step {step}"] = np.array(loss.item())
            if step == 1:
                trace["loss"] = dict(losses)
                trace["gradients"] = _copies((name, weight.grad) for name, weight in model.named_parameters())
                trace["first buffers"] = _copies(model.named_buffers())
            optimizer.step()
        trace["losses"] = losses
        trace["weights"] = _copies(model.named_parameters())
        trace["buffers"] = _copies(model.named_buffers())
        return trace


def _copies(named: Iterator[tuple[str, Any]]) -> Named:
    return {name: np.array(value.detach().numpy()) for name, value in named}


def report(experiment: Experiment) -> bool:
    """Run an experiment, print its table and return whether all tolerances are kept."""
    theirs = experiment.run_torch()
    found = compare(experiment.run_tinynet(), theirs)
    itself = compare(experiment.run_torch(torch.channels_last), theirs)
    settings = ", ".join(f"{key} {value}" for key, value in experiment.options.items())
    print(
        f"{experiment.model}, {experiment.dtype}, {experiment.optimizer} ({settings}), "
        f"{experiment.steps} batches of {experiment.batch_size} images, seed {experiment.seed}\n"
        "relative difference = max |tinynet - torch| / max |torch| of a tensor, the worst of all tensors;\n"
        "for the bias of a convolution the larger max |torch| of weight and bias\n"
        f"  {'':28}{'tinynet':>9} {'allowed':>9} {'torch itself':>13}  worst tensor"
    )
    kept = True
    for key, title in TITLES.items():
        limit = TOLERANCES[experiment.dtype].get(key, math.inf)
        allowed = "" if limit == math.inf else f"{limit:.0e}"
        within = found[key].value <= limit
        kept &= within
        print(
            f"  {title.format(steps=experiment.steps):28}{found[key].value:9.1e} {allowed:>9} "
            f"{itself[key].value:13.1e}  {found[key].name} (of {found[key].count}){'' if within else '  EXCEEDED'}"
        )
    return kept


def main(argv: list[str] | None = None) -> int:
    """Run the command line; return 0 where every tolerance is kept, else 1."""
    description, _, _ = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(prog="python -m reference.compare_gradients", description=description)
    parser.add_argument("model", choices=tinynet_models.names())
    parser.add_argument("--dtype", choices=list(TOLERANCES), default="float64", help="(default: %(default)s)")
    parser.add_argument("--optimizer", choices=list(OPTIMIZERS), default="sgd", help="(default: %(default)s)")
    parser.add_argument("--lr", type=float, help="learning rate (default: by optimizer and dtype)")
    parser.add_argument("--steps", type=positive, default=20, help="(default: %(default)s)")
    parser.add_argument("--batch-size", type=positive, default=16, help="images (default: %(default)s)")
    parser.add_argument("--image-size", type=positive, default=32, help="pixels (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="(default: %(default)s)")
    options = parser.parse_args(argv)
    if options.model in FULL_SIZE_ONLY and options.image_size != 32:
        parser.error(f"--image-size {options.image_size}: {options.model} takes images of 32 pixels only")
    kept = report(Experiment(**vars(options)))
    print("PASS" if kept else "FAIL: tinynet and PyTorch differ by more than allowed")
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
