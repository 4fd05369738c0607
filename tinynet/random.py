"""Counter-based random numbers: every draw is a pure function of (seed, purpose, key).

Shuffling, augmentation, dropout and initialisation never share one long stream. Each names its purpose and
its place (epoch, step, sample index, ...), so a resumed run needs no generator state, threads cannot change a
result and any step can be computed again alone.

Source: Salmon, Moraes, Dror, Shaw 2011, "Parallel random numbers: as easy as 1, 2, 3".
"""

from __future__ import annotations

import hashlib
from collections import Counter
from operator import index as as_int

import numpy as np

_MULTIPLIERS = (np.uint64(0xD2511F53), np.uint64(0xCD9E8D57))
_KEY_STEPS = (np.uint32(0x9E3779B9), np.uint32(0xBB67AE85))
_ROUNDS = 10
_LOW_WORD = np.uint64(0xFFFFFFFF)
_WORD_BITS = np.uint64(32)


class _State:
    """Hold the default seed and the automatic call counters of `next_generator`."""

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.step: tuple[int, ...] = ()
        self.calls: Counter[str] = Counter()


_state = _State(seed=0)


def manual_seed(seed: int) -> None:
    """Set the default seed (any integer; 0 until this is called) and restart the call counters.

    Differs from torch: returns None, since there is no generator object to hand out.
    """
    global _state
    _state = _State(as_int(seed))


def initial_seed() -> int:
    """Return the default seed."""
    return _state.seed


def get_rng_state() -> tuple[int, tuple[int, ...], dict[str, int]]:
    """Return what the next draws depend on, for set_rng_state: seed, step and calls so far."""
    return _state.seed, _state.step, dict(_state.calls)


def set_rng_state(state: tuple[int, tuple[int, ...], dict[str, int]]) -> None:
    """Go back to a state given by get_rng_state: the same draws follow."""
    seed, _state.step, calls = state
    _state.seed = as_int(seed)
    _state.calls = Counter(calls)


def set_step(epoch: int, step: int) -> None:
    """Key the following `next_generator` calls by (epoch, step, call within the step)."""
    _state.step = (as_int(epoch), as_int(step))
    _state.calls.clear()


def next_generator(purpose: str) -> np.random.Generator:
    """Return the generator of the next call for `purpose`.

    Calls are counted per purpose since `manual_seed`, or since `set_step` once that was called: the n-th
    dropout of a step draws the same numbers whatever ran before that step.
    """
    call = _state.calls[purpose]
    _state.calls[purpose] += 1
    return generator(purpose, *_state.step, call)


def generator(purpose: str, *key: int, seed: int | None = None) -> np.random.Generator:
    """Return a NumPy generator (Philox4x64-10) keyed by (seed, purpose, *key): the same key, the same stream.

    Args:    seed: any integer; None takes the default seed
    """
    digest = _digest(purpose, key, seed)
    return np.random.Generator(np.random.Philox(key=int.from_bytes(digest[:16], "little")))


def uniform(purpose: str, *key: int, indices: np.ndarray, count: int, seed: int | None = None) -> np.ndarray:
    """Draw `count` numbers in [0, 1) for every sample index, each row a function of its own index alone.

    Shapes:  indices (N,), integers in [0, 2**63); returns float64 (N, count), multiples of 2**-32
    Args:    seed: any integer; None takes the default seed
    Raises:  ValueError: indices not one-dimensional integers or negative; count < 1
    Source:  Salmon et al. 2011, Philox4x32-10
    """
    indices = np.asarray(indices)
    if indices.ndim != 1 or not np.issubdtype(indices.dtype, np.integer):
        raise ValueError(
            f"uniform: indices must be a one-dimensional integer array, got {indices.dtype} {indices.shape}"
        )
    if indices.size and indices.min() < 0:
        raise ValueError(f"uniform: indices must not be negative, got {indices.min()}")
    if count < 1:
        raise ValueError(f"uniform: count must be at least 1, got {count}")
    blocks = -(-count // 4)
    index = indices.astype(np.uint64)[:, None]
    counter = np.zeros((len(indices), blocks, 4), dtype=np.uint32)
    counter[..., 0] = index & _LOW_WORD
    counter[..., 1] = index >> _WORD_BITS
    counter[..., 2] = np.arange(blocks, dtype=np.uint32)
    philox_key = np.frombuffer(_digest(purpose, key, seed)[:8], dtype="<u4")
    words = philox4x32(counter, philox_key).reshape(len(indices), 4 * blocks)
    return words[:, :count] * 2.0**-32


def philox4x32(counter: np.ndarray, key: np.ndarray) -> np.ndarray:
    """Apply the Philox4x32-10 bijection to every counter.

    Shapes:  counter uint32 (..., 4); key uint32 (2,); returns uint32 (..., 4)
    Source:  Salmon et al. 2011, section 4.3 and the Random123 known answers
    """
    c0, c1, c2, c3 = (counter[..., word].astype(np.uint64) for word in range(4))
    k0, k1 = np.uint32(key[0]), np.uint32(key[1])
    with np.errstate(over="ignore"):  # key words wrap around 2**32 by definition
        for _ in range(_ROUNDS):
            product0, product1 = _MULTIPLIERS[0] * c0, _MULTIPLIERS[1] * c2
            c0, c1 = (product1 >> _WORD_BITS) ^ c1 ^ k0, product1 & _LOW_WORD
            c2, c3 = (product0 >> _WORD_BITS) ^ c3 ^ k1, product0 & _LOW_WORD
            k0, k1 = k0 + _KEY_STEPS[0], k1 + _KEY_STEPS[1]
    return np.stack((c0, c1, c2, c3), axis=-1).astype(np.uint32)


def _digest(purpose: str, key: tuple[int, ...], seed: int | None) -> bytes:
    """Hash (seed, purpose, key) to 32 bytes, the same in every process and on every machine."""
    seed = _state.seed if seed is None else as_int(seed)
    text = "/".join([str(seed), purpose, *(str(as_int(part)) for part in key)])
    return hashlib.sha256(text.encode()).digest()
