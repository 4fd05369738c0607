"""What the training loop needs of a framework, and its implementation by tinynet.

The loop in `trainer.py` knows NumPy arrays on the host and the methods of `Engine`, nothing else. So tinynet
and its PyTorch twin (`reference/train.py`) run the same loop, on the same batches, and write the same files.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

import tinynet
from tinynet import backend, models, random, switches
from tinynet.nn import functional as F
from tinynet.optim import lr_scheduler
from tinynet.training.config import TrainConfig
from tinynet.training.finetuning import forget_statistics, freeze, hold_statistics
from tinynet.training.optimizers import ScheduledOptimizer


@dataclass(frozen=True)
class Totals:
    """Sums over the images seen since `Engine.start`: loss (nats), correct answers, images."""

    loss: float = 0.0
    correct: int = 0
    images: int = 0

    @property
    def mean_loss(self) -> float:
        """Mean loss of an image, in nats."""
        return self.loss / max(self.images, 1)

    @property
    def accuracy(self) -> float:
        """Share of correct answers, from 0 to 1."""
        return self.correct / max(self.images, 1)


class Engine(Protocol):
    """One framework, one model, one optimiser.

    Calls come in this order: `prepare`, `build`, perhaps the `load_*` methods, then for each epoch
    `start(training=True)`, `set_progress` and `train_step` in turn, `totals`, `start(training=False)`,
    `eval_step`s, `totals`, and `end_epoch`. Images are float32 arrays (N, 3, H, W) in any memory order,
    labels int64 (N,), of mixed images float32 (N, classes), both on the host; an engine moves them to its device and
    resizes images to `--image-size`.
    """

    name: str
    """`tinynet` or `torch`: written to checkpoints and metrics."""

    def versions(self) -> dict[str, str]:
        """Return the versions of the libraries that compute, by name."""
        ...

    def prepare(self, backend: str, threads: int) -> str:
        """Choose the device (`numpy`: CPU, `cupy`: GPU, `auto`: GPU if there is one) and the CPU threads.

        Returns: words for both

        Raises: BackendUnavailable: the device or its library is missing
        """
        ...

    def build(self, config: TrainConfig, *, steps_per_epoch: int, classes: int) -> None:
        """Create model, optimiser and schedule, with initial weights drawn from `config.seed`.

        Only the layers of `config.train_only` are trained. Raises ConfigError: they do not exist
        """
        ...

    def start(self, *, training: bool) -> None:
        """Enter training or evaluation mode and set the totals to zero."""
        ...

    def set_progress(self, epoch: int, step: int) -> None:
        """Tell the random streams (dropout) that the next batch is `step` of `epoch`, both from 0."""
        ...

    def train_step(self, images: np.ndarray, labels: np.ndarray) -> None:
        """Forward, backward, update; add to the totals on the device; step a per-step schedule.

        Never waits for the device: no loss is read here.
        """
        ...

    def eval_step(self, images: np.ndarray, labels: np.ndarray) -> None:
        """Forward only; add plain cross entropy (no label smoothing) and correct answers to the totals."""
        ...

    def totals(self) -> Totals:
        """Wait for the device and return the totals since `start`."""
        ...

    def set_totals(self, totals: Totals) -> None:
        """Continue from totals that were saved in the middle of an epoch."""
        ...

    def end_epoch(self) -> None:
        """Step a per-epoch schedule."""
        ...

    def learning_rate(self) -> float:
        """Return the learning rate that the next step will use."""
        ...

    def logits(self, images: np.ndarray) -> np.ndarray:
        """Return the class scores (N, classes) of one batch on the host, in evaluation mode."""
        ...

    def weights(self) -> dict[str, np.ndarray]:
        """Return parameters and buffers on the host under torch's `state_dict` names."""
        ...

    def load_weights(self, weights: dict[str, np.ndarray]) -> None:
        """Set parameters and buffers. Raises RuntimeError listing all names and shapes that do not fit."""
        ...

    def optimizer_state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Return the optimiser's arrays, and what JSON can hold of optimiser and schedule."""
        ...

    def load_optimizer_state(self, arrays: dict[str, np.ndarray], state: dict[str, Any]) -> None:
        """Restore what `optimizer_state` returned, bit for bit."""
        ...


