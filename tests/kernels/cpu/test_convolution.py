"""Generated convolution against the generic kernels in float64, amid memory full of NaN that must not be touched."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest

from tests.kernels.cpu.convolutions import FEW, ONE_IMAGE, OTHERS, SMALL, THREES, TWOS, UNREACHED, Case
from tinynet.kernels.cpu.codegen import convolution, direct, few_plan, planar_plan, program, winograd_plan
from tinynet.kernels.cpu.codegen.program import aligned, forget_plans
from tinynet.kernels.cpu.codegen.shape import Pair, Shape
from tinynet.kernels.generic import conv as generic
from tinynet.threads import get_num_threads, set_num_threads

GUARD = np.frombuffer(np.uint32(0x7FC12345).tobytes(), np.float32)[0]
"""A NaN that no computation makes."""
MARGIN = 64
DIRECT, WINOGRAD = 2e-6, 5e-5


class Guarded:
    """Hands out arrays full of NaN between guards, in place of scratch memory and of the pool."""

    def __init__(self) -> None:
        self.whole: list[np.ndarray] = []

    def array(self, *shape: int) -> np.ndarray:
        count = int(np.prod(shape))
        memory = aligned(count + 2 * MARGIN)
        memory.view(np.uint32)[:] = GUARD.view(np.uint32)
        self.whole.append(memory)
        return memory[MARGIN : MARGIN + count].reshape(shape)

    def copy(self, values: np.ndarray) -> np.ndarray:
        array = self.array(*values.shape)
        array[:] = values
        return array

    def replace(self, patch: pytest.MonkeyPatch) -> None:
        patch.setattr(convolution, "empty", self.array)
        patch.setattr(planar_plan, "empty", self.array)
        patch.setattr(program.Scratch, "__call__", lambda _, use, floats: self.array(floats))
        patch.setattr(
            program.Scratch, "together", lambda _, needs: tuple(self.array(floats) for _, floats in needs)
        )

    def check(self) -> None:
        for memory in self.whole:
            ends = np.concatenate([memory[:MARGIN], memory[-MARGIN:]])
            assert (ends.view(np.uint32) == GUARD.view(np.uint32)).all(), "written outside"


@pytest.fixture
def guarded(monkeypatch: pytest.MonkeyPatch) -> Iterator[Guarded]:
    memory = Guarded()
    memory.replace(monkeypatch)
    yield memory
    memory.check()


def channels_last(array: np.ndarray) -> np.ndarray:
    return array.transpose(0, 2, 3, 1)


def error(found: np.ndarray, exact: np.ndarray) -> float:
    """Return the largest error relative to the largest value; infinity where there is a NaN."""
    assert found.shape == exact.shape
    assert found.dtype == np.float32
    worst = float(abs(found - exact).max()) / (float(abs(exact).max()) or 1.0)
    return worst if worst == worst else float("inf")


def check(case: Case, memory: Guarded, threads: tuple[int, ...] = (1, 2, 3)) -> None:
    """Compare y and all gradients with float64's, for several numbers of threads, twice each."""
    shape, options = case.shape(), {**case.options(), "groups": 1}
    rng = np.random.default_rng(abs(hash(case)))
    fan_in = case.C * case.window[0] * case.window[1]
    x = rng.standard_normal((case.N, case.C, *case.image))
    weight = rng.standard_normal((case.O, case.C, *case.window)) / np.sqrt(fan_in)
    bias, dy = rng.standard_normal(case.O), rng.standard_normal((case.N, case.O, *shape.results))
    x, weight, bias, dy = (a.astype(np.float32).astype(np.float64) for a in (x, weight, bias, dy))
    plain = generic.conv2d.kernel.generic(x, weight, None, **options)
    exact = {
        "y": channels_last(plain),
        "y with bias": channels_last(plain) + bias,
        "grad_x": channels_last(
            generic.conv2d_grad_input.kernel.generic(dy, weight, image=case.image, **options)
        ),
        "grad_weight": generic.conv2d_grad_weight.kernel.generic(x, dy, kernel_size=case.window, **options),
    }
    given = [memory.copy(a) for a in (channels_last(x), weight, bias, channels_last(dy))]
    before = [a.copy() for a in given]
    exact |= {f"{name} of both": exact[name] for name in ("grad_x", "grad_weight")}
    bound = WINOGRAD if convolution.takes_winograd(shape) else DIRECT
    for count in threads:
        set_num_threads(count)
        found, again = compute(*given, shape), compute(*given, shape)
        for name, values in found.items():
            assert error(values, exact[name]) <= bound, f"{name} in {count} threads"
            np.testing.assert_array_equal(values, again[name], err_msg=f"{name} in {count} threads, repeated")
    for array, copy in zip(given, before, strict=True):
        np.testing.assert_array_equal(array, copy, err_msg="an input changed")


