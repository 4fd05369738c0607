"""The pool of memory: what lives is never handed out again, and what is dead is, or goes back to the system."""

from __future__ import annotations

import gc
import os
import subprocess
import sys
import textwrap
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from tinynet import memory as pool
from tinynet.kernels.cpu.codegen import program
from tinynet.memory import MINIMUM, empty

SIZE = MINIMUM // 4


@pytest.fixture(autouse=True)
def nothing_waits() -> Iterator[None]:
    gc.collect()
    pool.release()
    yield
    pool.release()


def address(array: np.ndarray) -> int:
    return int(array.__array_interface__["data"][0])


@pytest.mark.parametrize("floats", [0, 1, SIZE - 1, SIZE, SIZE + 1, 3 * SIZE, 1_000_003])
def test_shapes_and_sizes(floats: int) -> None:
    array = empty(floats)
    assert (array.shape, array.dtype) == ((floats,), np.float32)
    assert array.flags.c_contiguous
    assert array.flags.writeable
    array[:] = 7
    pages = array.base is not None
    assert pages == (4 * floats >= MINIMUM)
    assert not pages or address(array) % 4096 == 0
    del array
    waiting = pool.unused_bytes()
    assert (4 * floats <= waiting <= 4 * floats * 9 / 8 + 4096) if pages else waiting == 0


def test_shape_may_have_any_number_of_axes() -> None:
    assert empty(2, 3, 64, 64).shape == (2, 3, 64, 64)
    assert empty(0, 1 << 20).shape == (0, 1 << 20)
    assert empty().shape == ()


def test_dead_memory_is_used_again_the_last_first() -> None:
    first, second = empty(SIZE), empty(SIZE)
    places = address(first), address(second)
    assert places[0] != places[1]
    del first, second
    again = [empty(SIZE), empty(SIZE)]
    assert [*map(address, again)] == [*places[::-1]]
    assert pool.unused_bytes() == 0
    again.clear()
    assert pool.unused_bytes() == 2 * MINIMUM


def test_sizes_alike_share_blocks() -> None:
    place = address(empty(40 * SIZE))
    assert address(empty(39 * SIZE)) == place


VIEWS: dict[str, Callable[[np.ndarray], object]] = {
    "the array": lambda x: x,
    "slice": lambda x: x[3:5],
    "slice of slices": lambda x: x[1:][::2][0:1],
    "transpose": lambda x: x.T,
    "reshape": lambda x: x.reshape(-1),
    "other dtype": lambda x: x.view(np.int32),
    "row": lambda x: x[0],
    "broadcast": lambda x: np.broadcast_to(x, (2, *x.shape)),
    "strides": lambda x: np.lib.stride_tricks.as_strided(x, (2, 2), (4, 4)),
    "memoryview": memoryview,
    "array of memoryview": lambda x: np.asarray(memoryview(x)),
    "frombuffer": lambda x: np.frombuffer(x.reshape(-1), np.uint8),
    "iterator": lambda x: iter(x.flat),
    "dlpack": np.from_dlpack,
    "the block": lambda x: x.base,
    "part of the block": lambda x: x.base[10:20],
}


