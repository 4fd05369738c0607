"""Run a model file written for PyTorch on tinynet, unchanged, and compare: `python -m reference.drop_in FILE:CALL ...`.

    python -m reference.drop_in "models/resnet.py:ResNet18()" "models/vgg.py:VGG('VGG16')" --input 2,3,32,32

For each model a line: the largest differences between PyTorch and tinynet in the outputs (evaluation and training
mode), in the gradients of every parameter and of the input, and in parameters and buffers after one step of SGD, in
float64 and float32. A difference is |tinynet - torch| / max(1, largest |torch|) of each tensor. Both start from the
same weights, which tinynet loads from PyTorch's state dict. Each library runs in a process of its own, tinynet under
torch's module names (`tinynet.as_torch`).

Random draws differ between the libraries: dropout is left out, and `bernoulli_` and `rand` draw from NumPy in both.
Ends with 1 if a difference exceeds 1e-8 (float64) or 1e-4 (float32), or a model fails in tinynet but not in PyTorch.
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
PARTS = ("outputs", "gradients", "after")


def run(torch: Any, target: str, shape: tuple[int, ...], dtype: str, weights: Path) -> dict[str, np.ndarray]:
    """Build the model, load or save its weights, run it forward and backward and take a step; return all results.

    Args:    torch: the library, PyTorch or tinynet
             target: FILE:CALL; weights: .npz file, written by PyTorch's float64 run and read by all others
    """
    _same_random_numbers(torch, dtype)
    model = build(target)
    if not weights.exists():
        np.savez(weights, **_initial_weights(model))
    with np.load(weights) as saved:
        model.load_state_dict({name: torch.tensor(saved[name]) for name in saved.files})
    model.to(getattr(torch, dtype))
    rng = np.random.default_rng(2)
    x = torch.tensor(rng.standard_normal(shape).astype(dtype))
    results = {}
    model.eval()
    with torch.no_grad():
        for i, y in enumerate(_outputs(model(x))):
            results[f"outputs/eval {i}"] = y.numpy().copy()
    model.train()
    x.requires_grad_()
    loss = 0
    for i, y in enumerate(_outputs(model(x))):
        results[f"outputs/train {i}"] = y.detach().numpy().copy()
        loss = loss + (y * torch.tensor(rng.standard_normal(tuple(y.shape)).astype(dtype))).sum()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9, weight_decay=5e-4)
    optimizer.zero_grad()
    loss.backward()
    for name, parameter in [("input", x), *model.named_parameters()]:
        if parameter.grad is not None:
            results[f"gradients/{name}"] = parameter.grad.numpy().copy()
    optimizer.step()
    for name, value in model.state_dict().items():
        results[f"after/{name}"] = value.detach().numpy().copy()
    return results


def build(target: str) -> Any:
    """Import the file and return what the call makes.

    Raises:  ValueError: target is not FILE:CALL; FileNotFoundError
    """
    file, separator, call = target.partition(":")
    path = Path(file).resolve()
    if not separator or not call:
        raise ValueError(f"expected FILE:CALL, for example models/resnet.py:ResNet18(), got {target!r}")
    if not path.exists():
        raise FileNotFoundError(f"there is no file {file}")
    return eval(call, vars(_import(path)))


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

    def rand(*size: Any, **kwargs: Any) -> Any:
        shape = size if not size or isinstance(size[0], int) else tuple(size[0])
        return torch.tensor(np.random.default_rng(len(shape)).random(shape).astype(dtype))

    torch.manual_seed(0)
    torch.Tensor.bernoulli_, torch.rand = bernoulli_, rand
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
        scale = max(1.0, float(np.abs(theirs).max(initial=0)))
        part = name.partition("/")[0]
        error = float(np.abs(ours.astype(np.float64) - theirs).max(initial=0)) / scale
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
        "models", nargs="+", metavar="FILE:CALL", help="a Python file, and the call that makes the model"
    )
    parser.add_argument(
        "--input", type=_shape, default=(2, 3, 32, 32), help="shape of the input (default: 2,3,32,32)"
    )
    parser.add_argument("--side", nargs=3, metavar=("LIBRARY", "DTYPE", "FOLDER"), help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    if args.side:
        library, dtype, folder = args.side
        results = run(_library(library), args.models[0], args.input, dtype, Path(folder, "weights.npz"))
        np.savez(Path(folder, f"{library}-{dtype}.npz"), **results)
        return 0
    print("| model | " + " | ".join(f"{part}, {dtype}" for dtype in LIMITS for part in PARTS) + " |")
    print("|---|" + "---|" * len(LIMITS) * len(PARTS))
    passed = [_compare(target, args.input) for target in args.models]
    return int(not all(passed))


def _shape(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


def _library(name: str) -> Any:
    if name == "torch":
        import torch

        return torch
    from tinynet import as_torch

    as_torch.install()
    return sys.modules["torch"]


def _compare(target: str, shape: tuple[int, ...]) -> bool:
    """Print one line; return whether all is within the limits."""
    cells, good = [], True
    with tempfile.TemporaryDirectory() as folder:
        for dtype, limit in LIMITS.items():
            results = []
            for library in ("torch", "tinynet"):
                command = [
                    sys.executable,
                    "-m",
                    "reference.drop_in",
                    target,
                    "--side",
                    library,
                    dtype,
                    folder,
                ]
                command += ["--input", ",".join(map(str, shape))]
                done = subprocess.run(command, capture_output=True, text=True)
                if done.returncode:
                    last = (done.stderr.strip().splitlines() or ["no message"])[-1]
                    print(f"| `{target}` | fails in {library}: {last} |", flush=True)
                    return library == "torch"
                with np.load(Path(folder, f"{library}-{dtype}.npz")) as saved:
                    results.append({name: saved[name] for name in saved.files})
            worst = difference(results[1], results[0])
            good = good and max(worst.values()) <= limit
            cells += [f"{error:.0e}" + (" **over**" if error > limit else "") for error in worst.values()]
    print(
        f"| `{Path(target.partition(':')[0]).stem}: {target.partition(':')[2]}` | "
        + " | ".join(cells)
        + " |",
        flush=True,
    )
    return good


if __name__ == "__main__":
    sys.exit(main())
