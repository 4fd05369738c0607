"""The number of threads, and work shared among them."""

from __future__ import annotations

import os
from collections.abc import Callable

import numpy as np
import pytest
from threadpoolctl import threadpool_info

import tinynet as tn
from tinynet.threads import available_cores, in_parallel


def blas_threads() -> set[int]:
    """The thread counts of NumPy's BLAS: torch, loaded beside it in the tests, brings one of its own."""
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def test_the_number_is_kept_and_given_to_blas(num_threads: Callable[[int], None]) -> None:
    num_threads(2)
    assert tn.get_num_threads() == 2
    assert blas_threads() == {2}
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


def test_blas_has_one_thread_while_the_work_is_shared_and_all_again_after(
    num_threads: Callable[[int], None],
) -> None:
    num_threads(2)
    inside = in_parallel(lambda part: blas_threads(), 2)
    assert inside == [{1}, {1}]
    assert blas_threads() == {2}


def test_an_error_in_a_thread_comes_out(num_threads: Callable[[int], None]) -> None:
    num_threads(2)
    with pytest.raises(ZeroDivisionError):
        in_parallel(lambda part: 1 // part.start, 2)
    assert blas_threads() == {2}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.filterwarnings(
    "ignore::DeprecationWarning"
)  # Python 3.12 warns of forking with threads, as we do
def test_a_forked_child_gets_threads_of_its_own(num_threads: Callable[[int], None]) -> None:
    num_threads(2)
    in_parallel(lambda part: None, 2)
    child = os.fork()
    if child == 0:
        total = sum(in_parallel(lambda part: int(np.arange(4)[part].sum()), 4))
        os._exit(0 if total == 6 else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
