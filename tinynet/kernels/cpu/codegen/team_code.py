"""The machine code of the team: how threads find kernels in the queue, take their parts, and wait (team.py).

The state all share, 64-bit words, each on a cache line of its own (words 0, 8, 16, ...):
    claim     from the highest bits on: number of the present kernel, how many of its parts are taken from the end, and
              how many from the start: one word, so that it is read whole, and a part is taken by exchanging it for the
              next if nobody else has
    finished  parts of the present kernel that have finished; who finishes the last moves on to the next kernel
    published number of kernels that were ever written into the queue, for all to see
    written   number of kernels that were ever written, and head, the number of the last that no other goes before in a
              chain: the caller's own
    sleepers  how many threads sleep on the condition
    stopped   1 if the threads are to end
    left      how many kernels may be left unfinished by team_call, and header, at how many bytes from the start of an
              object in which an array's address stands that is: team_call's, which would take longer to be given them
    queue     address of the queue: a ring of LENGTH entries of ENTRY words, function, arguments, parts, threads, length
    room      address of a ring of LENGTH times MOST_ARGUMENTS words: the arguments of kernels that come from records
    mutex, condition: POSIX's own objects

Of a chain of kernels (chains.py) `length`, in the entry of the first, is how many they are: who takes a part of the
first runs that part of one after the other.

A record is what a kernel is called with again and again (program.py), in 64-bit words: function, parts, threads, the
number of arguments and the arguments, the number of arrays among these and of each two words: which argument is its
address, and which array it is. A piece is how many records follow, and these.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir

from tinynet.kernels.cpu.codegen.language import I32, I64, POINTER

CLAIM, FINISHED, PUBLISHED, SLEEPERS, STOPPED, QUEUE, ROOM, WRITTEN, HEAD = 0, 8, 16, 24, 32, 40, 41, 42, 43
LEFT, HEADER = 44, 45
MUTEX, CONDITION, WORDS = 48, 64, 96
LENGTH = 1024
"""Kernels that the queue has room for, a power of 2."""
ENTRY = 8
"""Words of an entry of the queue: a cache line."""
HOLD, JOIN = 1, 2
"""What team_call is to do: leave the kernels unpublished; let the first be the next of the last chain."""
MOST_ARGUMENTS = 32
"""Arguments of a kernel in a record."""
PART_BITS = 12
"""Bits of `claim` that count parts taken from one side."""
NUMBER = 2 * PART_BITS
"""The bit of `claim` at which the number of the kernel begins."""
SPINS = 40000
"""Looks at the counter before a thread sleeps: about 1 ms, longer than Python takes between two kernels.

To wake it takes 30 us, as long as many a kernel runs.
"""
YIELD_EVERY = 1000
"""Looks at the counter between offers to let another thread run, about 25 us: free cores may be fewer than threads.