@pytest.mark.parametrize("view", VIEWS)
def test_memory_lives_as_long_as_the_last_view(view: str) -> None:
    array = empty(64, SIZE // 64)
    place, kept = address(array), VIEWS[view](array)
    del array
    others = [empty(64, SIZE // 64) for _ in range(3)]
    assert place not in map(address, others)
    assert pool.unused_bytes() == 0
    del kept
    gc.collect()
    assert pool.unused_bytes() == MINIMUM
    assert address(empty(SIZE)) == place


def test_torch_and_numpy_share_memory() -> None:
    torch = pytest.importorskip("torch")
    array = empty(SIZE)
    place, tensor = address(array), torch.from_numpy(array)
    del array
    part = tensor[5:]
    del tensor
    assert address(empty(SIZE)) != place
    gc.collect()
    pool.release()
    del part
    assert address(empty(SIZE)) == place


def test_a_cycle_keeps_memory_until_it_is_collected() -> None:
    class Node:
        pass

    node = Node()
    node.me, node.array = node, empty(SIZE)  # type: ignore[attr-defined]
    place = address(node.array)  # type: ignore[attr-defined]
    del node
    gc.collect()
    assert address(empty(SIZE)) == place


def test_two_full_collections_give_unused_memory_back() -> None:
    used, array = empty(SIZE), empty(8 * SIZE)
    del array
    gc.collect(1)
    assert pool.unused_bytes() == 8 * MINIMUM
    gc.collect()
    del used
    assert pool.unused_bytes() == 9 * MINIMUM
    gc.collect()
    assert pool.unused_bytes() == MINIMUM, "used since the collection before"
    gc.collect()
    assert pool.unused_bytes() == 0


def test_scratch_memory_is_given_back_too() -> None:
    scratch = program.Scratch()
    lost, kept = weakref.ref(scratch("lost", 100)), scratch("kept", 100)
    assert scratch("kept", 50) is kept
    assert scratch("kept", 200) is not kept
    gc.collect()
    scratch("kept", 1)
    assert lost() is not None
    gc.collect()
    assert lost() is None
    assert scratch("kept", 200).size == 200
    gc.callbacks.remove(scratch._after_collection)


def test_scratch_memory_for_several_uses_is_that_of_each() -> None:
    scratch = program.Scratch()
    needs = ("a", 100), ("b", 50)
    found = scratch.together(needs)
    assert found[0] is scratch("a", 100)
    assert found[1] is scratch("b", 50)
    assert scratch.together(needs) is found
    grown = scratch("a", 200)
    assert scratch.together(needs)[0] is grown
    assert scratch.together(needs)[1] is found[1]
    gc.collect()
    lost = weakref.ref(scratch.together(needs)[1])
    del found
    gc.collect()
    assert lost() is not None, "used since the collection before"
    gc.collect()
    assert lost() is None
    gc.callbacks.remove(scratch._after_collection)


def test_each_python_thread_has_scratch_memory_of_its_own() -> None:
    barrier = threading.Barrier(2)

    def take(_: int) -> int:
        barrier.wait(10)
        return address(program.scratch("test", 100))

    with ThreadPoolExecutor(2) as executor:
        assert len({*executor.map(take, range(2)), take_here()}) == 3


def take_here() -> int:
    return address(program.scratch("test", 100))


def test_no_memory_is_a_memory_error() -> None:
    with pytest.raises(MemoryError, match=r"cannot get \d+ bytes of memory"):
        empty(1 << 52)


def test_threads_take_and_leave_blocks_at_once() -> None:
    """Each thread finds its own number in its arrays all the time, while full collections run."""
    failures, ends = [], threading.Event()

    def work(number: int) -> None:
        generator = np.random.default_rng(number)
        held: list[np.ndarray] = []
        while not ends.is_set():
            array = empty(int(generator.integers(1, 4)) * SIZE)
            array[::512] = number
            held.append(array)
            if len(held) > 5:
                dead = held.pop(int(generator.integers(5)))
                failures.extend([number] if (dead[::512] != number).any() else [])

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    for thread in threads:
        thread.start()
    for _ in range(300):
        pool._after_collection("stop", {"generation": 2})
        time.sleep(1e-3)
    ends.set()
    for thread in threads:
        thread.join()
    sys.setswitchinterval(before)
    assert failures == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_forked_child_does_not_write_into_its_parents_arrays() -> None:
    array = empty(SIZE)
    array[:] = 1
    child = os.fork()
    if child == 0:
        array[:] = 2
        os._exit(0)
    os.waitpid(child, 0)
    assert (array == 1).all()


def output(code: str) -> str:
    start = "import gc, sys\nfrom tinynet.memory import empty, unused_bytes\n"
    command = [sys.executable, "-c", start + textwrap.dedent(code)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.skipif(
    not os.path.exists("/proc/self/statm"), reason="the system does not tell its memory in /proc"
)
def test_the_process_shrinks() -> None:
    code = """
        def resident():
            with open("/proc/self/statm") as file:
                return int(file.read().split()[1]) * 4096 >> 20
        before = resident()
        arrays = [empty(1 << 20) for _ in range(25)]
        for array in arrays:
            array[:] = 1
        full = resident()
        del array, arrays
        kept = resident()
        gc.collect(), gc.collect()
        print(full - before, kept - before, resident() - before)
    """
    full, kept, after = map(int, output(code).split())
    assert full >= 100
    assert kept >= 100
    assert after < 10


def test_the_process_ends_quietly_with_arrays_alive() -> None:
    code = """
        import builtins, threading, numpy
        class Node: pass
        node = Node()
        node.me, node.array = node, empty(1 << 20)
        array = empty(1 << 20)
        numpy.kept = builtins.kept = sys.kept = [empty(1 << 20)]
        sys.modules["gc"].kept = empty(1 << 20)
        def function(default=empty(1 << 20)): pass
        def hold(array=empty(1 << 20)):
            threading.Event().wait()
        threading.Thread(target=hold, daemon=True).start()
    """
    assert output(code) == ""


def test_rounding_wastes_at_most_an_eighth() -> None:
    for size in (MINIMUM, MINIMUM + 1, 100_000, (1 << 20) + 1, 123_456_789):
        rounded = pool._block_size((size,), np.uint8)
        assert size <= rounded <= size * 9 / 8 + 4096
        assert rounded % 4096 == 0
