"""From a kernel's text to a function in memory, by way of object files kept on disk.

The first use of a kernel compiles it, tens of milliseconds each, and keeps the object file in the folder of
`cache_folder()`, under a name made of the kernel, its parameters, the sources of this package, the LLVM version and the
CPU: on another CPU, or after a change here, another file is written. Files are written beside their place and moved
into it, so that two processes may compile at once; a file that is not what it says is compiled again; where the folder
cannot be written kernels are kept in memory alone.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm

from tinynet import switches

_engines: list[Any] = []
_announced = False


LEVELS = {"avx2": ("x86-64-v3", ("avx2", "fma"), 8), "sse": ("x86-64-v2", ("sse4.2",), 4)}
"""What TINYNET_ISA may limit x86 to: LLVM's name for such CPUs, what of it the kernels are for, and the lanes."""


@functools.cache
def cpu() -> tuple[str, str, int]:
    """Return the CPU's name and features for LLVM, and how many float32 numbers its vectors hold.

    TINYNET_ISA limits the instructions: "avx2" (256 bits), "sse" (128 bits) or "auto", all that the CPU has. A limit
    above what the CPU has changes nothing.
    """
    limit = switches.read("TINYNET_ISA")
    try:
        has = llvm.get_host_cpu_features()
    except RuntimeError:  # LLVM does not know how to ask this CPU
        has = llvm.FeatureMap()
    lanes = 16 if has.get("avx512f") else 8 if has.get("avx2") and has.get("fma") else 4
    if limit != "auto":
        name, needed, width = LEVELS[limit]
        if width <= lanes and all(has.get(feature) for feature in needed):
            return name, "", width
    return llvm.get_host_cpu_name(), has.flatten(), lanes


def lanes() -> int:
    """Return how many float32 numbers a vector of this CPU holds: 16 (AVX-512), 8 (AVX2) or 4."""
    return cpu()[2]


def cache_folder() -> Path | None:
    """Return the folder of compiled kernels: TINYNET_KERNEL_CACHE, else "kernels" in tinynet's cache folder.

    None where there is neither that nor a home.
    """
    given, base = os.environ.get("TINYNET_KERNEL_CACHE"), os.environ.get("XDG_CACHE_HOME")
    try:
        if given:
            return Path(given).expanduser()
        return (Path(base) if base else Path.home() / ".cache") / "tinynet" / "kernels"
    except RuntimeError:
        return None


@functools.cache
def _target_machine() -> Any:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    llvm.initialize_native_asmparser()
    name, features, _ = cpu()
    target = llvm.Target.from_default_triple()
    return target.create_target_machine(
        cpu=name, features=features, opt=3, jit=True, codemodel="jitdefault", reloc="pic"
    )


@functools.cache
def _sources() -> bytes:
    """Return a digest of everything that decides what is compiled, besides the kernel and its parameters."""
    digest = hashlib.sha256(repr((cpu(), llvm.get_default_triple(), llvm.llvm_version_info)).encode())
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return digest.digest()


def function(name: str, write: Callable[[], str]) -> tuple[int, Any]:
    """Return the address of a kernel and what must stay alive as long as it is used.

    Args:    name: of the function in the text, different for different parameters
             write: returns the kernel as LLVM's text; called only if it has not been compiled before
    """
    key = hashlib.sha256(_sources() + name.encode()).hexdigest()
    folder = cache_folder()
    place = None if folder is None else folder / f"{key[:40]}.o"
    machine_code = None if place is None else _read(place)
    if machine_code is None:
        _announce(folder)
        machine_code = _compile(write())
        if place is not None:
            _write(place, machine_code)
    engine = _load(machine_code)
    _engines.append(engine)
    return engine.get_function_address(name), engine


def _compile(text: str) -> bytes:
    module = llvm.parse_assembly(text)
    machine = _target_machine()
    tuning = llvm.create_pipeline_tuning_options(speed_level=2)
    tuning.loop_vectorization = tuning.slp_vectorization = tuning.loop_unrolling = False
    builder = llvm.create_pass_builder(machine, tuning)
    builder.getModulePassManager().run(module, builder)
    return machine.emit_object(module)


def _load(machine_code: bytes) -> Any:
    _target_machine()  # LLVM is ready once there is one
    machine = llvm.Target.from_default_triple().create_target_machine()
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    engine.add_object_file(llvm.ObjectFileRef.from_data(machine_code))
    engine.finalize_object()
    return engine


def _read(place: Path) -> bytes | None:
    """Return the object file, None if there is none or it is damaged: it begins with its own SHA-256."""
    try:
        content = place.read_bytes()
    except OSError:
        return None
    digest, machine_code = content[:32], content[32:]
    return machine_code if hashlib.sha256(machine_code).digest() == digest else None


def _write(place: Path, machine_code: bytes) -> None:
    with contextlib.suppress(OSError):  # read-only or full: the next process compiles again
        place.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=place.parent, suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(hashlib.sha256(machine_code).digest() + machine_code)
            os.replace(temporary, place)
        except BaseException:
            os.unlink(temporary)
            raise


def _announce(folder: Path | None) -> None:
    """Say once that kernels are being compiled: the first step takes seconds longer than the others."""
    global _announced
    if not _announced:
        _announced = True
        kept = f"once; they are kept in {folder}" if _is_writable(folder) else "for this process alone"
        print(f"tinynet: compiling kernels for this CPU, {kept}", file=sys.stderr, flush=True)


def _is_writable(folder: Path | None) -> bool:
    with contextlib.suppress(OSError):
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            return os.access(folder, os.W_OK)
    return False
