"""Start from given weights, and train only some layers; for models of tinynet and of torch alike."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tinynet.training import checkpoint
from tinynet.training.config import flag, suggest, text
from tinynet.training.errors import CheckpointError, ConfigError
from tinynet.weights import read_state_dict


def read_weights(path: Path) -> dict[str, np.ndarray]:
    """Return the weights of a run's folder or checkpoint, of a safetensors file, or of one of PyTorch.

    Raises:  CheckpointError, DataError: not there, damaged, or no weights
    """
    if path.is_dir() or path.suffix == ".json":
        return checkpoint.load(path).weights
    found = read_state_dict(path)
    return {name: array for name, array in found.items() if not name.startswith(checkpoint.OPTIMIZER)}


def starting_weights(
    fresh: Mapping[str, np.ndarray], given: Mapping[str, np.ndarray], reset: Sequence[str] | None, path: Path
) -> dict[str, np.ndarray]:
    """Return the given weights, and fresh ones in the layers of --reset.

    Args:    reset: the layers; None for a command without this flag, where all must fit
    Raises:  ConfigError: --reset names no layer
             CheckpointError: another layer lacks, is left over or has another shape; lists all
    """
    advise, reset = reset is not None, reset or ()
    _check_layers("reset", reset, fresh)
    new = {name: array for name, array in fresh.items() if is_within(name, reset)}
    rest = {name: array.shape for name, array in fresh.items() if name not in new}
    kept = {name: array for name, array in given.items() if not is_within(name, reset)}
    if lines := checkpoint.differences({name: array.shape for name, array in kept.items()}, rest):
        layers = sorted({line.split(".")[0].strip() for line in lines if "unexpected" not in line})
        raise CheckpointError(
            f"{path} does not fit the model; {len(lines)} differences:\n"
            + "\n".join(checkpoint.shortened(lines))
            + (
                f"\nTo let a layer start anew: --reset {' '.join(layers)}"
                if advise and 0 < len(layers) < 4
                else ""
            )
        )
    return {**{name: kept[name] for name in rest}, **new}


def freeze(model: Any, train_only: Sequence[str]) -> None:
    """Let only the parameters of these layers have gradients, of all if none is named.

    Raises:  ConfigError: no layer has such a name
    """
    named = dict(model.named_parameters())
    _check_layers("train_only", train_only, named)
    for name, parameter in named.items():
        parameter.requires_grad_(not train_only or is_within(name, train_only))


def hold_statistics(model: Any, train_only: Sequence[str]) -> None:
    """Put the batch normalisation of frozen layers into evaluation mode: it keeps and uses its running statistics."""
    for name, module in model.named_modules():
        if getattr(module, "running_mean", None) is not None and not is_within(name, train_only):
            module.eval()


def forget_statistics(model: Any) -> None:
    """Let batch normalisation go by each batch's own statistics, also in evaluation, as if left in training mode."""
    for module in model.modules():
        if getattr(module, "running_mean", None) is not None:
            module.running_mean = module.running_var = None


def is_within(name: str, layers: Iterable[str]) -> bool:
    """Return whether a parameter or buffer belongs to one of the layers."""
    return any(name == layer or name.startswith(layer + ".") for layer in layers)


def _check_layers(field: str, layers: Sequence[str], names: Iterable[str]) -> None:
    known = list(names)
    for layer in layers:
        if not any(is_within(name, (layer,)) for name in known):
            starts = list(dict.fromkeys(name.split(".")[0] for name in known))
            raise ConfigError(
                f"{flag(field)} {text(tuple(layers))}: no layer {layer!r}: {suggest(layer, starts)}"
            )
