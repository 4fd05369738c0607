"""The language of kernels: what it writes computes what Python and NumPy compute."""

from __future__ import annotations

import ctypes
import mmap
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from tests.kernels.cpu.machine import run, whole_numbers
from tinynet.kernels.cpu.codegen.language import Code, Int, Vector
from tinynet.kernels.cpu.codegen.layout import transpose

LANES = (4, 8, 16)
GUARD = -77.0


def visited(write: Callable[[Code, Callable[[Int], None]], None], *given: int) -> list[int]:
    """Return the numbers that a kernel with loops visits, in order."""
    seen = np.full(64 * 4, np.nan, np.float32)

    def kernel(code: Code) -> None:
        ruler, out = code.pointers(2)
        count = code.variable(code.int(0))

        def visit(number: Int) -> None:
            (out + count.get() * code.lanes).store((ruler + number).broadcast())
            count.set(count.get() + 1)

        write(code, visit, *code.integers(len(given)))  # type: ignore[call-arg]

    run(kernel, np.arange(1000, dtype=np.float32), seen, *given, lanes=4)
    return [int(number) for number in seen[::4] if not np.isnan(number)]


@pytest.mark.parametrize(
    "bounds", [(0,), (1,), (7,), (3, 3), (5, 2), (2, 9), (0, 10, 3), (1, 10, 3), (4, 5, 100), (0, 60, 1)]
)
def test_a_loop_visits_what_range_does(bounds: tuple[int, ...]) -> None:
    def at_run_time(code: Code, visit: Callable[[Int], None], *given: Int) -> None:
        for i in code.range(*given):
            visit(i)

    def written_down(code: Code, visit: Callable[[Int], None]) -> None:
        for i in code.range(*bounds):
            visit(i)

    assert visited(at_run_time, *bounds) == list(range(*bounds))
    assert visited(written_down) == list(range(*bounds))


def test_loops_nest_and_run_inside_when() -> None:
    def kernel(code: Code, visit: Callable[[Int], None], rows: Int, columns: Int) -> None:
        for i in code.range(rows):
            with code.when(i.equals(1)):
                for j in code.range(columns):
                    visit(i * 10 + j)
                    with code.when(j >= 1):
                        visit(i * 10 + j + 100)
            for j in code.range(i):
                visit(i * 10 + j)
        visit(rows)

    assert visited(kernel, 3, 2) == [10, 11, 111, 10, 20, 21, 3]
    assert visited(kernel, 1, 2) == [1]
    assert visited(kernel, 3, 0) == [10, 20, 21, 3]


