"""Save and read checkpoints: arrays in safetensors, everything else in JSON beside them.

`last.json` names its arrays' file by content (`last-1f2e….safetensors`) and holds its SHA-256. New arrays get
a new file, then the JSON is replaced in one move, then the old arrays are deleted: killed at any moment, a
folder holds one whole pair.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors import numpy as safetensors

from tinynet.models import names
from tinynet.training.config import TrainConfig, suggest
from tinynet.training.errors import CheckpointError, ConfigError
from tinynet.training.files import PARTIAL, write_atomically

FORMAT = 1
OPTIMIZER = "optimizer/"
"""Prefix of the optimiser's arrays; weights have torch's names as they are."""

MOST_DIFFERENCES = 12
"""Lines of one message."""


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint holds; `state` is the JSON part."""

    path: Path
    weights: dict[str, np.ndarray]
    optimizer: dict[str, np.ndarray]
    state: dict[str, Any]


def save(
    folder: Path,
    kind: str,
    weights: dict[str, np.ndarray],
    optimizer: dict[str, np.ndarray],
    state: dict[str, Any],
) -> Path:
    """Write the checkpoint `kind` ("last" or "best"); return the path of its JSON. Raises OutputError."""
    arrays = {**weights, **{OPTIMIZER + name: array for name, array in optimizer.items()}}
    # safetensors writes the memory of an array as it lies: only C order is right. np.ascontiguousarray would
    # turn numbers (0 dimensions) into vectors.
    content = safetensors.save({name: np.array(array, order="C") for name, array in arrays.items()})
    digest = hashlib.sha256(content).hexdigest()
    arrays_file = f"{kind}-{digest[:16]}.safetensors"
    state = {"format": FORMAT, "arrays": arrays_file, "sha256": digest, **state}
    write_atomically(folder / arrays_file, content)
    write_atomically(folder / f"{kind}.json", json.dumps(state, indent=1, allow_nan=False).encode())
    for old in [*folder.glob(f"{kind}-*.safetensors"), *folder.glob(f"{kind}*{PARTIAL}")]:
        if old.name != arrays_file:
            old.unlink(missing_ok=True)
    return folder / f"{kind}.json"


def load(path: Path, kinds: Iterable[str] = ("best", "last")) -> Checkpoint:
    """Read a checkpoint and check it against its SHA-256.

    Args:    path: the folder of a run (the first of `kinds` that is there), a JSON file or a safetensors file
    Raises:  CheckpointError: not there, not a checkpoint, or damaged
    """
    state_path = _find(path, tuple(kinds))
    state = _read_state(state_path)
    arrays_path = state_path.with_name(state["arrays"])
    try:
        content = arrays_path.read_bytes()
    except OSError as error:
        raise CheckpointError(f"cannot read {arrays_path}, which {state_path.name} names: {error}") from error
    digest = hashlib.sha256(content).hexdigest()
    if digest != state["sha256"]:
        raise CheckpointError(
            f"{arrays_path} is damaged: SHA-256 {digest[:16]}… ({len(content):,} bytes), but "
            f"{state_path.name} expects {state['sha256'][:16]}…. "
            "Take another copy, or the run's other checkpoint (best, last)"
        )
    try:
        arrays = safetensors.load(content)
    except SafetensorError as error:
        raise CheckpointError(f"{arrays_path} is not a safetensors file: {error}") from error
    return Checkpoint(
        state_path,
        {name: array for name, array in arrays.items() if not name.startswith(OPTIMIZER)},
        {name[len(OPTIMIZER) :]: array for name, array in arrays.items() if name.startswith(OPTIMIZER)},
        state,
    )


