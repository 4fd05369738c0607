"""Moving numbers between the layouts of the public arrays and those the kernels compute in."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from llvmlite import ir

from tinynet.kernels.cpu.codegen.language import I32, Code, Int, Number, Pointer, Vector


def transpose(code: Code, rows: Sequence[Vector]) -> list[Vector]:
    """Return the transpose of a square of L vectors: log2(L) times, every vector is shuffled with the one L/2 later.

    A shuffle takes the lower, or the upper, halves of two vectors in turn. That rotates by one bit the number that row
    and lane make together; after log2(L) rotations rows and lanes have changed places.
    """
    L = code.lanes
    mask = ir.VectorType(I32, L)
    lower = ir.Constant(mask, [i // 2 + (i % 2) * L for i in range(L)])
    upper = ir.Constant(mask, [i // 2 + (i % 2) * L + L // 2 for i in range(L)])
    shuffle = code.builder.shuffle_vector
    found = [row.value for row in rows]
    for _ in range(L.bit_length() - 1):
        pairs = [(found[i], found[i + L // 2]) for i in range(L // 2)]
        found = [shuffle(a, b, half) for a, b in pairs for half in (lower, upper)]
    return [Vector(code, value) for value in found]


def channel_blocks(code: Code, channels: Int, tail: bool) -> Iterator[tuple[Int, Any]]:
    """Loop over blocks of L channels; yield the number of each and the mask of the channels it has.

    Without `tail` the channels are a multiple of L and the mask is None. With it all blocks take the mask: channels
    beyond the last are read as zero and not written.
    """
    L = code.lanes
    for block in code.range((channels + (L - 1)) // L):
        yield block, code.first_lanes(channels - block * L) if tail else None


def copy_row(
    code: Code,
    source: Pointer,
    target: Pointer,
    *,
    inside: Any,
    pixels: Number,
    stride: Number,
    mask: Any,
    left: Number,
    right: Number,
) -> None:
    """Copy one block of L channels of a row of pixels, with zeros on both sides; zeros alone if not `inside`.

    Args:    source: the block of the first pixel; stride: floats from pixel to pixel there
             target: where the zeros on the left begin; pixels lie L floats apart
             inside: comparison: the row is a row of the image; left, right: pixels of zeros
    """
    L = code.lanes
    code_left, count = code.int(left), code.int(pixels)
    for i in code.range(code_left):
        (target + i * L).store(code.zero)
    start = target + code_left * L
    with code.when(inside):
        for i in code.range(count):
            (start + i * L).store((source + i * stride).load(mask))
    with code.when(code.builder.not_(inside)):
        for i in code.range(count):
            (start + i * L).store(code.zero)
    end = start + count * L
    for i in code.range(code.int(right)):
        (end + i * L).store(code.zero)
