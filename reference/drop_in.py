"""Run a model file written for PyTorch on tinynet, unchanged, and compare: `python -m reference.drop_in FILE:CALL ...`.

    python -m reference.drop_in "models/resnet.py:ResNet18()" "models/vgg.py:VGG('VGG16')" --input 2,3,32,32

For each model a line: the largest differences between PyTorch and tinynet in float64 and float32, in

- the outputs in evaluation and in training mode,
- the gradients of every parameter and of the input in evaluation mode, and those in training mode,
- parameters and buffers after one step of SGD in training mode.

A difference is |tinynet - torch| / max(1, largest finite |torch|) of each tensor. In float32 PyTorch's difference from
itself, contiguous beside channels last, follows in brackets, if the model can take channels-last input. Rounding moves
activations across the kink of a ReLU, and batch normalisation of few values multiplies it, so that gradients of deep
networks differ visibly between any two orders of summation. Both libraries start from the same weights, which tinynet
loads from PyTorch's state dict. Each runs in a process of its own, tinynet under torch's module names
(`tinynet.as_torch`).

Random draws differ between the libraries: dropout is left out, and `bernoulli`, `bernoulli_` and `rand` draw from NumPy
in both; in a `torch.jit.ScriptModule` only with PYTORCH_JIT=0 in the environment.
Ends with 1 if a difference exceeds 1e-8 in float64, or in float32 both 1e-4 and four times PyTorch's from itself; or
if a model fails in either library.
"""

from __future__ import annotations

import argparse
import importlib.util
import subprocess
import sys
import tempfile
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

LIMITS = {"float64": 1e-8, "float32": 1e-4}
PARTS = ("outputs", "eval gradients", "train gradients", "after a step")
SIDES = (("torch", "float64"), ("tinynet", "float64"), ("torch", "float32"), ("tinynet", "float32"))
ITSELF = ("torch-channels-last", "float32")


def run(
    torch: Any, target: str, shape: tuple[int, ...], dtype: str, weights: Path, channels_last: bool = False
) -> dict[str, np.ndarray]:
    """Build the model, load or save its weights, run it forward and backward and take a step; return all results.

    Args:    torch: the library, PyTorch or tinynet
             target: FILE:CALL; weights: .npz file, written by the first run and read by all others
             channels_last: lay images and weights out channels last (PyTorch only)
    """
    _same_random_numbers(torch, dtype)
    model = build(target)
    if not weights.exists():
        np.savez(weights, **_initial_weights(model))
    with np.load(weights) as saved:
        model.load_state_dict({name: torch.tensor(saved[name]) for name in saved.files})
    model.to(getattr(torch, dtype))
    x = torch.tensor(np.random.default_rng(2).standard_normal(shape).astype(dtype))
    if channels_last:
        model.to(memory_format=torch.channels_last)
        x = x.contiguous(memory_format=torch.channels_last)
    x.requires_grad_()
    results: dict[str, np.ndarray] = {}
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9, weight_decay=5e-4)
    for mode in ("eval", "train"):
        model.train(mode == "train")
        optimizer.zero_grad()
        x.grad = None
        rng, loss = np.random.default_rng(3), 0
        for i, y in enumerate(_outputs(model(x))):
            results[f"outputs/{mode} {i}"] = y.detach().numpy().copy()
            loss = loss + (y * torch.tensor(rng.standard_normal(tuple(y.shape)).astype(dtype))).sum()
        loss.backward()
        for name, parameter in [("input", x), *model.named_parameters()]:
            if parameter.grad is not None:
                results[f"{mode} gradients/{name}"] = parameter.grad.numpy().copy()
    optimizer.step()
    for name, value in model.state_dict().items():
        results[f"after a step/{name}"] = value.detach().numpy().copy()
    return results


def _target(text: str) -> str:
    file, separator, call = text.partition(":")
    if not separator or not call:
        raise argparse.ArgumentTypeError(
            f"expected FILE:CALL, for example models/resnet.py:ResNet18(), got {text!r}"
        )
    if not Path(file).is_file():
        raise argparse.ArgumentTypeError(f"there is no file {file}")
    return text


def build(target: str) -> Any:
    """Import the file of FILE:CALL and return what the call makes."""
    file, _, call = target.partition(":")
    return eval(call, vars(_import(Path(file).resolve())))


def _import(path: Path) -> ModuleType:
    """Import a file by its path; within its package, if it lies in one, so that relative imports work."""
    if (path.parent / "__init__.py").exists():
        sys.path.insert(0, str(path.parents[1]))
        return importlib.import_module(f"{path.parent.name}.{path.stem}")
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def _initial_weights(model: Any) -> dict[str, np.ndarray]:
    """Return the model's own weights, running statistics moved away from 0 and 1 so that evaluation uses them."""
    rng = np.random.default_rng(1)
    state = {name: value.detach().numpy() for name, value in model.state_dict().items()}
    for name, value in state.items():
        if name.endswith("running_mean"):
            state[name] = (value + rng.normal(0, 0.1, value.shape)).astype(value.dtype)
        elif name.endswith("running_var"):
            state[name] = (value * rng.uniform(0.5, 1.5, value.shape)).astype(value.dtype)
    return state


def _outputs(result: Any) -> list[Any]:
    return [y for y in result if hasattr(y, "shape")] if isinstance(result, tuple | list) else [result]


