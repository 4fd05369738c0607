"""The table of all public operations, family by family."""

from __future__ import annotations

import importlib
import pkgutil

from tests.ops import families
from tests.ops.op import Op

OPS: tuple[Op, ...] = tuple(
    op
    for module in sorted(info.name for info in pkgutil.iter_modules(families.__path__))
    for op in importlib.import_module(f"tests.ops.families.{module}").OPS
)
