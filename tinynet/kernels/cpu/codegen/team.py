"""A team of threads that runs compiled kernels: thread 0 is the caller, the others wait for work in machine code.

A call through Python's own thread pool takes about 100 us, as long as a small kernel runs. Here the caller writes down
the work, raises a counter, does its own share, and waits until the others have counted themselves off: about 2 us.
The others look at the counter for a while (SPINS) and then sleep on a POSIX condition; the caller wakes them if there
are any sleepers. Several kernels can be given at once: nobody starts the next before all have finished the last.
Where there are no POSIX threads (Windows) the shares of a kernel run in Python's threads.

The state all share, 64-bit words, each on a cache line of its own (words 0, 8, 16, ...):
    ticket    number of the work times 65536, plus how many threads take part in it: one word, so that it is read whole
    arrived   how many times a thread has finished a kernel of the present work
    sleepers  how many threads sleep on the condition
    steps     address of the kernels, then their number: pairs of function and arguments
    mutex, condition: POSIX's own objects
"""

from __future__ import annotations

import atexit
import ctypes
import functools
import itertools
import os
import threading
from collections.abc import Callable, Sequence
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir

from tinynet.kernels.cpu.codegen import compiler
from tinynet.kernels.cpu.codegen.language import I32, I64, POINTER
from tinynet.threads import hold_blas, in_parallel

TICKET, ARRIVED, SLEEPERS, STEPS, COUNT, MUTEX, CONDITION, WORDS = 0, 8, 16, 24, 25, 32, 48, 80
SPINS = 40000
"""Looks at the counter before a thread sleeps: about 1 ms, longer than Python takes between two kernels.

To wake it takes 30 us, as long as many a kernel runs.
"""
YIELD_EVERY = 1000
"""Looks at the counter between offers to let another thread run, about 25 us: free cores may be fewer than threads.

With 8 threads on 2 cores four small kernels take 1.3 ms, and 15 ms if a thread that waits keeps its core for 500 us.
"""
TICKET_BITS = 16
"""Bits of a ticket that count threads."""
POSIX = (
    "pthread_mutex_lock",
    "pthread_mutex_unlock",
    "pthread_cond_wait",
    "pthread_cond_broadcast",
    "sched_yield",
)
"""What the machine code calls: LLVM ends the process if it does not find one of them."""
KERNEL = ir.FunctionType(ir.VoidType(), [I64, I64, POINTER])
KERNEL_IN_PYTHON = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, ctypes.c_void_p)

Step = tuple[int, Any]
"""The address of a kernel, and its arguments as a ctypes array of 64-bit words."""


class _Writer:
    """Writes the two functions of the team as LLVM instructions."""

    def __init__(self, module: ir.Module, name: str, result: Any, parameters: list[Any]) -> None:
        self.module = module
        self.function = ir.Function(module, ir.FunctionType(result, parameters), name)
        self.builder = ir.IRBuilder(self.function.append_basic_block("entry"))
        self.state = self.function.args[0]

    def word(self, index: int) -> Any:
        return self.builder.gep(self.state, [ir.Constant(I64, index)], source_etype=I64)

    def read(self, index: int) -> Any:
        return self.builder.load_atomic(self.word(index), "seq_cst", 8, typ=I64)

    def call(self, name: str, arguments: list[Any]) -> None:
        function = self.module.globals.get(name) or ir.Function(
            self.module, ir.FunctionType(I32, [argument.type for argument in arguments]), name
        )
        self.builder.call(function, arguments)

    def pause(self) -> None:
        """Tell the CPU that this is a loop that waits; "isb" takes about as long on Arm as "pause" does on x86."""
        kind = ir.FunctionType(ir.VoidType(), [])
        family = llvm.get_default_triple().partition("-")[0]
        text = {"x86_64": "pause", "i686": "pause", "aarch64": "isb", "arm64": "isb"}.get(family, "")
        self.builder.asm(kind, text, "~{memory}", [], side_effect=True)

    def block(self, name: str) -> Any:
        return self.function.append_basic_block(name)

    def spin(self, done: Callable[[], Any], limit: int | None) -> Any:
        """Wait until done() holds; with a limit, return the block reached after so many looks.

        After every YIELD_EVERY looks let other threads run.
        """
        builder = self.builder
        before, loop, again, after = (
            builder.block,
            self.block("spin"),
            self.block("again"),
            self.block("done"),
        )
        offer, tired = self.block("offer"), self.block("tired") if limit else None
        builder.branch(loop)
        builder.position_at_end(loop)
        looks = builder.phi(I64)
        looks.add_incoming(ir.Constant(I64, 0), before)
        builder.cbranch(done(), after, again)
        builder.position_at_end(again)
        self.pause()
        more = builder.add(looks, ir.Constant(I64, 1))
        looks.add_incoming(more, again)
        rest = builder.urem(more, ir.Constant(I64, YIELD_EVERY))
        builder.cbranch(builder.icmp_signed("==", rest, ir.Constant(I64, 0)), offer, loop)
        builder.position_at_end(offer)
        self.call("sched_yield", [])
        looks.add_incoming(more, offer)
        if tired is None:
            builder.branch(loop)
        else:
            builder.cbranch(builder.icmp_signed("<", more, ir.Constant(I64, limit)), loop, tired)
        builder.position_at_end(after)
        return tired

    def work(self, thread: Any, threads: Any, wait_at_end: bool) -> None:
        """Run every step as one of the threads, with a meeting of all between two steps, and at the end if wanted."""
        builder = self.builder
        steps = builder.load(self.word(STEPS), typ=POINTER)
        count = builder.load(self.word(COUNT), typ=I64)
        before, loop, after = builder.block, self.block("step"), self.block("finished")
        builder.branch(loop)
        builder.position_at_end(loop)
        i = builder.phi(I64)
        i.add_incoming(ir.Constant(I64, 0), before)
        pair = builder.gep(steps, [builder.mul(i, ir.Constant(I64, 2))], source_etype=I64)
        kernel = builder.inttoptr(builder.load(pair, typ=I64), ir.PointerType(KERNEL))
        arguments = builder.load(builder.gep(pair, [ir.Constant(I64, 1)], source_etype=I64), typ=POINTER)
        builder.call(kernel, [thread, threads, arguments])
        builder.atomic_rmw("add", self.word(ARRIVED), ir.Constant(I64, 1), "seq_cst")
        following = builder.add(i, ir.Constant(I64, 1))
        goal = builder.mul(following, threads)
        last = builder.icmp_signed("==", following, count)
        meet = self.block("meet")
        if wait_at_end:
            builder.branch(meet)
        else:
            builder.cbranch(last, after, meet)
        builder.position_at_end(meet)
        self.spin(lambda: builder.icmp_signed(">=", self.read(ARRIVED), goal), None)
        i.add_incoming(following, builder.block)
        builder.cbranch(last, after, loop)
        builder.position_at_end(after)