With 8 threads on 2 cores four small kernels take 1.3 ms, and 15 ms if a thread that waits keeps its core for 500 us.
"""
POSIX = (
    "pthread_mutex_lock",
    "pthread_mutex_unlock",
    "pthread_cond_wait",
    "pthread_cond_broadcast",
    "sched_yield",
)
"""What the machine code calls: LLVM ends the process if it does not find one of them."""
KERNEL = ir.FunctionType(ir.VoidType(), [I64, I64, I64, POINTER])


class _Writer:
    """Writes the functions of the team as LLVM instructions."""

    def __init__(self, module: ir.Module, name: str, result: Any, parameters: list[Any]) -> None:
        self.module = module
        self.function = ir.Function(module, ir.FunctionType(result, parameters), name)
        self.builder = ir.IRBuilder(self.function.append_basic_block("entry"))
        self.state = self.function.args[0]

    def number(self, value: int) -> Any:
        return ir.Constant(I64, value)

    def word(self, index: int) -> Any:
        return self.builder.gep(self.state, [self.number(index)], source_etype=I64)

    def read(self, index: int) -> Any:
        return self.builder.load_atomic(self.word(index), "seq_cst", 8, typ=I64)

    def write(self, index: int, value: Any) -> None:
        self.builder.atomic_rmw("xchg", self.word(index), value, "seq_cst")

    def is_less(self, a: Any, b: Any) -> Any:
        return self.builder.icmp_signed("<", a, b)

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

    def at_word(self, start: Any, index: Any) -> Any:
        """Return the address of a 64-bit word behind another."""
        return self.builder.gep(start, [index], source_etype=I64)

    def load(self, start: Any, index: Any) -> Any:
        """Return a 64-bit word behind an address."""
        return self.builder.load(self.at_word(start, index), typ=I64)

    def repeat(self, count: Any, body: Callable[[Any], None]) -> None:
        """Write a loop: body(i) for i from 0 to below count."""
        builder, before = self.builder, self.builder.block
        loop, after = self.block("repeat"), self.block("repeated")
        self.branch(self.is_less(self.number(0), count), loop, after)
        self.at(loop)
        i = builder.phi(I64)
        i.add_incoming(self.number(0), before)
        body(i)
        following = builder.add(i, self.number(1))
        i.add_incoming(following, builder.block)
        self.branch(self.is_less(following, count), loop, after)
        self.at(after)

    def branch(self, condition: Any, yes: Any, no: Any) -> None:
        """Go on in one of two blocks, and write into neither yet."""
        self.builder.cbranch(condition, yes, no)

    def at(self, block: Any) -> None:
        self.builder.position_at_end(block)

    def entry(self, number: Any) -> list[Any]:
        """Return function, arguments, parts, threads and length of a kernel in the queue."""
        builder = self.builder
        place = self.place(QUEUE, number, ENTRY)
        words = [self.at_word(place, self.number(i)) for i in range(5)]
        return [builder.load(word, typ=POINTER if i == 1 else I64) for i, word in enumerate(words)]

    def place(self, ring: int, number: Any, words: int) -> Any:
        """Return where in a ring the words of a kernel are."""
        start = self.builder.mul(self.builder.and_(number, self.number(LENGTH - 1)), self.number(words))
        return self.at_word(self.builder.load(self.word(ring), typ=POINTER), start)

    def take_part(self, thread: Any, claim: Any, number: Any, worked: Any, nothing: Any) -> None:
        """Take and run one part of the present kernel, which has been published, and go on in `worked`.

        Threads of even numbers take the first part that is free, those of odd numbers the last: what a core has written
        in one kernel, it mostly reads in the next.

        If there is none for this thread, or another was faster, go on in `nothing`.
        """
        builder, one = self.builder, self.number(1)
        _, _, parts, threads, length = self.entry(number)
        mask, width = self.number((1 << PART_BITS) - 1), self.number(PART_BITS)
        low, high = builder.and_(claim, mask), builder.and_(builder.lshr(claim, width), mask)
        left = builder.sub(parts, builder.add(low, high))
        free = builder.and_(self.is_less(self.number(0), left), self.is_less(thread, threads))
        odd = builder.trunc(thread, ir.IntType(1))
        part = builder.select(odd, builder.sub(builder.sub(parts, one), high), low)
        step = builder.select(odd, builder.shl(one, width), one)
        attempt, run, last = self.block("attempt"), self.block("run"), self.block("last")
        self.branch(free, attempt, nothing)
        self.at(attempt)
        exchanged = builder.cmpxchg(self.word(CLAIM), claim, builder.add(claim, step), "seq_cst")
        self.branch(builder.extract_value(exchanged, 1), run, nothing)
        self.at(run)

        def run_link(i: Any) -> None:
            function, arguments, *_ = self.entry(builder.add(number, i))
            builder.call(builder.inttoptr(function, ir.PointerType(KERNEL)), [thread, part, parts, arguments])

        self.repeat(length, run_link)
        before = builder.atomic_rmw("add", self.word(FINISHED), one, "seq_cst")
        self.branch(builder.icmp_signed("==", builder.add(before, one), parts), last, worked)
        self.at(last)
        self.write(FINISHED, self.number(0))
        self.write(CLAIM, builder.shl(builder.add(number, length), self.number(NUMBER)))
        builder.branch(worked)

    def wake_sleepers(self) -> None:
        """Wake the threads that sleep."""
        wake, after = self.block("wake"), self.block("awake")
        self.branch(self.is_less(self.number(0), self.read(SLEEPERS)), wake, after)
        self.at(wake)
        self.call("pthread_mutex_lock", [self.word(MUTEX)])
        self.call("pthread_cond_broadcast", [self.word(CONDITION)])
        self.call("pthread_mutex_unlock", [self.word(MUTEX)])
        self.builder.branch(after)
        self.at(after)

    def wait_a_little(self, looks: Any, again: Any) -> Any:
        """Pause, and after every YIELD_EVERY looks let other threads run; return how many looks that were by now."""
        builder = self.builder
        self.pause()
        more = builder.add(looks, self.number(1))
        offer = self.block("offer")
        rest = builder.urem(more, self.number(YIELD_EVERY))
        self.branch(builder.icmp_signed("==", rest, self.number(0)), offer, again)
        self.at(offer)
        self.call("sched_yield", [])
        builder.branch(again)
        return more

    def search(self, thread: Any) -> tuple[Any, Any, Any, Any, Any]:
        """Write the loop in which a thread looks for parts, but for what it does with the number of the present kernel.

        Returns how often it has looked in vain, that number, and blocks: where the loop begins; `take`, which takes a
        part and looks again; `wait`, which waits a little first. The caller goes on behind the number.
        """
        builder, before = self.builder, self.builder.block
        loop, take, worked, wait, again = map(self.block, ("loop", "take", "worked", "wait", "again"))
        builder.branch(loop)
        self.at(loop)
        looks = builder.phi(I64)
        looks.add_incoming(self.number(0), before)
        claim = self.read(CLAIM)
        present = builder.lshr(claim, self.number(NUMBER))
        self.at(take)
        self.take_part(thread, claim, present, worked, wait)
        self.at(worked)
        looks.add_incoming(self.number(0), worked)
        builder.branch(loop)
        self.at(wait)
        looks.add_incoming(self.wait_a_little(looks, again), again)
        self.at(again)
        builder.branch(loop)
        self.at(loop)
        return looks, present, loop, take, wait


def write_team() -> str:
    """Return the text of the functions."""
    module = ir.Module("tinynet_team")
    _write_stop(_Writer(module, "team_stop", ir.VoidType(), [POINTER]))
    _write_run(_Writer(module, "team_run", ir.VoidType(), [POINTER, POINTER, I64, I64]))
    _write_call(_Writer(module, "team_call", ir.VoidType(), [POINTER, I64, POINTER]))
    _write_worker(_Writer(module, "team_worker", ir.VoidType(), [POINTER, I64]))
    return str(module)


def _write_run(writer: _Writer) -> None:
    """team_run(state, entries, count, left): write kernels into the queue, and work if more than `left` are left."""
    _, entries, count, left = writer.function.args
    written = writer.read(WRITTEN)

    def copy(i: Any) -> None:
        place = writer.place(QUEUE, writer.builder.add(written, i), ENTRY)
        first = writer.builder.mul(i, writer.number(4))
        for k in range(4):
            word = writer.load(entries, writer.builder.add(first, writer.number(k)))
            writer.builder.store(word, writer.at_word(place, writer.number(k)))
        writer.builder.store(writer.number(1), writer.at_word(place, writer.number(4)))

    writer.repeat(count, copy)
    total = writer.builder.add(written, count)
    writer.write(WRITTEN, total)
    _publish(writer, total, left)


def _write_call(writer: _Writer) -> None:
    """team_call(state, piece + mode, arrays): the same of kernels in records, and `left` in the state.

    piece: its address; mode: 0, or a sum of HOLD and JOIN
    arrays: of each array the address of an object in which the array's own address stands `header` bytes from the start
    """
    builder, number = writer.builder, writer.number
    _, given, arrays = writer.function.args
    mode = builder.and_(given, number(HOLD | JOIN))
    piece = builder.inttoptr(builder.sub(given, mode), POINTER)
    count, left, header = writer.load(piece, number(0)), writer.read(LEFT), writer.read(HEADER)
    written = writer.read(WRITTEN)
    rest = builder.alloca(POINTER)
    builder.store(writer.at_word(piece, number(1)), rest)

    def copy(i: Any) -> None:
        kernel = builder.add(written, i)
        entry, arguments = writer.place(QUEUE, kernel, ENTRY), writer.place(ROOM, kernel, MOST_ARGUMENTS)
        record = builder.load(rest, typ=POINTER)
        function, parts, threads, size = (writer.load(record, number(k)) for k in range(4))
        for k, word in enumerate((function, builder.ptrtoint(arguments, I64), parts, threads)):
            builder.store(word, writer.at_word(entry, number(k)))
        given = writer.at_word(record, number(4))
        writer.repeat(
            size,
            lambda k: builder.store(writer.load(given, k), writer.at_word(arguments, k)),
        )
        holes, pairs = writer.load(given, size), writer.at_word(given, builder.add(size, number(1)))

        def fill(k: Any) -> None:
            pair = writer.at_word(pairs, builder.add(k, k))
            argument, index = writer.load(pair, number(0)), writer.load(pair, number(1))
            owner = builder.inttoptr(builder.add(writer.load(arrays, index), header), POINTER)
            builder.store(writer.load(owner, number(0)), writer.at_word(arguments, argument))

        writer.repeat(holes, fill)
        builder.store(writer.at_word(pairs, builder.add(holes, holes)), rest)
        is_first = builder.icmp_signed("==", i, number(0))
        joins = builder.and_(is_first, builder.icmp_signed("!=", builder.and_(mode, number(JOIN)), number(0)))
        head = builder.select(joins, writer.read(HEAD), kernel)
        writer.write(HEAD, head)
        length = writer.at_word(writer.place(QUEUE, head, ENTRY), number(4))
        longer = builder.add(builder.load(length, typ=I64), number(1))
        builder.store(builder.select(joins, longer, number(1)), length)

    writer.repeat(count, copy)
    total = builder.add(written, count)
    writer.write(WRITTEN, total)
    held, publish = writer.block("held"), writer.block("publish")
    holds = builder.icmp_signed("!=", builder.and_(mode, number(HOLD)), number(0))
    writer.branch(holds, held, publish)
    writer.at(held)
    builder.ret_void()
    writer.at(publish)
    _publish(writer, total, left)


def _publish(writer: _Writer, total: Any, left: Any) -> None:
    """Let the others see that so many kernels are in the queue, and return unless more than `left` are not finished.

    Then work until an eighth of `left` are not: Python, which goes on with the next operations, and kernels push each
    other out of the caches, and had better not take turns at every operation.
    """
    builder = writer.builder
    writer.write(PUBLISHED, total)
    writer.wake_sleepers()
    present = builder.lshr(writer.read(CLAIM), writer.number(NUMBER))
    goal = builder.sub(total, builder.lshr(left, writer.number(3)))
    work, end = writer.block("work"), writer.block("end")
    writer.branch(writer.is_less(left, builder.sub(total, present)), work, end)
    writer.at(work)
    _, present, _, take, _ = writer.search(writer.number(0))
    writer.branch(writer.is_less(present, goal), take, end)
    writer.at(end)
    builder.ret_void()


def _write_stop(writer: _Writer) -> None:
    """team_stop(state): let the threads end."""
    writer.write(STOPPED, writer.number(1))
    writer.wake_sleepers()
    writer.builder.ret_void()


def _write_worker(writer: _Writer) -> None:
    """team_worker(state, thread): take parts as they come; return when the team is stopped."""
    builder, number = writer.builder, writer.number
    _, thread = writer.function.args
    idle, spin, tired, sleep, nap, rise, stop = map(
        writer.block, ("idle", "spin", "tired", "sleep", "nap", "rise", "stop")
    )

    def has_work() -> Any:
        return writer.is_less(builder.lshr(writer.read(CLAIM), number(NUMBER)), writer.read(PUBLISHED))

    def stopped() -> Any:
        return builder.icmp_signed("!=", writer.read(STOPPED), number(0))

    looks, present, loop, take, wait = writer.search(thread)
    writer.branch(writer.is_less(present, writer.read(PUBLISHED)), take, idle)
    writer.at(idle)
    writer.branch(stopped(), stop, spin)
    writer.at(spin)
    writer.branch(writer.is_less(looks, number(SPINS)), wait, tired)
    writer.at(tired)
    writer.call("pthread_mutex_lock", [writer.word(MUTEX)])
    builder.atomic_rmw("add", writer.word(SLEEPERS), number(1), "seq_cst")
    builder.branch(sleep)
    writer.at(sleep)
    writer.branch(builder.or_(has_work(), stopped()), rise, nap)
    writer.at(nap)
    writer.call("pthread_cond_wait", [writer.word(CONDITION), writer.word(MUTEX)])
    builder.branch(sleep)
    writer.at(rise)
    builder.atomic_rmw("sub", writer.word(SLEEPERS), number(1), "seq_cst")
    writer.call("pthread_mutex_unlock", [writer.word(MUTEX)])
    looks.add_incoming(number(0), rise)
    builder.branch(loop)
    writer.at(stop)
    builder.ret_void()
