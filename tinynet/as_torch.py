"""Run PyTorch code on tinynet: `import torch` gives tinynet.

    python -m tinynet.as_torch script.py arguments of the script

or, in a program, `as_torch.install()` before the code that imports torch, or `with as_torch.installed():` around it.
"""

from __future__ import annotations

import contextlib
import importlib
import runpy
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from types import ModuleType

import tinynet
from tinynet.aliases import install_finder

MODULES = (
    "amp",
    "autograd",
    "backends",
    "backends.cudnn",
    "cuda",
    "cuda.amp",
    "distributed",
    "hub",
    "jit",
    "nn",
    "nn.functional",
    "nn.init",
    "nn.modules",
    "nn.parallel",
    "nn.parameter",
    "nn.utils",
    "optim",
    "optim.lr_scheduler",
    "utils",
    "utils.checkpoint",
    "utils.data",
    "utils.model_zoo",
)
"""What `import torch` alone makes available in PyTorch; others are found when they are imported."""


class TorchAlreadyImported(RuntimeError):
    """Say that the real torch is in use in this process, so that its name is taken."""


def install(force: bool = False) -> dict[str, ModuleType]:
    """Give tinynet and its modules torch's names; return what had them before, for `uninstall`.

    Args:    force: also if the real torch has been imported; objects of the two do not mix
    Raises:  TorchAlreadyImported: it has, and force is False
    """
    before = _entries()
    real = before.get("torch")
    if real is not None and real is not tinynet and not force:
        raise TorchAlreadyImported(
            "torch is imported already: install tinynet in its place before that, or pass force=True"
        )
    install_finder()
    _replace({"torch": tinynet})
    for name in MODULES:
        importlib.import_module(f"torch.{name}")
    return before


def uninstall(before: dict[str, ModuleType]) -> None:
    """Take torch's names away from tinynet, and put back what `install` returned."""
    _replace(before)


@contextlib.contextmanager
def installed(force: bool = False) -> Iterator[ModuleType]:
    """Install tinynet as torch until the end of the block, and give it."""
    before = install(force)
    try:
        yield tinynet
    finally:
        uninstall(before)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a script with the rest of the arguments as its own."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given[0] in ("-h", "--help"):
        print("usage: python -m tinynet.as_torch script.py [arguments of the script]")
        raise SystemExit(0 if given else 2)
    script = Path(given[0])
    if not script.is_file():
        print(f"python -m tinynet.as_torch: there is no file {script}", file=sys.stderr)
        raise SystemExit(2)
    install()
    sys.argv = given
    sys.path.insert(0, str(script.resolve().parent))
    runpy.run_path(str(script), run_name="__main__")


def _entries() -> dict[str, ModuleType]:
    return {
        name: module for name, module in sys.modules.items() if name == "torch" or name.startswith("torch.")
    }


def _replace(entries: dict[str, ModuleType]) -> None:
    """Let the names that begin with torch stand for these modules and no others."""
    for name in _entries():
        del sys.modules[name]
    sys.modules.update(entries)


if __name__ == "__main__":
    main()
