"""The number of threads, and work shared among them."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Callable

import numpy as np
import pytest

import tinynet as tn
from tinynet.threads import available_cores, in_parallel


def run(code: str) -> list[str]:
    """Run code in a process of its own, since BLAS is held once and for all, and return the lines it prints."""
    start = textwrap.dedent("""
        import numpy, tinynet as tn
        from threadpoolctl import threadpool_info
        from tinynet.threads import in_parallel
        def blas():
            return sorted({pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"})
    """)
    done = subprocess.run(
        [sys.executable, "-c", start + textwrap.dedent(code)],
        env={**os.environ, "TINYNET_KERNELS": "auto"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_the_number_is_given_to_blas_until_work_is_shared() -> None:
    code = """
        tn.set_num_threads(2)
        print(tn.get_num_threads(), blas())
        print(in_parallel(lambda part: blas(), 2), blas())
        tn.set_num_threads(3)
        print(tn.get_num_threads(), blas())
    """
    assert run(code) == ["2 [2]", "[[1], [1]] [1]", "3 [1]"]


def test_generic_kernels_leave_blas_its_threads() -> None:
    code = """
        from tinynet import kernels
        tn.set_num_threads(2)
        x = tn.ones(4, 2, 6, 6, requires_grad=True)
        with kernels.generic_only():
            tn.nn.Conv2d(2, 3, 3)(x).sum().backward()
        print(blas())
        tn.nn.Conv2d(2, 3, 3)(x).sum().backward()
        print(blas())
    """
    assert run(code) == ["[2]", "[1]"]


def test_compiled_kernels_hold_blas_to_one_thread() -> None:
    code = """
        tn.set_num_threads(2)
        print(blas())
        tn.nn.functional.max_pool2d(tn.ones(4, 16, 16, 16), 2)
        print(blas())
    """
    assert run(code) == ["[2]", "[1]"]


def test_all_cores_are_the_default() -> None:
    assert run("print(tn.get_num_threads())") == [str(available_cores())]
    assert available_cores() <= (os.cpu_count() or 1)


@pytest.mark.parametrize(
    "count, error", [(0, RuntimeError), (-1, RuntimeError), (1.5, TypeError), (True, TypeError)]
)
def test_a_bad_number_is_refused(count: int, error: type[Exception]) -> None:
    with pytest.raises(error, match="set_num_threads expects"):
        tn.set_num_threads(count)


@pytest.mark.parametrize("threads", [1, 2, 3, 8])
@pytest.mark.parametrize("items", [0, 1, 5])
def test_every_item_is_worked_on_once_in_order(
    threads: int, items: int, num_threads: Callable[[int], None]
) -> None:
    num_threads(threads)
    parts = in_parallel(lambda part: list(range(items))[part], items)
    assert [item for part in parts for item in part] == list(range(items))
    assert len(parts) == max(1, min(threads, items))


def test_an_error_in_a_thread_comes_out(num_threads: Callable[[int], None]) -> None:
    num_threads(2)
    with pytest.raises(ZeroDivisionError):
        in_parallel(lambda part: 1 // part.start, 2)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.filterwarnings(
    "ignore::DeprecationWarning"
)  # Python 3.12 warns of forking beside threads, as we do here
def test_a_forked_child_gets_threads_of_its_own(num_threads: Callable[[int], None]) -> None:
    num_threads(2)
    in_parallel(lambda part: None, 2)
    child = os.fork()
    if child == 0:
        total = sum(in_parallel(lambda part: int(np.arange(4)[part].sum()), 4))
        os._exit(0 if total == 6 else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