def _same_random_numbers(torch: Any, dtype: str) -> None:
    """Take the differences between the two libraries' random numbers away."""

    def unchanged(x: Any, *args: Any, **kwargs: Any) -> Any:
        return x

    def bernoulli_(self: Any, p: Any = 0.5, **kwargs: Any) -> Any:
        share = p.numpy() if hasattr(p, "numpy") else p
        drawn = np.random.default_rng(self.numel()).random(tuple(self.shape)) < share
        with torch.no_grad():
            return self.copy_(torch.tensor(drawn).to(self.dtype))

    def bernoulli(input: Any, p: Any = None, **kwargs: Any) -> Any:
        return torch.empty_like(input).bernoulli_(input if p is None else p)

    def rand(*size: Any, **kwargs: Any) -> Any:
        shape = size if not size or isinstance(size[0], int) else tuple(size[0])
        return torch.tensor(np.random.default_rng(len(shape)).random(shape).astype(dtype))

    torch.manual_seed(0)
    torch.Tensor.bernoulli_, torch.bernoulli, torch.rand = bernoulli_, bernoulli, rand
    for name in ("dropout", "dropout2d", "alpha_dropout"):
        setattr(torch.nn.functional, name, unchanged)
    for name in ("Dropout", "Dropout2d", "AlphaDropout"):
        getattr(torch.nn, name).forward = lambda self, x: x


def difference(found: dict[str, np.ndarray], expected: dict[str, np.ndarray]) -> dict[str, float]:
    """Return the largest difference of each part of the results.

    Raises:  ValueError: a tensor is missing or has another shape or dtype
    """
    if found.keys() != expected.keys():
        raise ValueError(f"only one library gives {sorted(found.keys() ^ expected.keys())}")
    worst = dict.fromkeys(PARTS, 0.0)
    for name, theirs in expected.items():
        ours = found[name]
        if ours.shape != theirs.shape or ours.dtype != theirs.dtype:
            raise ValueError(f"{name} is {ours.dtype} {ours.shape}, in PyTorch {theirs.dtype} {theirs.shape}")
        size = np.abs(theirs)
        scale = max(1.0, float(size.max(initial=0, where=size < np.inf)))
        part = name.partition("/")[0]
        unequal = ours != theirs  # so that equal infinities, of masks, are no difference
        error = float(np.abs(ours[unequal].astype(np.float64) - theirs[unequal]).max(initial=0)) / scale
        worst[part] = max(worst[part], error if error == error else np.inf)
    return worst


def main(argv: list[str] | None = None) -> int:
    """Compare all models and print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m reference.drop_in",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "models",
        nargs="+",
        type=_target,
        metavar="FILE:CALL",
        help="a Python file, and the call that makes the model",
    )
    parser.add_argument(
        "--input", type=_shape, default=(2, 3, 32, 32), help="shape of the input (default: 2,3,32,32)"
    )
    parser.add_argument("--side", nargs=3, metavar=("LIBRARY", "DTYPE", "FOLDER"), help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.side:
        side, dtype, folder = args.side
        library = _library(side.removesuffix("-channels-last"))
        weights = Path(folder, "weights.npz")
        results = run(library, args.models[0], args.input, dtype, weights, side.endswith("-channels-last"))
        np.savez(Path(folder, f"{side}-{dtype}.npz"), **results)
        return 0
    print("| model | " + " | ".join(f"{part}, {dtype}" for dtype in LIMITS for part in PARTS) + " |")
    print("|---|" + "---|" * len(LIMITS) * len(PARTS))
    passed = [_compare(target, args.input) for target in args.models]
    return int(not all(passed))


def _shape(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"expected sizes such as 2,3,32,32, got {text!r}") from error


def _library(name: str) -> Any:
    if name == "torch":
        import torch

        return torch
    from tinynet import as_torch

    as_torch.install()
    return sys.modules["torch"]


def _compare(target: str, shape: tuple[int, ...]) -> bool:
    """Print one line; return whether both libraries ran and all is within the limits."""
    file, _, call = target.partition(":")
    name = f"{Path(file).stem}: {call}"
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        for library, dtype in (*SIDES, ITSELF):
            command = [sys.executable, "-m", "reference.drop_in", target, "--side", library, dtype, folder]
            command += ["--input", ",".join(map(str, shape))]
            done = subprocess.run(command, capture_output=True, text=True)
            if done.returncode and (library, dtype) == ITSELF:
                continue  # the model cannot take channels-last input: nothing to say how far PyTorch is from itself
            if done.returncode:
                last = (done.stderr.strip().splitlines() or ["no message"])[-1]
                print(f"| `{name}` | fails in {library}: {last} |", flush=True)
                return False
            with np.load(Path(folder, f"{library}-{dtype}.npz")) as saved:
                results[library, dtype] = {name: saved[name] for name in saved.files}
    itself = dict.fromkeys(PARTS, 0.0)
    if ITSELF in results:
        itself = difference(results[ITSELF], results["torch", "float32"])
    cells, good = [], True
    for dtype, limit in LIMITS.items():
        worst = difference(results["tinynet", dtype], results["torch", dtype])
        for part, error in worst.items():
            cell = f"{error:.0e}"
            if dtype == "float32":
                cell += f" ({itself[part]:.0e})" if ITSELF in results else ""
            if error > (max(limit, 4 * itself[part]) if dtype == "float32" else limit):
                cell, good = f"**{cell}**", False
            cells.append(cell)
    print(f"| `{name}` | " + " | ".join(cells) + " |", flush=True)
    return good


if __name__ == "__main__":
    sys.exit(main())
