"""Kernels under test: compiled without the cache on disk, and called without the team."""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinynet.kernels.cpu.codegen import compiler
from tinynet.kernels.cpu.codegen.language import Code, Int
from tinynet.kernels.cpu.codegen.program import step
from tinynet.kernels.cpu.codegen.team import KERNEL_IN_PYTHON

FARTHEST = 1000


def run(write: Callable[[Code], None], *arguments: Any, lanes: int = 8, parts: int = 1) -> None:
    """Compile the kernel that `write` writes and run its parts, in turn."""
    code = Code("kernel", lanes)
    write(code)
    engine = compiler._load(compiler._compile(code.finish()))
    kernel = KERNEL_IN_PYTHON(engine.get_function_address("kernel"))
    _, words, _ = step(0, *arguments)
    for part in range(parts):
        kernel(0, part, parts, ctypes.addressof(words))


def whole_numbers(compute: Callable[..., Sequence[Int]], *given: int) -> list[int]:
    """Return the numbers, of at most FARTHEST, that compute(code, *given) lists, as the compiled kernel finds them."""
    found = np.full(100, np.nan, np.float32)

    def write(code: Code) -> None:
        ruler, out = code.pointers(2)
        for k, number in enumerate(compute(code, *code.integers(len(given)))):
            (out + k * code.lanes).store((ruler + number).broadcast())

    ruler = np.arange(-FARTHEST, FARTHEST, dtype=np.float32)
    run(write, ruler[FARTHEST:], found, *given, lanes=4)
    return [int(number) for number in found[::4] if not np.isnan(number)]
