"""The rules of the layout, checked on the source: imports, file sizes, docstrings, where libraries may appear."""

from __future__ import annotations

import ast
import configparser
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = sorted((ROOT / "tinynet").rglob("*.py"))
EVERYTHING = sorted(
    path for top in ("tinynet", "reference", "benchmarks", "tests") for path in (ROOT / top).rglob("*.py")
)
MOST_LINES = 400

# Each layer may import itself and those before it. A path belongs to the longest prefix that fits.
LAYERS = [
    [
        "tinynet.backend",
        "tinynet.random",
        "tinynet.threads",
        "tinynet.default_dtype",
        "tinynet.memory",
        "tinynet.run_ahead",
        "tinynet.switches",
        "tinynet.memory_format",
        "tinynet.errors",
        "tinynet.pickle_reader",
        "tinynet.weights",
    ],
    [
        "tinynet.generator",
        "tinynet.aliases",
        "tinynet.amp",
        "tinynet.backends",
    ],
    ["tinynet.kernels"],
    ["tinynet.tensor", "tinynet.autograd", "tinynet.gradcheck", "tinynet.grad_mode", "tinynet.ops"],
    ["tinynet.creation", "tinynet.distributions", "tinynet.dtypes", "tinynet.inspection"],
    ["tinynet.nn.init", "tinynet.nn.functional"],
    ["tinynet.nn"],
    ["tinynet.optim"],
    ["tinynet.serialization"],
    ["tinynet.cuda", "tinynet.distributed", "tinynet.hub", "tinynet.jit", "tinynet.utils"],
    ["tinynet"],
    ["tinynet.as_torch"],
    ["tinynet.data"],
    ["tinynet.models"],
    ["tinynet.training", "tinynet.viz"],
    ["tinynet.train", "tinynet.evaluate", "tinynet.predict", "tinynet.viz.__main__"],
]
HOMES = {
    "cupy": ("tinynet/backend.py", "tinynet/kernels/cuda/", "tests/"),
    "cupyx": ("tinynet/backend.py", "tinynet/kernels/cuda/"),
    "torch": ("reference/", "tests/"),
    "llvmlite": ("tinynet/kernels/cpu/", "tests/kernels/cpu/"),
    "pickle": ("tests/",),
}


def module_name(path: Path) -> str:
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return name.removesuffix(".__init__")


def layer(name: str) -> int:
    """Number the layer of a module; tinynet itself is the package's own __init__."""
    prefixes = {prefix: i for i, group in enumerate(LAYERS) for prefix in group if prefix != "tinynet"}
    fitting = [p for p in prefixes if name == p or name.startswith(p + ".")]
    if not fitting:
        assert name == "tinynet", f"{name} belongs to no layer: add it to LAYERS"
        return next(i for i, group in enumerate(LAYERS) if "tinynet" in group)
    return prefixes[max(fitting, key=len)]


def imports(path: Path) -> Iterator[str]:
    """Yield every module that a file imports, at its top or inside a function; not those for type checking only."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module is not None
            for alias in node.names:
                inner = ROOT / Path(*node.module.split("."), alias.name)
                is_module = inner.with_suffix(".py").exists() or (inner / "__init__.py").exists()
                yield f"{node.module}.{alias.name}" if is_module else node.module


@pytest.mark.parametrize("path", PACKAGE, ids=module_name)
def test_imports_point_down(path: Path) -> None:
    name = module_name(path)
    for imported in imports(path):
        top = imported.split(".")[0]
        assert top not in ("reference", "benchmarks", "tests"), f"{name} imports {imported}"
        if top == "tinynet" and imported != name:
            assert layer(imported) <= layer(name), f"{name} imports {imported}, which lies above it"


@pytest.mark.parametrize("path", EVERYTHING, ids=module_name)
def test_libraries_stay_in_their_homes(path: Path) -> None:
    place = path.relative_to(ROOT).as_posix()
    for imported in imports(path):
        homes = HOMES.get(imported.split(".")[0])
        assert homes is None or place.startswith(homes), f"{place} imports {imported}"


def test_device_folders_do_not_import_each_other() -> None:
    for device, other in (("cpu", "cuda"), ("cuda", "cpu")):
        for path in (ROOT / "tinynet" / "kernels" / device).rglob("*.py"):
            assert not any(name.startswith(f"tinynet.kernels.{other}") for name in imports(path)), path


@pytest.mark.parametrize("path", PACKAGE, ids=module_name)
def test_branches_on_the_device_stay_in_the_backend(path: Path) -> None:
    """Design rule 3: `xp is numpy` and the like occur in backend.py and the registry only."""
    if module_name(path) in ("tinynet.backend", "tinynet.kernels.registry"):
        return
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Compare) and any(isinstance(op, ast.Is | ast.IsNot) for op in node.ops):
            names = {n.id for n in (node.left, *node.comparators) if isinstance(n, ast.Name)}
            assert not names & {"np", "numpy", "xp", "cupy"}, f"{path}:{node.lineno}"


@pytest.mark.parametrize("path", EVERYTHING, ids=module_name)
def test_files_stay_readable_in_one_sitting(path: Path) -> None:
    lines = len(path.read_text().splitlines())
    assert lines <= MOST_LINES, f"{path} has {lines} lines: split it by family"


@pytest.mark.parametrize("path", PACKAGE, ids=module_name)
def test_public_names_have_docstrings(path: Path) -> None:
    tree = ast.parse(path.read_text())
    assert ast.get_docstring(tree), f"{path} does not say what it is"
    for node in tree.body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{path}:{node.lineno} {node.name} has no docstring"


def test_each_stem_has_its_tests() -> None:
    """Design rule 1: conv is kernels/generic/conv, ops/conv, nn/conv; an accelerated stem has a generic one."""
    generic = {path.stem for path in (ROOT / "tinynet/kernels/generic").glob("*.py")}
    for device in ("cpu", "cuda"):
        stems = {path.stem for path in (ROOT / "tinynet/kernels" / device).glob("*.py")} - {"available"}
        assert stems <= generic, f"kernels/{device} has {stems - generic} and kernels/generic has not"


def test_importing_the_core_loads_no_torch_cupy_or_llvmlite() -> None:
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg")
    required = setup["options"]["install_requires"]
    assert not any(name in required for name in ("torch", "cupy"))
    late = {"torch", "cupy", "matplotlib", "llvmlite", "tqdm"}
    code = f"import sys, tinynet; print(sorted({late} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "command", [["ruff", "check", "."], ["ruff", "format", "--check", "."], ["mypy", "tinynet"]]
)
def test_linters_are_clean(command: list[str]) -> None:
    done = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