class TinynetEngine:
    """`Engine` by tinynet itself, on NumPy or CuPy."""

    name = "tinynet"

    def versions(self) -> dict[str, str]:
        """Return the versions of tinynet and NumPy."""
        return {"tinynet": tinynet.__version__, "numpy": np.__version__}

    def prepare(self, backend_name: str, threads: int) -> str:
        """Choose device and CPU threads. Raises BackendUnavailable."""
        switches.check()
        gpu = backend_name == "cupy" or (backend_name == "auto" and tinynet.cuda.is_available())
        self._device = backend.require_device("cuda" if gpu else "cpu")
        tinynet.set_num_threads(threads)
        where = "CuPy on GPU" if gpu else "NumPy on CPU"
        return f"{where}, {threads} thread{'s' if threads > 1 else ''}"

    def build(self, config: TrainConfig, *, steps_per_epoch: int, classes: int) -> None:
        """Create model, optimiser and schedule, with initial weights drawn from `config.seed`."""
        random.manual_seed(config.seed)
        self._config = config
        self._model = models.build(config.model, num_classes=classes).to(self._device)
        freeze(self._model, config.train_only)
        self._optimizer = ScheduledOptimizer(
            config, self._model.parameters(), tinynet.optim, lr_scheduler, steps_per_epoch
        )
        self.set_totals(Totals())

    def forget_statistics(self) -> None:
        """Normalise by each batch's own statistics from now on."""
        forget_statistics(self._model)

    def start(self, *, training: bool) -> None:
        """Enter training or evaluation mode and set the totals to zero."""
        self._model.train(training)
        if self._config.frozen_bn:
            hold_statistics(self._model, self._config.train_only)
        self.set_totals(Totals())

    def set_progress(self, epoch: int, step: int) -> None:
        """Key dropout by epoch and step."""
        random.set_step(epoch, step)

    def train_step(self, images: np.ndarray, labels: np.ndarray) -> None:
        """Forward, backward, update, totals, without waiting for the device."""
        target = self._tensor(labels)
        logits = self._model(self._resized(images))
        loss = F.cross_entropy(logits, target, label_smoothing=self._config.label_smoothing)
        self._optimizer.zero_grad()
        loss.backward()
        self._optimizer.step()
        self._add(loss, logits, target)

    def eval_step(self, images: np.ndarray, labels: np.ndarray) -> None:
        """Forward only, with plain cross entropy."""
        with tinynet.no_grad():
            target = self._tensor(labels)
            logits = self._model(self._resized(images))
            self._add(F.cross_entropy(logits, target), logits, target)

    def totals(self) -> Totals:
        """Wait for the device and return the totals since `start`."""
        loss, correct = backend.asnumpy(self._loss), backend.asnumpy(self._correct)
        return Totals(float(loss), int(correct), self._images)

    def set_totals(self, totals: Totals) -> None:
        """Continue from totals that were saved in the middle of an epoch."""
        self._loss = backend.to_device(np.array(totals.loss, dtype=np.float64), self._device)
        self._correct = backend.to_device(np.array(totals.correct, dtype=np.int64), self._device)
        self._images = totals.images

    def end_epoch(self) -> None:
        """Step a per-epoch schedule."""
        self._optimizer.end_epoch()

    def learning_rate(self) -> float:
        """Return the learning rate that the next step will use."""
        return self._optimizer.learning_rate()

    def logits(self, images: np.ndarray) -> np.ndarray:
        """Return the class scores (N, classes) of one batch on the host, in evaluation mode."""
        self._model.eval()
        with tinynet.no_grad():
            return backend.asnumpy(self._model(self._resized(images)).array)

    def weights(self) -> dict[str, np.ndarray]:
        """Return copies of parameters and buffers on the host."""
        return {name: _to_host(tensor) for name, tensor in self._model.state_dict().items()}

    def load_weights(self, weights: dict[str, np.ndarray]) -> None:
        """Set parameters and buffers. Raises RuntimeError listing all mismatches."""
        self._model.load_state_dict(weights)

    def optimizer_state(self) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        """Return the optimiser's arrays, and what JSON can hold of optimiser and schedule."""
        return self._optimizer.state(
            lambda value: _to_host(value) if isinstance(value, tinynet.Tensor) else None
        )

    def load_optimizer_state(self, arrays: dict[str, np.ndarray], state: dict[str, Any]) -> None:
        """Restore what `optimizer_state` returned, bit for bit."""
        self._optimizer.load_state(arrays, state, self._tensor)

    def _resized(self, images: np.ndarray) -> tinynet.Tensor:
        return resized(self._tensor(images), self._config.image_size)

    def _tensor(self, array: np.ndarray) -> tinynet.Tensor:
        return tinynet.Tensor(array).to(self._device)

    def _add(self, loss: tinynet.Tensor, logits: tinynet.Tensor, target: tinynet.Tensor) -> None:
        count = len(target.array)
        self._loss += loss.array.astype(np.float64) * count
        likeliest = target.array if target.ndim == 1 else target.array.argmax(axis=1)
        self._correct += (logits.array.argmax(axis=1) == likeliest).sum()
        self._images += count


def resized(images: tinynet.Tensor, size: int | None) -> tinynet.Tensor:
    """Return images (N, C, size, size), as --image-size says; as they are if it is None or they have that size."""
    return (
        images
        if size is None or size == images.shape[-1]
        else F.interpolate(images, size=(size, size), mode="bilinear")
    )


def _to_host(tensor: tinynet.Tensor) -> np.ndarray:
    return np.array(backend.asnumpy(tensor.array), order="C")
