"""Parameter updates in one pass: every number of parameter, gradient and buffers is read, and written, once.

NumPy's version of the same goes over memory once for each operation, 6 times for SGD with momentum and 15 for Adam.
Here a vector of each array is taken into registers, updated and stored; threads share the vectors. The operations and
their roundings are those of the generic kernels, one for one (no multiplication and addition is fused).

Arrays are given by the addresses of memory without gaps, the same order of elements in each; numbers of the update by
`scalars`, float32. Many parameters go into one call, and threads share each of them, so that none waits for another
between two parameters. The kernel itself reads the addresses from Python's objects (`addresses.OWNERS`): of the 50
parameters of the 6-block network, with gradients and buffers, Python would take a tenth of a millisecond for them.

Bytes a number: SGD with momentum 5 * 4, Adam 7 * 4. Measured on 2 cores of an AMD EPYC with the 11.2 million numbers of
ResNet-18: SGD 3.6 ms (62 GB/s), Adam 3.6 ms (88 GB/s); NumPy's passes take 12.6 and 21 ms.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from tinynet.kernels.cpu.codegen.addresses import OWNERS, address
from tinynet.kernels.cpu.codegen.language import Code, Pointer, Vector
from tinynet.kernels.cpu.codegen.program import run, step, template, worth


def _update(
    code: Code, arrays: int, changed: Sequence[int], update: Callable[[list[Vector]], list[Vector]]
) -> None:
    """Write the loops over parameters and vectors.

    Args:    arrays: how many of each parameter; changed: numbers of those that change
             update: returns the new values of these, given a vector of every array
    """
    owners, sizes = code.pointers(2)
    header, rows = code.integers(2)
    L = code.lanes

    def start(kind: int, row: Any) -> Pointer:
        """Return where an array of a parameter begins."""
        return owners.pointer(rows * kind + row).pointer(header)

    def vectors(places: list[Pointer], mask: Any) -> None:
        results = update([place.load(mask) for place in places])
        for i, result in zip(changed, results, strict=True):
            places[i].store(result, mask)

    for row in code.range(rows):
        starts = [start(kind, row) for kind in range(arrays)]
        count = sizes.integer(row)
        first, end = code.share(count // L)
        for i in code.range(first * L, end * L, L):
            vectors([start + i for start in starts], None)
        rest = count // L * L
        with code.when(code.builder.and_(code.is_last_part(), rest < count)):
            vectors([start + rest for start in starts], code.first_lanes(count - rest))


@template
def sgd(code: Code, decay: bool, momentum: bool, nesterov: bool) -> None:
    """Stochastic gradient descent; arrays: param, grad, and with momentum its buffer."""
    (scalars,) = code.pointers(1)
    sign, weight_decay, keep, take, rate = ((scalars + i).broadcast() for i in range(5))

    def update(vectors: list[Vector]) -> list[Vector]:
        param, grad, *buffers = vectors
        direction = grad * sign
        if decay:
            direction = direction + param * weight_decay
        for buffer in buffers:
            buffers = [buffer * keep + direction * take]
            direction = direction + buffers[0] * keep if nesterov else buffers[0]
        return [param + direction * rate, *buffers]

    _update(code, 3 if momentum else 2, (0, 2) if momentum else (0,), update)


@template
def adam(code: Code, decay: bool, decoupled: bool, amsgrad: bool) -> None:
    """Adam; arrays: param, grad, exp_avg, exp_avg_sq, and with amsgrad max_exp_avg_sq."""
    (scalars,) = code.pointers(1)
    sign, weight_decay, take1, keep2, take2, root, eps, rate = ((scalars + i).broadcast() for i in range(8))

    def update(vectors: list[Vector]) -> list[Vector]:
        param, grad, average, square, *largest = vectors
        direction = grad * sign
        if decay and decoupled:
            param = param * weight_decay
        elif decay:
            direction = direction + param * weight_decay
        square = square * keep2 + direction * direction * take2
        average = average + (direction - average) * take1
        second = square
        for before in largest:
            second = square.where(code.builder.or_(square > before, square.is_nan()), before)
            largest = [second]
        denominator = second.square_root() / root + eps
        return [param - average / denominator * rate, average, square, *largest]

    _update(code, 5 if amsgrad else 4, (0, 2, 3, 4) if amsgrad else (0, 2, 3), update)


def apply(kernel: int, arrays: Sequence[Sequence[np.ndarray]], scalars: Sequence[float]) -> None:
    """Run an update; arrays: in the kernel's order, of each kind those of all parameters.

    Of parameters that share memory one thread updates one after the other.
    """
    sizes = [param.size for param in arrays[0]]
    threads = worth(sum(sizes)) if _are_apart(tuple(map(address, arrays[0])), tuple(sizes)) else 1
    given = tuple(itertools.chain(*arrays))
    owners, header, alive = OWNERS(given)
    numbers = np.array(scalars, np.float32), owners, np.array(sizes, np.int64), header // 8, len(sizes)
    run(step(kernel, *numbers, alive=(given, alive)), threads=threads)


@functools.lru_cache(16)
def _are_apart(addresses: tuple[int, ...], sizes: tuple[int, ...]) -> bool:
    """Return whether no two arrays of so many numbers share memory."""
    places = sorted(zip(addresses, sizes, strict=True))
    return all(start + 4 * size <= after for (start, size), (after, _) in itertools.pairwise(places))
