"""Another name for the package: after sys.modules["torch"] = tinynet, `import torch.nn` finds tinynet.nn itself.

Python would look for torch/nn in tinynet's folder, find it there, and run it a second time under the name torch.nn:
two classes Module, of which neither knows the other. The finder here gives it the module that is there already. It
answers only for packages whose entry in sys.modules is tinynet.
"""

from __future__ import annotations

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType

PACKAGE = "tinynet"


class _SameModule(Loader):
    """Load a module of tinynet under another name: return the one that is there."""

    def __init__(self, name: str) -> None:
        self.name = name

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        self.module = importlib.import_module(self.name)
        self.spec = self.module.__spec__
        return self.module

    def exec_module(self, module: ModuleType) -> None:
        # The import system has just written the other name's spec into the module.
        module.__spec__ = self.spec


class _AliasFinder(MetaPathFinder):
    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        top, dot, rest = fullname.partition(".")
        if not dot or top == PACKAGE or sys.modules.get(top) is not sys.modules.get(PACKAGE):
            return None
        name = f"{PACKAGE}.{rest}"
        try:
            found = find_spec(name)
        except ModuleNotFoundError:  # of a parent
            found = None
        if found is None:
            return None
        return ModuleSpec(
            fullname, _SameModule(name), is_package=found.submodule_search_locations is not None
        )


def install_finder() -> None:
    """Let imports through another name of tinynet find tinynet's modules; a second call changes nothing."""
    if not any(isinstance(finder, _AliasFinder) for finder in sys.meta_path):
        sys.meta_path.insert(0, _AliasFinder())
