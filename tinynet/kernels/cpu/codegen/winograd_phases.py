"""Winograd's stages one at a time, each shared among all threads: see winograd.py, "phased"."""

from __future__ import annotations

from tinynet.kernels.cpu.codegen.ending import Finish
from tinynet.kernels.cpu.codegen.language import Code
from tinynet.kernels.cpu.codegen.program import template
from tinynet.kernels.cpu.codegen.transforms import FORMS
from tinynet.kernels.cpu.codegen.winograd import F, multiply, multiply_transposed
from tinynet.kernels.cpu.codegen.winograd_tiles import gather, plane_by_plane, spread_pixels, spread_results


@template
def spread_x(code: Code, tail: bool, kind: str) -> None:
    """Phase 1 of a chunk of tile rows: V of x."""
    x, planes, bands = code.pointers(3)
    begin, end, H, W, C, PH, PW, TH, TW, tiles, band_size = code.integers(11)
    low, high = code.share(end - begin)
    layout = plane_by_plane(code, C, tiles)
    start = planes + low * TW * layout.tile
    spread_pixels(
        code, x, start, first=begin + low, last=begin + high, H=H, W=W, C=C, PH=PH, PW=PW, TH=TH, TW=TW,
        layout=layout, band=bands + code.thread * band_size, tail=tail, form=FORMS[kind],
    )  # fmt: skip


@template
def spread_dy(code: Code, V: int, tail: bool, kind: str) -> None:
    """Phase 2 of the weight's gradient: D of grad_y."""
    dy, planes, bands = code.pointers(3)
    begin, end, OH, OW, O, TH, TW, tiles, band_size = code.integers(9)
    low, high = code.share(end - begin)
    layout = plane_by_plane(code, O, tiles, V)
    start = planes + low * TW * layout.tile
    spread_results(
        code, dy, start, first=begin + low, last=begin + high, OH=OH, OW=OW, O=O, TH=TH, TW=TW, layout=layout, V=V,
        band=bands + code.thread * band_size, tail=tail, form=FORMS[kind],
    )  # fmt: skip


@template
def multiply_phase(code: Code, R: int, V: int, kind: str) -> None:
    """Phase 2: each thread takes its share of the products."""
    form = FORMS[kind]
    planes, U, products = code.pointers(3)
    C, O, tiles, count = code.integers(4)
    first, last = code.share(form.planes**2)
    layouts = plane_by_plane(code, C, tiles), plane_by_plane(code, O, tiles, V)
    multiply(
        code, planes, U, products, first=first, last=last, C=C, O=O, layouts=layouts, count=count, R=R, V=V, form=form
    )  # fmt: skip


@template
def multiply_transposed_phase(code: Code, R: int, V: int, kind: str) -> None:
    """Phase 3 of the weight's gradient: each thread sums its share of the 36 matrices dU."""
    planes, D, dU = code.pointers(3)
    C, O, tiles, count = code.integers(4)
    first, last = code.share(F)
    layouts = plane_by_plane(code, C, tiles), plane_by_plane(code, O, tiles, V)
    multiply_transposed(
        code, planes, D, dU, first=first, last=last, C=C, O=O, layouts=layouts, count=count, R=R, V=V,
        form=FORMS[kind],
    )  # fmt: skip


@template
def gather_phase(code: Code, V: int, tail: bool, exact: bool, ending: str, kind: str) -> None:
    """Phase 3: the results of a chunk of tile rows."""
    products, y, *rest = code.pointers(6)
    begin, end, OH, OW, O, TH, TW, tiles = code.integers(8)
    low, high = code.share(end - begin)
    layout = plane_by_plane(code, O, tiles, V)
    gather(
        code, products + low * TW * layout.tile, y, Finish(code, ending, rest), first=begin + low,
        last=begin + high, OH=OH, OW=OW, O=O, TH=TH, TW=TW, layout=layout, V=V, tail=tail, exact=exact,
        form=FORMS[kind],
    )  # fmt: skip