def _write_team() -> str:
    """Return the text of both functions."""
    module = ir.Module("tinynet_team")
    _write_run(_Writer(module, "team_run", ir.VoidType(), [POINTER, POINTER, I64, I64]))
    _write_worker(_Writer(module, "team_worker", ir.VoidType(), [POINTER, I64]))
    return str(module)


def _write_run(writer: _Writer) -> None:
    """team_run(state, steps, count, threads): the caller's side."""
    builder = writer.builder
    _, steps, count, threads = writer.function.args
    builder.store(builder.ptrtoint(steps, I64), writer.word(STEPS))
    builder.store(count, writer.word(COUNT))
    builder.atomic_rmw("xchg", writer.word(ARRIVED), ir.Constant(I64, 0), "seq_cst")
    ticket = builder.load(writer.word(TICKET), typ=I64)
    number = builder.add(builder.lshr(ticket, ir.Constant(I64, TICKET_BITS)), ir.Constant(I64, 1))
    new = builder.or_(builder.shl(number, ir.Constant(I64, TICKET_BITS)), threads)
    builder.atomic_rmw("xchg", writer.word(TICKET), new, "seq_cst")
    wake, go = writer.block("wake"), writer.block("go")
    builder.cbranch(builder.icmp_signed(">", writer.read(SLEEPERS), ir.Constant(I64, 0)), wake, go)
    builder.position_at_end(wake)
    writer.call("pthread_mutex_lock", [writer.word(MUTEX)])
    writer.call("pthread_cond_broadcast", [writer.word(CONDITION)])
    writer.call("pthread_mutex_unlock", [writer.word(MUTEX)])
    builder.branch(go)
    builder.position_at_end(go)
    lead, end = writer.block("lead"), writer.block("end")
    builder.cbranch(builder.icmp_signed(">", count, ir.Constant(I64, 0)), lead, end)
    builder.position_at_end(lead)
    writer.work(ir.Constant(I64, 0), threads, wait_at_end=True)
    builder.branch(end)
    builder.position_at_end(end)
    builder.ret_void()


