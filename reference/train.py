"""Train in PyTorch with tinynet's recipes, data, loop and files: `python -m reference.train resnet20`.

Only the framework differs from `python -m tinynet.train`: batches, schedule, metrics and checkpoints come
from the same code, and the initial weights are tinynet's for the same seed. All flags of `tinynet.train`
apply; besides, `--memory-format contiguous|channels-last` is torch's layout of images and weights (default:
channels-last).
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from torch.nn import functional as F

import tinynet
from reference import convert, models
from tinynet.backend import BackendUnavailable
from tinynet.models import build as build_tinynet
from tinynet.training.cli import guard
from tinynet.training.cli import main as run
from tinynet.training.config import TrainConfig
from tinynet.training.engine import Totals
from tinynet.training.finetuning import freeze, hold_statistics
from tinynet.training.optimizers import ScheduledOptimizer
from tinynet.training.parsing import Parser

PROG = "reference.train"
MEMORY_FORMATS = {"contiguous": torch.contiguous_format, "channels-last": torch.channels_last}


class TorchEngine:
    """Compute with PyTorch what `tinynet.training.engine.Engine` describes.

    Args:    memory_format: "contiguous" or "channels-last"
    """

    name = "torch"

    def __init__(self, memory_format: str = "channels-last") -> None:
        self._memory_format = MEMORY_FORMATS[memory_format]
        self._layout = memory_format
        self._device = torch.device("cpu")

    def versions(self) -> dict[str, str]:
        """Return the versions of torch and NumPy."""
        return {"torch": torch.__version__, "numpy": np.__version__}

    def prepare(self, backend: str, threads: int) -> str:
        """Choose CPU (`numpy`), CUDA (`cupy`) or the one there is, and the CPU threads. Raises BackendUnavailable."""
        if backend == "auto":
            backend = "cupy" if torch.cuda.is_available() else "numpy"
        if backend == "cupy" and not torch.cuda.is_available():
            raise BackendUnavailable(
                "torch finds no CUDA device; a CUDA build is installed by pip install torch, "
                "and --backend numpy trains on the CPU"
            )
        torch.set_num_threads(threads)
        self._device = torch.device("cuda" if backend == "cupy" else "cpu")
        cpu = f"CPU, {threads} thread{'s' if threads > 1 else ''}"
        where = torch.cuda.get_device_name() if backend == "cupy" else cpu
        return f"PyTorch {torch.__version__} on {where}, {self._layout} memory"

    def build(self, config: TrainConfig, *, steps_per_epoch: int, classes: int) -> None:
        """Create the twin with tinynet's initial weights for `config.seed`, its optimiser and schedule."""
        tinynet.manual_seed(config.seed)
        torch.manual_seed(config.seed)
        self._model = models.build(config.model, classes)
        self._model.load_state_dict(convert.to_torch(build_tinynet(config.model, classes).state_dict()))
        self._model.to(self._device, memory_format=self._memory_format)  # type: ignore[call-overload]
        freeze(self._model, config.train_only)
        self._optimizer = ScheduledOptimizer(
            config, self._model.parameters(), torch.optim, torch.optim.lr_scheduler, steps_per_epoch
        )
        self._config = config

    def start(self, *, training: bool) -> None:
        """Enter training or evaluation mode and set the totals to zero."""
        self._model.train(training)
        if self._config.frozen_bn:
            hold_statistics(self._model, self._config.train_only)
        self.set_totals(Totals())

    def set_progress(self, epoch: int, step: int) -> None:
        """Do nothing: the twins draw no random numbers."""

    def train_step(self, images: np.ndarray, labels: np.ndarray) -> None:
        """Forward, backward, update; add to the totals."""
        x, target = self._to_device(images, labels)
        logits = self._model(x)
        loss = F.cross_entropy(logits, target, label_smoothing=self._config.label_smoothing)
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()
        self._add(loss.detach(), logits, target)

    def eval_step(self, images: np.ndarray, labels: np.ndarray) -> None:
        """Forward only; add plain cross entropy and correct answers to the totals."""
        with torch.no_grad():
            x, target = self._to_device(images, labels)
            logits = self._model(x)
            self._add(F.cross_entropy(logits, target), logits, target)

    def totals(self) -> Totals:
        """Wait for the device and return the totals since `start`."""
        return Totals(self._loss.item(), int(self._correct.item()), self._images)

    def set_totals(self, totals: Totals) -> None:
        """Continue from saved totals."""
        self._loss = torch.tensor(totals.loss, dtype=torch.float64, device=self._device)
        self._correct = torch.tensor(totals.correct, device=self._device)
        self._images = totals.images

    def end_epoch(self) -> None:
        """Step a per-epoch schedule."""
        self._optimizer.end_epoch()

    def learning_rate(self) -> float:
        """Return the learning rate that the next step will use."""
        return self._optimizer.learning_rate()

    def logits(self, images: np.ndarray) -> np.ndarray:
        """Return the class scores (N, classes) of one batch, in evaluation mode."""
        self._model.eval()
        with torch.no_grad():
            return self._model(self._images_to_device(images)).cpu().numpy()

    def weights(self) -> dict[str, np.ndarray]:
        """Return parameters and buffers under their `state_dict` names."""
        return convert.from_torch(self._model.state_dict())

    def load_weights(self, weights: dict[str, np.ndarray]) -> None:
        """Set parameters and buffers. Raises RuntimeError listing all names and shapes that do not fit."""
        self._model.load_state_dict(convert.to_torch(weights))

    def optimizer_state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Return the optimiser's arrays, and what JSON can hold of optimiser and schedule."""
        return self._optimizer.state(_to_numpy)

    def load_optimizer_state(self, arrays: dict[str, np.ndarray], state: dict[str, Any]) -> None:
        """Restore what `optimizer_state` returned."""
        self._optimizer.load_state(arrays, state, torch.from_numpy)

    def _images_to_device(self, images: np.ndarray) -> torch.Tensor:
        x, size = torch.from_numpy(images).to(self._device), self._config.image_size
        if size not in (None, x.shape[-1]):
            x = F.interpolate(x, size=(size, size), mode="bilinear")
        return x.contiguous(memory_format=self._memory_format)

    def _to_device(self, images: np.ndarray, labels: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
        return self._images_to_device(images), torch.from_numpy(labels).to(self._device)

    def _add(self, loss: torch.Tensor, logits: torch.Tensor, labels: torch.Tensor) -> None:
        self._loss += loss.double() * len(labels)
        likeliest = labels if labels.ndim == 1 else labels.argmax(dim=1)
        self._correct += (logits.argmax(dim=1) == likeliest).sum()
        self._images += len(labels)


def _to_numpy(value: Any) -> np.ndarray | None:
    # Copied in C order: what is saved must not change with the next step, nor depend on the memory format.
    return np.array(value.cpu().numpy(), order="C") if isinstance(value, torch.Tensor) else None


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    return guard(PROG, lambda: _train(sys.argv[1:] if argv is None else argv))


def _train(argv: Sequence[str]) -> int:
    parser = Parser(add_help=False, allow_abbrev=False)
    parser.add_argument("--memory-format", choices=list(MEMORY_FORMATS))
    ours, rest = parser.parse_known_args(argv)
    words = f"layout of images and weights: {', '.join(MEMORY_FORMATS)} [channels-last]"
    more = [("--memory-format NAME", words)]
    if ours.memory_format is None:
        return run(rest, PROG, TorchEngine, more)
    return run(
        rest, f"{PROG} --memory-format {ours.memory_format}", partial(TorchEngine, ours.memory_format), more
    )


if __name__ == "__main__":
    sys.exit(main())