def compute(
    x: np.ndarray, weight: np.ndarray, bias: np.ndarray, dy: np.ndarray, shape: Shape
) -> dict[str, np.ndarray]:
    both = {}
    if convolution.takes_winograd(shape):
        grad_x, grad_weight = convolution.gradients(x, dy, weight, shape)
        both = {"grad_x of both": grad_x, "grad_weight of both": grad_weight}
    return {
        **both,
        "y": convolution.convolve(x, weight, None, shape),
        "y with bias": convolution.convolve(x, weight, bias, shape),
        "grad_x": convolution.grad_input(dy, weight, shape),
        "grad_weight": convolution.grad_weight(x, dy, shape),
    }


@pytest.fixture(autouse=True)
def threads_as_before() -> Iterator[None]:
    before = get_num_threads()
    yield
    set_num_threads(before)


@pytest.fixture
def fresh_plans() -> Iterator[None]:
    """Forget how convolutions are computed, before and after a test that changes the limits."""
    forget_plans()
    winograd_plan._blocking.cache_clear()
    yield
    forget_plans()
    winograd_plan._blocking.cache_clear()


@pytest.fixture
def any_two(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Take Winograd's form of stride 2 also where the direct kernels are faster."""
    monkeypatch.setattr(convolution, "WORTH", float("inf"))
    convolution._fits_winograd.cache_clear()
    yield
    convolution._fits_winograd.cache_clear()


@pytest.mark.usefixtures("any_two")
@pytest.mark.parametrize("case", [*THREES, *TWOS, *OTHERS, *UNREACHED], ids=str)
def test_convolution_and_its_gradients(case: Case, guarded: Guarded) -> None:
    check(case, guarded)


@pytest.mark.parametrize("case", [*THREES, *TWOS], ids=str)
def test_direct_convolution_of_what_winograds_would_take(
    case: Case, guarded: Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convolution, "use_winograd", False)
    assert not convolution.takes_winograd(case.shape())
    check(case, guarded)


def test_winograds_form_is_chosen_for_some_and_not_for_all() -> None:
    chosen = [convolution.takes_winograd(case.shape()) for case in THREES]
    assert 0 < sum(chosen) < len(chosen)
    chosen = [convolution.takes_winograd(case.shape()) for case in TWOS]
    assert chosen == [True, True, False, False, False, True]
    assert not any(convolution.takes_winograd(case.shape()) for case in OTHERS)


@pytest.mark.usefixtures("fresh_plans", "any_two")
@pytest.mark.parametrize("limits", [(0, 0), (0, 40 << 10), (0, 12 << 20), (1 << 30, 0)], ids=str)
@pytest.mark.parametrize(
    "case", [*[case for case in THREES if convolution.takes_winograd(case.shape())], *TWOS], ids=str
)
def test_winograds_in_phases_and_in_small_blocks(
    case: Case, limits: Pair, guarded: Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    local, chunk = limits
    monkeypatch.setattr(winograd_plan, "LOCAL", local)
    monkeypatch.setattr(winograd_plan, "CHUNK", chunk)
    kind = winograd_plan.kind_of(case.shape())
    assert winograd_plan._blocking(1, (4, 4), case.C, case.O, 1, False, kind).phased == (local == 0)
    check(case, guarded, (1, 3))


@pytest.mark.usefixtures("fresh_plans", "any_two")
@pytest.mark.parametrize(
    "case", [*[case for case in THREES if convolution.takes_winograd(case.shape())], *TWOS], ids=str
)
def test_winograds_a_row_of_tiles_at_a_time(
    case: Case, guarded: Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(winograd_plan, "LOCAL", 1 << 30)
    monkeypatch.setattr(winograd_plan, "BLOCK", 0)
    monkeypatch.setattr(winograd_plan, "MOST", 0)
    kind = winograd_plan.kind_of(case.shape())
    blocks = winograd_plan._blocking(4, (8, 8), case.C, case.O, 1, False, kind)
    assert (blocks.phased, blocks.rows) == (False, 1)
    check(case, guarded, (2,))


@pytest.mark.usefixtures("fresh_plans")
@pytest.mark.parametrize("case", [*THREES[:8], *OTHERS, *UNREACHED], ids=str)
def test_direct_convolution_a_few_rows_at_a_time(
    case: Case, guarded: Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(convolution, "use_winograd", False)
    monkeypatch.setattr(direct, "COPY", 2 << 10)
    check(case, guarded, (1, 3))


@pytest.mark.parametrize("case", SMALL, ids=str)
def test_images_of_a_few_pixels(case: Case, guarded: Guarded) -> None:
    assert convolution.takes_small(case.shape())
    check(case, guarded)


@pytest.mark.usefixtures("fresh_plans")
@pytest.mark.parametrize("case", ONE_IMAGE, ids=str)
def test_few_pixels_by_many_weights(case: Case, guarded: Guarded, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not few_plan.fits(case.shape())
    monkeypatch.setattr(few_plan, "WEIGHTS", 0)
    monkeypatch.setattr(convolution, "use_winograd", False)
    assert few_plan.fits(case.shape())
    check(case, guarded)


def test_results_go_through_the_pool(rng: np.random.Generator) -> None:
    """With the true scratch memory and pool, whatever a larger convolution left there."""
    for case in (Case(4, 64, 64, (16, 16), (3, 3), 1, (1, 1)), THREES[3], OTHERS[7], THREES[1], OTHERS[3]):
        check(case, Guarded(), (2,))


def test_unequal_strides_are_refused() -> None:
    shape = Shape(1, (6, 6), 3, (2, 4), 3, (3, 3), (2, 1), (0, 0), (1, 1))
    x, weight, dy = np.zeros((1, 6, 6, 3), "f"), np.zeros((3, 3, 3, 3), "f"), np.zeros((1, 2, 4, 3), "f")
    for call in (
        lambda: convolution.convolve(x, weight, None, shape),
        lambda: convolution.grad_weight(x, dy, shape),
    ):
        with pytest.raises(NotImplementedError, match=r"stride \(2, 1\)"):
            call()


def check_few() -> None:
    """Check some convolutions of each kind: in processes of their own, with other instructions."""
    patch = pytest.MonkeyPatch()
    for use_winograd in (True, False):
        patch.setattr(convolution, "use_winograd", use_winograd)
        for case in FEW:
            memory = Guarded()
            memory.replace(patch)
            check(case, memory, (2,))
            memory.check()
    patch.setattr(few_plan, "WEIGHTS", 0)
    forget_plans()
    for case in ONE_IMAGE:
        memory = Guarded()
        memory.replace(patch)
        check(case, memory, (2,))
        memory.check()
    print(convolution.lanes(), end="")


@pytest.mark.parametrize("isa", ["avx2", "sse"])
def test_fewer_instructions(isa: str) -> None:
    code = "from tests.kernels.cpu.test_convolution import check_few; check_few()"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, "TINYNET_ISA": isa}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) <= {"avx2": 8, "sse": 4}[isa]


@pytest.mark.parametrize("choice, expected", [("auto", "True"), ("direct", "False")])
def test_the_environment_chooses_the_algorithm(choice: str, expected: str) -> None:
    done = run_with_choice(choice)
    assert (done.returncode, done.stdout) == (0, expected), done.stderr


def test_a_wrong_algorithm_is_named() -> None:
    done = run_with_choice("winograd")
    assert done.returncode != 0
    assert "TINYNET_CONV is 'winograd'; it must be 'auto' or 'direct'" in done.stderr


def run_with_choice(choice: str) -> subprocess.CompletedProcess[str]:
    code = "from tinynet.kernels.cpu.codegen import convolution; print(convolution.use_winograd, end='')"
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "TINYNET_CONV": choice},
        capture_output=True,
        text=True,
    )