def read_config(checkpoint: Checkpoint, needed: Iterable[str]) -> TrainConfig:
    """Return the configuration of the run. Raises CheckpointError: not one of this version, or `needed` lacks."""
    if missing := [key for key in needed if key not in checkpoint.state]:
        raise CheckpointError(f"{checkpoint.path} cannot be used for this: it has no {', '.join(missing)}")
    try:
        config = TrainConfig.from_json(checkpoint.state["config"])
        config.validate()
        if config.model not in names():
            raise ConfigError(f"--model {config.model}: {suggest(config.model, names())}")
    except (ConfigError, TypeError, AttributeError) as error:
        raise CheckpointError(
            f"{checkpoint.path} was not written by this version of tinynet, or was changed: {error}"
        ) from error
    return config


def check_fits(checkpoint: Checkpoint, weights: dict[str, np.ndarray], model: str) -> None:
    """Check names and shapes against those of `model`. Raises CheckpointError: they differ; lists how."""
    saved = {name: array.shape for name, array in checkpoint.weights.items()}
    wanted = {name: array.shape for name, array in weights.items()}
    if lines := differences(saved, wanted):
        raise CheckpointError(
            f"{checkpoint.path} does not hold the weights of {model}; {len(lines)} differences:\n"
            + "\n".join(shortened(lines))
        )


def differences(saved: dict[str, tuple[int, ...]], wanted: dict[str, tuple[int, ...]]) -> list[str]:
    """List how names and shapes differ, a line each."""
    lines = [f"  {name}: missing, expected {shape}" for name, shape in wanted.items() if name not in saved]
    lines += [f"  {name}: unexpected, {shape}" for name, shape in saved.items() if name not in wanted]
    lines += [
        f"  {name}: {saved[name]}, expected {shape}"
        for name, shape in wanted.items()
        if saved.get(name, shape) != shape
    ]
    return lines


def shortened(lines: list[str]) -> list[str]:
    """Return the first of many lines, and how many more there are."""
    if len(lines) <= MOST_DIFFERENCES:
        return lines
    return [*lines[:MOST_DIFFERENCES], f"  and {len(lines) - MOST_DIFFERENCES:,} more"]


def _find(path: Path, kinds: tuple[str, ...]) -> Path:
    if path.is_dir():
        for kind in kinds:
            if (path / f"{kind}.json").is_file():
                return path / f"{kind}.json"
        raise CheckpointError(f"no checkpoint in {path}: neither of {', '.join(f'{k}.json' for k in kinds)}")
    if not path.is_file():
        raise CheckpointError(f"no such checkpoint: {path}")
    if path.suffix != ".safetensors":
        return path
    kind = path.name.split("-")[0]
    state_path = path.with_name(f"{kind}.json")
    if state_path.is_file() and _read_state(state_path)["arrays"] == path.name:
        return state_path
    raise CheckpointError(f"{path} has no JSON state beside it ({state_path.name}) that belongs to it")


def _read_state(path: Path) -> dict[str, Any]:
    try:
        state = json.loads(path.read_bytes())
    except OSError as error:
        raise CheckpointError(f"cannot read {path}: {error.strerror}") from error
    except ValueError as error:
        raise CheckpointError(
            f"{path} is not the JSON file of a checkpoint, or is damaged ({error}); give the folder of a run"
        ) from error
    if not isinstance(state, dict):
        raise CheckpointError(f"{path} is not a tinynet checkpoint: it is no JSON object")
    if missing := [key for key in ("format", "arrays", "sha256", "config") if key not in state]:
        raise CheckpointError(f"{path} is not a tinynet checkpoint: it has no {', '.join(missing)}")
    if state["format"] != FORMAT:
        raise CheckpointError(f"{path} has format {state['format']}; this version reads format {FORMAT}")
    return state


def check_classes(checkpoint: Checkpoint, found: Sequence[str], dataset: str) -> None:
    """Refuse data whose classes, or their order, are not those that a network was trained on. Raises ConfigError."""
    wanted = tuple(checkpoint.state["classes"])
    if tuple(found) != wanted:
        raise ConfigError(
            f"{dataset} has the {len(found)} classes {', '.join(found)}, but {checkpoint.path} was trained on the "
            f"{len(wanted)} classes {', '.join(wanted)}: give the data that it was trained on"
        )
