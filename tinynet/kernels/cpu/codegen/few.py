"""Convolution of few pixels by many weights: each weight is read once, where it lies, and used at once.

For a batch, direct.py packs all weights into panels first, and passes over them many times. Of a single image a weight
is used for some 16 to 64 pixels alone: to write the panels and read them again would take longer than the products.
Here each part takes groups of V vectors of channels of results. Of one block of channels of the input at a time it
transposes the group's weights into a panel that stays in L1 (9 places x 16 channels x 32 results: 18 KiB), and
multiplies all pixels of the batch with it; the sums wait in L2.

Layouts, with L lanes: copy [N][CB][rows][width][L], zeros around (direct.copy_images); panel [places][L][V*L];
sums [tiles][R][V*L].

Measured on two cores of Zen 4, one image, weights in memory: 512 channels to 512 at 4x4 in 0.61 ms, 256 to 256 at 8x8
in 0.43 ms; packing and direct.py took 1.0 and 0.55 ms with weights in the cache.
"""

from __future__ import annotations

from tinynet.kernels.cpu.codegen.ahead import LINE
from tinynet.kernels.cpu.codegen.direct import add_unit, write_tile
from tinynet.kernels.cpu.codegen.ending import Finish
from tinynet.kernels.cpu.codegen.gemm import Tile, clear_tile
from tinynet.kernels.cpu.codegen.language import Code, Int, Pointer
from tinynet.kernels.cpu.codegen.packing import load_columns
from tinynet.kernels.cpu.codegen.program import template


def _fill_panel(
    code: Code,
    weight: Pointer,
    panel: Pointer,
    group: Int,
    block: Int,
    *,
    O: Int,
    C: Int,
    K: int,
    V: int,
    tails: bool,
) -> None:
    """Write the panel of one block of channels, from weight (O, C, K); tails: O or C do not fill their vectors."""
    L = code.lanes
    for v in code.range(V):
        for chunk in range(K):  # of the L*K numbers that a result has of the block, side by side
            entry = block * (L * K) + chunk * L
            columns = load_columns(code, weight, (group * V + v) * L, O, C * K, entry, inside=not tails)
            for r, vector in enumerate(columns):
                channel, place = divmod(chunk * L + r, K)
                (panel + v * L + (place * L + channel) * (V * L)).store(vector)


class _Weights:
    """The weights of the next panel, asked for while this one is multiplied: those of one result at a time.

    They lie in pieces of a few cache lines that the hardware does not foresee: without this, 512 channels to 512 take
    1.3 times as long.
    """

    def __init__(
        self, code: Code, weight: Pointer, group: Int, block: Int, blocks: Int, *, C: Int, K: int, V: int
    ) -> None:
        L = code.lanes
        is_last = (block + 1).equals(blocks)
        first, begin = (group + 1).where(is_last, group) * (V * L), code.int(0).where(is_last, block + 1) * L
        self.code, self.lines, self.step = code, L * K // LINE + 1, C * K
        self.place = code.variable(weight + (first * C + begin) * K)
        self.left = code.variable(code.int(V * L))

    def ask(self) -> None:
        """Ask for the weights of the next result, if any are left."""
        with self.code.when(self.left.get() >= 1):
            start = self.place.get()
            for line in range(self.lines):
                (start + line * LINE).prefetch()
            self.place.set(start + self.step)
            self.left.set(self.left.get() - 1)


@template
def convolve(
    code: Code, R: int, V: int, K: int, step: int, tail_in: bool, tail_out: bool, ending: str
) -> None:
    """Convolve the copied images with weight (O, C, K) into y (N, OH, OW, O).

    places: of each of the K places of the window its offset in a block of the copy
    """
    copies, weight, y, memory, places, *rest = code.pointers(9)
    N, OH, OW, C, O, width, plane, image_size, room = code.integers(9)
    L = code.lanes
    blocks, across = (C + (L - 1)) // L, (OW + (R - 1)) // R
    panel = memory + code.thread * room
    sums = panel + K * L * V * L
    begin, end = code.share((O + (V * L - 1)) // (V * L))
    for group in code.range(begin, end):
        for block in code.range(blocks):
            _fill_panel(code, weight, panel, group, block, O=O, C=C, K=K, V=V, tails=tail_in or tail_out)
            following = _Weights(code, weight, group, block, blocks, C=C, K=K, V=V)
            for row in code.range(N * OH):
                image, q = row // OH, row % OH
                for tile in code.range(across):
                    ox = (tile * R).minimum(OW - R)
                    corner = copies + image * image_size + block * plane + (q * width + ox) * (step * L)
                    waiting = sums + (row * across + tile) * (R * V * L)
                    with code.when(block.equals(0)):
                        clear_tile(code, waiting, R * V)
                    result = Tile(code, R, V, waiting)
                    for place in code.range(K):
                        following.ask()
                        add_unit(
                            code, result, corner + places.integer(place), panel + place * (L * V * L), L, step
                        )
                    result.store(waiting)
                    with code.when((block + 1).equals(blocks)):
                        start = (row * OW + ox) * O + group * (V * L)
                        write_tile(code, result, y, start, O, Finish(code, ending, rest), group, O, tail_out)