def _write_worker(writer: _Writer) -> None:
    """team_worker(state, index): wait for work, take part, wait again; return when a ticket of 0 threads comes."""
    builder = writer.builder
    _, index = writer.function.args
    entry, wait = builder.block, writer.block("wait")
    builder.branch(wait)
    builder.position_at_end(wait)
    last = builder.phi(I64)
    last.add_incoming(ir.Constant(I64, 0), entry)

    def changed() -> Any:
        return builder.icmp_signed("!=", writer.read(TICKET), last)

    tired = writer.spin(changed, SPINS)
    awake = writer.block("awake")
    builder.branch(awake)
    builder.position_at_end(tired)
    one = ir.Constant(I64, 1)
    writer.call("pthread_mutex_lock", [writer.word(MUTEX)])
    builder.atomic_rmw("add", writer.word(SLEEPERS), one, "seq_cst")
    look, sleep, rise = writer.block("look"), writer.block("sleep"), writer.block("rise")
    builder.branch(look)
    builder.position_at_end(look)
    builder.cbranch(changed(), rise, sleep)
    builder.position_at_end(sleep)
    writer.call("pthread_cond_wait", [writer.word(CONDITION), writer.word(MUTEX)])
    builder.branch(look)
    builder.position_at_end(rise)
    builder.atomic_rmw("sub", writer.word(SLEEPERS), one, "seq_cst")
    writer.call("pthread_mutex_unlock", [writer.word(MUTEX)])
    builder.branch(awake)
    builder.position_at_end(awake)
    ticket = writer.read(TICKET)
    threads = builder.and_(ticket, ir.Constant(I64, (1 << TICKET_BITS) - 1))
    stop, decide, take = writer.block("stop"), writer.block("decide"), writer.block("take")
    builder.cbranch(builder.icmp_signed("==", threads, ir.Constant(I64, 0)), stop, decide)
    builder.position_at_end(decide)
    last.add_incoming(ticket, decide)
    builder.cbranch(builder.icmp_signed("<", index, threads), take, wait)
    builder.position_at_end(take)
    writer.work(index, threads, wait_at_end=False)
    last.add_incoming(ticket, builder.block)
    builder.branch(wait)
    builder.position_at_end(stop)
    builder.ret_void()


class Team:
    """The threads of one process: they start when first needed, and end with it."""

    def __init__(self) -> None:
        memory = (ctypes.c_int64 * (WORDS + 8))()
        address = ctypes.addressof(memory)
        self._memory, self._state = memory, address + -address % 64
        self._threads: list[threading.Thread] = []
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._ended = False
        libc = _libc()
        self.has_threads = libc is not None
        if libc is None:
            return
        libc.pthread_mutex_init(ctypes.c_void_p(self._state + 8 * MUTEX), None)
        libc.pthread_cond_init(ctypes.c_void_p(self._state + 8 * CONDITION), None)
        run, engine = compiler.function("team_run", _write_team)
        worker = engine.get_function_address("team_worker")
        self._run = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_void_p, ctypes.c_int64, ctypes.c_int64)(
            run
        )
        self._worker = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64)(worker)

    def run(self, steps: Sequence[Step], threads: int) -> None:
        """Run kernels one after the other, each on that many threads at once; return when all have finished.

        Raises:  RuntimeError: the system does not start that many threads; nothing has run
        """
        if not self.has_threads or self._ended:
            self._run_in_python(steps, threads)
            return
        if not steps:
            return
        if threads >= 1 << TICKET_BITS:
            raise RuntimeError(f"cannot run kernels in {threads} threads: at most {(1 << TICKET_BITS) - 1}")
        count = len(steps)
        words = (ctypes.c_void_p * (2 * count))()
        for i, (kernel, arguments) in enumerate(steps):
            words[2 * i], words[2 * i + 1] = kernel, ctypes.addressof(arguments)
        with self._lock:
            while len(self._threads) < threads - 1:
                self._start()
            self._run(self._state, words, count, threads)

    def _run_in_python(self, steps: Sequence[Step], threads: int) -> None:
        """Run the shares of each kernel without a team: in Python's threads, or in turn when the process ends."""
        for kernel, arguments in steps:
            function = KERNEL_IN_PYTHON(kernel)

            def work(part: slice, function: Any = function, arguments: Any = arguments) -> None:
                for thread in range(part.start, part.stop):
                    function(thread, threads, ctypes.addressof(arguments))

            if self._ended:
                work(slice(0, threads))
            else:
                in_parallel(work, threads)

    def _start(self) -> None:
        """Start one thread. An interrupt may come when it runs and is not yet counted: one too many does no harm."""
        thread = threading.Thread(target=self._serve, name="tinynet-kernel", daemon=True)
        thread.start()
        self._threads.append(thread)

    def _serve(self) -> None:
        self._worker(self._state, next(self._numbers))

    def stop(self) -> None:
        """End the threads: before the memory of their machine code goes. What runs later does so without them."""
        with self._lock:
            self._ended = True
            if self._threads:
                self._run(self._state, None, 0, 0)
                for thread in self._threads:
                    thread.join()
                self._threads.clear()


def _libc() -> Any:
    """Return the process's C library if it has POSIX threads, else None."""
    try:
        libc = ctypes.CDLL(None)
        for name in (*POSIX, "pthread_mutex_init", "pthread_cond_init"):
            getattr(libc, name)
    except (TypeError, OSError, AttributeError):
        return None
    return libc


@functools.cache
def team() -> Team:
    """Return the team of this process; from now on BLAS has one thread (tinynet/threads.py says why)."""
    hold_blas()
    made = Team()
    atexit.register(made.stop)
    return made


def _forget_after_fork() -> None:
    """Threads do not survive a fork: the child makes a team of its own."""
    if team.cache_info().currsize:
        atexit.unregister(team().stop)
        team.cache_clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_forget_after_fork)
