"""Other machines: every kernel compiles for them, and calls nothing that may be missing there."""

from __future__ import annotations

import re
from collections.abc import Callable

import llvmlite.binding as llvm
import pytest

from tinynet.kernels.cpu.codegen import (
    copying,
    direct,
    few,
    packing,
    program,
    rows,
    small,
    team_code,
    winograd,
    winograd_phases,
    winograd_weights,
)
from tinynet.kernels.cpu.codegen.language import Code

# (machine, lanes, CPU, the instruction in which it multiplies and adds)
MACHINES = [
    ("aarch64-unknown-linux-gnu", 4, "", "fmla"),
    ("arm64-apple-macosx", 4, "apple-m1", "fmla"),
    ("x86_64-unknown-linux-gnu", 4, "x86-64-v2", "mulps"),
    ("x86_64-unknown-linux-gnu", 8, "x86-64-v3", "vfmadd"),
    ("x86_64-unknown-linux-gnu", 16, "x86-64-v4", "vfmadd"),
    ("x86_64-pc-windows-msvc", 8, "x86-64-v3", "vfmadd"),
]
KERNELS: list[tuple[Callable[..., int], tuple[int | bool | str, ...]]] = [
    (direct.convolve, (4, 2, 3, 2, False, True, "b", False)),
    (direct.convolve, (4, 2, 4, 1, True, True, "", True)),
    (direct.copy_images, (4, True)),
    (direct.grad_weight_shared, (2, 2, 4, 2, True)),
    (packing.pack, (2, 9)),
    (packing.pack_turned, (2, 9)),
    (packing.unpack, (2, 4, 3, 9)),
    (rows.statistics, (2, True)),
    (rows.finish_statistics, (False,)),
    (rows.finish_statistics, (True,)),
    (rows.finish_backward, ()),
    (rows.apply, (1, True, "affine", True)),
    (rows.backward_sums, (1, True, "affine", True, True)),
    (rows.backward_apply, (2, False, "y", True)),
    (rows.channel_sums, (1, True)),
    (rows.elementwise, ("masked_sum",)),
    (direct.grad_weight, (1, 4, 2, 4, 1, True, True)),
    (few.convolve, (4, 2, 9, 1, True, True, "bsor")),
    (direct.grad_weight, (3, 9, 1, 3, 1, False, False)),
    (small.gather, (True,)),
    (small.convolve, (4, 2, True, "b")),
    (small.grad_weight, (4, 2)),
    (winograd.convolve_local, (4, 2, True, True, False, "sor", "plain")),
    (winograd.convolve_local, (4, 2, True, True, False, "sor", "strided")),
    (winograd.convolve_local, (4, 2, True, True, False, "", "fractional")),
    (winograd_phases.spread_x, (True, "plain")),
    (winograd_phases.spread_dy, (2, True, "strided")),
    (winograd_phases.multiply_phase, (4, 2, "strided")),
    (winograd_phases.multiply_transposed_phase, (4, 2, "plain")),
    (winograd_phases.gather_phase, (2, True, True, "sr", "fractional")),
    (winograd.grad_weight_local, (4, 2, True, True, "plain")),
    (winograd.grad_weight_local, (4, 2, True, True, "strided")),
    (winograd.gradients_local, (4, 2, 4, True, True, False, "plain")),
    (winograd.gradients_local, (4, 2, 4, True, True, True, "fractional")),
    (winograd_weights.spread_weight, (2, False, "plain")),
    (winograd_weights.spread_weight, (2, True, "strided")),
    (winograd_weights.multiply_grouped, (4, 2, True, "fractional")),
    (winograd_weights.grad_weight_grouped, (4, 2, "strided")),
    (winograd_weights.fold_weight, (2, False, "strided")),
    (winograd_weights.fold_weight, (2, True, "plain")),
    (winograd_weights.fold_weight, (2, True, "fractional")),
    (copying.pad_channels, ()),
    (copying.spread_pixels, (True,)),
    (copying.add_to_pixels, (True,)),
    (program.add_copies, ()),
    (program.clear, ()),
]
ANYWHERE = {"memset", "memcpy", "_memset", "_memcpy", "__chkstk"}
"""What every C library has; Windows' __chkstk is LLVM's own business."""


def compiled(text: str, triple: str, cpu: str) -> str:
    """Return the assembly of LLVM's text on another machine."""
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    try:
        target = llvm.Target.from_triple(triple)
    except RuntimeError:
        pytest.skip(f"this LLVM does not write code for {triple}")
    module = llvm.parse_assembly(text)
    module.verify()
    machine = target.create_target_machine(cpu=cpu, features="", opt=3, reloc="pic")
    module.triple = triple
    llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(2)).getModulePassManager().run(
        module, llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(2))
    )
    return str(machine.emit_assembly(module))


def called(assembly: str) -> set[str]:
    found = re.findall(r"^\s+(?:bl|b|callq?|jmp)\s+([A-Za-z_][\w.]*)", assembly, re.MULTILINE)
    return {name.partition("@")[0] for name in found if not name.startswith((".L", "LBB"))}


@pytest.mark.parametrize("triple, lanes, cpu, instruction", MACHINES)
def test_every_kernel_compiles(triple: str, lanes: int, cpu: str, instruction: str) -> None:
    everything = ""
    for write, parameters in KERNELS:
        code = Code("kernel", lanes)
        write.__wrapped__(code, *parameters)  # type: ignore[attr-defined]
        assembly = compiled(code.finish(), triple, cpu)
        assert called(assembly) <= ANYWHERE, write
        everything += assembly
    assert instruction in everything


@pytest.mark.parametrize(
    "triple, pause",
    [
        ("aarch64-linux-gnu", "isb"),
        ("arm64-apple-darwin23", "isb"),
        ("x86_64-linux-gnu", "pause"),
        ("riscv64", ""),
    ],
)
def test_the_team_waits_with_the_instruction_of_each_cpu(
    triple: str, pause: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(team_code.llvm, "get_default_triple", lambda: triple)
    text = team_code.write_team()
    llvm.parse_assembly(text).verify()
    assert f'asm sideeffect "{pause}"' in text
    assert set(re.findall(r'declare [^@]*@"(\w+)"', text)) == set(team_code.POSIX)


def test_every_kernel_is_among_those_compiled_here() -> None:
    listed = {write for write, _ in KERNELS}
    for module in (copying, direct, few, program, small, winograd, winograd_weights):
        for name, value in vars(module).items():
            if hasattr(value, "__wrapped__") and value.__wrapped__.__annotations__.get("code") == "Code":
                assert value in listed, name