@pytest.mark.parametrize("a, b", [(0, 1), (7, 3), (3, 7), (12, 4), (1, 1), (25, 6)])
def test_whole_numbers_compute_as_in_python(a: int, b: int) -> None:
    def compute(code: Code, x: Int, y: Int) -> Sequence[Int]:
        return [
            *(x + y, x - y, x * y, x // y, x % y, x.minimum(y), x.maximum(y)),
            *(
                x + 5,
                5 + x,
                x + 0,
                x - 5,
                5 - x,
                x * 3,
                3 * x,
                x * 1,
                x // 2,
                x % 2,
                x.minimum(4),
                x.maximum(4),
            ),
        ]

    expected = [
        *(a + b, a - b, a * b, a // b, a % b, min(a, b), max(a, b)),
        *(a + 5, 5 + a, a, a - 5, 5 - a, a * 3, 3 * a, a, a // 2, a % 2, min(a, 4), max(a, 4)),
    ]
    assert whole_numbers(compute, a, b) == expected


@pytest.mark.parametrize("a, b", [(0, 0), (-3, 2), (2, -3), (5, 5), (-4, -5)])
def test_whole_numbers_compare_as_in_python(a: int, b: int) -> None:
    def compute(code: Code, x: Int, y: Int) -> Sequence[Int]:
        found = []
        for condition in (x < y, x >= y, x.equals(y), x < 2, x >= 2, x.equals(2)):
            answer = code.variable(code.int(0))
            with code.when(condition):
                answer.set(code.int(1))
            found.append(answer.get())
        return found

    assert whole_numbers(compute, a, b) == [a < b, a >= b, a == b, a < 2, a >= 2, a == 2]


@pytest.mark.parametrize("a, b", [(0, 0), (-3, 2), (2, -3)])
def test_whole_numbers_and_places_are_chosen_by_comparison(a: int, b: int) -> None:
    def compute(code: Code, x: Int, y: Int) -> Sequence[Int]:
        return [x.where(x < y, y), x.where(x >= y, 7)]

    assert whole_numbers(compute, a, b) == [min(a, b), a if a >= b else 7]
    found = np.zeros(4, np.float32)

    def kernel(code: Code) -> None:
        one, other, out = code.pointers(3)
        x, y = code.integers(2)
        out.store(one.where(x < y, other).load())

    run(kernel, np.ones(4, np.float32), np.full(4, 2, np.float32), found, a, b, lanes=4)
    assert found.tolist() == [1 if a < b else 2] * 4


ARITHMETIC: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda x, y: x + y,
    "subtract": lambda x, y: x - y,
    "multiply": lambda x, y: x * y,
    "divide": lambda x, y: x / y,
    "add a number": lambda x, y: x + 1.5,
    "add to a number": lambda x, y: 1.5 + x,
    "multiply by a number": lambda x, y: x * -2.0,
    "multiply a number": lambda x, y: -2.0 * x,
    "subtract a number": lambda x, y: x - 0.25,
    "divide by a number": lambda x, y: x / 4.0,
}


@pytest.mark.parametrize("lanes", LANES)
@pytest.mark.parametrize("operation", ARITHMETIC)
def test_vectors_compute_as_numpy(operation: str, lanes: int, rng: np.random.Generator) -> None:
    x, y = rng.standard_normal((2, lanes)).astype(np.float32)
    out = np.zeros(lanes, np.float32)

    def kernel(code: Code) -> None:
        a, b, c = code.pointers(3)
        c.store(ARITHMETIC[operation](a.load(), b.load()))

    run(kernel, x, y, out, lanes=lanes)
    np.testing.assert_array_equal(out, ARITHMETIC[operation](x, y))


@pytest.mark.parametrize("lanes", LANES)
def test_fma_constants_and_square_roots(lanes: int, rng: np.random.Generator) -> None:
    x, y, z = rng.uniform(1, 2, (3, lanes)).astype(np.float32)
    out = np.zeros((3, lanes), np.float32)

    def kernel(code: Code) -> None:
        a, b, c, d = code.pointers(4)
        d.store(code.fma(a.load(), b.load(), c.load()))
        (d + lanes).store(code.constant(0.1))
        (d + 2 * lanes).store(a.load().square_root())

    run(kernel, x, y, z, out, lanes=lanes)
    np.testing.assert_allclose(out[0], x.astype(np.float64) * y + z, rtol=2e-7)
    np.testing.assert_array_equal(out[1], np.full(lanes, 0.1, np.float32))
    np.testing.assert_array_equal(out[2], np.sqrt(x))


@pytest.mark.parametrize("lanes", LANES)
def test_vectors_are_chosen_by_comparison(lanes: int) -> None:
    x = np.resize(np.array([1, -1, 0, np.nan, np.inf, -np.inf], np.float32), lanes)
    out = np.zeros((2, lanes), np.float32)

    def kernel(code: Code) -> None:
        a, b = code.pointers(2)
        value = a.load()
        b.store(value.where(value > 0.0, 5.0))
        (b + lanes).store(value.where(value.not_at_most(0.0), code.zero))

    run(kernel, x, out, lanes=lanes)
    np.testing.assert_array_equal(out[0], np.where(x > 0, x, 5))
    np.testing.assert_array_equal(out[1], np.where(x <= 0, 0, x))


@pytest.mark.parametrize("lanes", LANES)
def test_masks_touch_no_other_memory(lanes: int) -> None:
    for count in (-1, 0, *range(1, lanes + 1), lanes + 3):
        kept = min(max(count, 0), lanes)
        x = np.full(3 * lanes, np.nan, np.float32)
        x[lanes : lanes + kept] = np.arange(1, kept + 1)
        out, loaded = np.full(3 * lanes, GUARD, np.float32), np.full(lanes, GUARD, np.float32)

        def kernel(code: Code) -> None:
            a, b, c = code.pointers(3)
            mask = code.first_lanes(code.integers(1)[0])
            vector = a.load(mask)
            b.store(vector, mask)
            c.store(vector)

        run(kernel, x[lanes:], out[lanes:], loaded, count, lanes=lanes)
        np.testing.assert_array_equal(loaded, np.where(np.arange(lanes) < kept, np.arange(1, lanes + 1), 0))
        expected = np.full(3 * lanes, GUARD, np.float32)
        expected[lanes : lanes + kept] = np.arange(1, kept + 1)
        np.testing.assert_array_equal(out, expected)


@pytest.mark.skipif(not hasattr(mmap, "PROT_READ"), reason="the system has no mprotect")
@pytest.mark.parametrize("lanes", LANES)
def test_masks_leave_forbidden_memory_alone(lanes: int) -> None:
    """Reading or writing one lane of the page behind would end the process."""
    page, count = mmap.PAGESIZE, lanes - 1
    memory = np.frombuffer(mmap.mmap(-1, 2 * page), np.float32)
    protect = ctypes.CDLL(None).mprotect
    assert protect(ctypes.c_void_p(memory.ctypes.data + page), ctypes.c_size_t(page), 0) == 0
    last = memory[page // 4 - count : page // 4]
    last[:] = 1

    def kernel(code: Code) -> None:
        (a,) = code.pointers(1)
        mask = code.first_lanes(code.int(count))
        a.store(a.load(mask) + 1.0, mask)

    run(kernel, last, lanes=lanes)
    np.testing.assert_array_equal(last, 2)


@pytest.mark.parametrize("lanes", LANES)
def test_variables_keep_their_values_through_loops(lanes: int, rng: np.random.Generator) -> None:
    x = rng.integers(-9, 9, (5, lanes)).astype(np.float32)
    out = np.zeros(lanes, np.float32)

    def kernel(code: Code) -> None:
        a, b = code.pointers(2)
        (rows,) = code.integers(1)
        total, place = code.variable(code.zero), code.variable(code.int(0))
        for _ in code.range(2):
            for i in code.range(rows):
                total.set(total.get() + (a + place.get()).load())
                with code.when(i.equals(1)):
                    total.set(total.get() * 2.0)
                place.set((place.get() + lanes) % (rows * lanes))
        b.store(total.get())

    run(kernel, x, out, 5, lanes=lanes)
    expected = np.zeros(lanes, np.float32)
    for _ in range(2):
        for i in range(5):
            expected = (expected + x[i]) * (2 if i == 1 else 1)
    np.testing.assert_array_equal(out, expected)


@pytest.mark.parametrize("lanes", LANES)
def test_memory_of_a_kernel_and_broadcast(lanes: int) -> None:
    x = np.arange(lanes, dtype=np.float32)
    out = np.zeros((2, lanes), np.float32)

    def kernel(code: Code) -> None:
        a, b = code.pointers(2)
        first, second = code.buffer(2 * lanes), code.buffer(lanes)
        (first + lanes).store(a.load())
        first.store(code.constant(3.0))
        second.store(code.constant(4.0))
        b.store((first + lanes).load())
        (b + lanes).store((a + 2).broadcast() + second.load())

    run(kernel, x, out, lanes=lanes)
    np.testing.assert_array_equal(out, [x, np.full(lanes, 6)])


def test_tables_of_whole_numbers() -> None:
    table = np.array([5, -600, 0, 77], np.int64)

    found = np.zeros(3 * 4, np.float32)

    def kernel(code: Code) -> None:
        ruler, numbers, out = code.pointers(3)
        (index,) = code.integers(1)
        for k, at in enumerate((0, index, index + 2)):
            (out + k * 4).store((ruler + numbers.integer(at)).broadcast())

    run(kernel, np.arange(-1000, 1000, dtype=np.float32)[1000:], table, found, 1, lanes=4)
    assert found[::4].tolist() == [5, -600, 77]


@pytest.mark.parametrize("lanes", LANES)
def test_transpose(lanes: int) -> None:
    x = np.arange(lanes * lanes, dtype=np.float32).reshape(lanes, lanes)
    out = np.zeros_like(x)

    def kernel(code: Code) -> None:
        a, b = code.pointers(2)
        rows: list[Vector] = [(a + r * lanes).load() for r in range(lanes)]
        for r, vector in enumerate(transpose(code, rows)):
            (b + r * lanes).store(vector)

    run(kernel, x, out, lanes=lanes)
    np.testing.assert_array_equal(out, x.T)


@pytest.mark.parametrize("items", [0, 1, 2, 7, 64])
@pytest.mark.parametrize("parts", [1, 2, 3, 5, 8, 64, 100])
def test_parts_share_all_items_once(items: int, parts: int) -> None:
    counts = np.zeros((items + 1, 4), np.float32)

    def kernel(code: Code) -> None:
        (out,) = code.pointers(1)
        first, end = code.share(code.integers(1)[0])
        for i in code.range(first, end):
            place = out + i * 4
            place.store(place.load() + 1.0)

    run(kernel, counts, items, lanes=4, parts=parts)
    np.testing.assert_array_equal(counts[:items], 1)
    np.testing.assert_array_equal(counts[items:], 0)
