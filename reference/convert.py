"""Carry weights between tinynet and PyTorch: names, shapes and values are the same on both sides.

`python -m reference.convert IN OUT` reads a tinynet run folder or checkpoint, any safetensors file, or a
PyTorch `.pt`, `.pth` or `.th`, and writes safetensors or PyTorch's format, by the ending of OUT. Foreign
names are fitted with `--rename OLD=NEW`.
"""

from __future__ import annotations

import argparse
import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from safetensors import numpy as safetensors

import tinynet
from tinynet.training.files import write_atomically
from tinynet.training.finetuning import read_weights
from tinynet.weights import rename

PICKLED = (".pt", ".pth", ".th")


def to_torch(state: Mapping[str, tinynet.Tensor | np.ndarray]) -> dict[str, torch.Tensor]:
    """Copy a tinynet `state_dict` (Tensors or arrays) into torch tensors on the CPU."""
    return {name: torch.from_numpy(np.array(_array(value), order="C")) for name, value in state.items()}


def from_torch(state: Mapping[str, torch.Tensor]) -> dict[str, np.ndarray]:
    """Copy a torch `state_dict` into arrays, which `Module.load_state_dict` of tinynet takes."""
    return {name: np.array(value.detach().cpu().numpy(), order="C") for name, value in state.items()}


def write(path: Path, state: Mapping[str, np.ndarray]) -> None:
    """Write weights, in PyTorch's format or in safetensors by the ending of `path`, whole or not at all."""
    if path.suffix in PICKLED:
        buffer = io.BytesIO()
        torch.save(to_torch(state), buffer)
        write_atomically(path, buffer.getvalue())
    else:
        # safetensors writes memory as it lies: only C order is right.
        write_atomically(path, safetensors.save({key: np.array(x, order="C") for key, x in state.items()}))


def main(argv: list[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m reference.convert", description=__doc__)
    parser.add_argument("source", type=Path, metavar="IN")
    parser.add_argument("target", type=Path, metavar="OUT")
    parser.add_argument(
        "--rename", action="append", default=[], metavar="OLD=NEW", help="replace a name's beginning"
    )
    options = parser.parse_args(argv)
    state = read_weights(options.source)
    for rule in options.rename:
        state = rename(state, rule)
    write(options.target, state)
    print(f"{len(state)} tensors: {options.source} -> {options.target}")


def _array(value: tinynet.Tensor | np.ndarray) -> np.ndarray:
    return value if isinstance(value, np.ndarray) else value.detach().numpy()


if __name__ == "__main__":
    main()
