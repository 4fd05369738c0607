"""Sums of products in Einstein's notation.

Operands are multiplied pair by pair from the left. A pair is brought into the form of a stack of matrix products:
axes that both have and the result keeps, axes of the one, axes summed over, axes of the other.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from tinynet.ops.linear import matmul
from tinynet.ops.ordering import diagonal
from tinynet.ops.reduce import sum
from tinynet.ops.shape import permute, reshape, squeeze
from tinynet.tensor import Tensor

__all__ = ["einsum"]

Labels = list[Any]
"""What the axes are called: letters, and numbers for those of an ellipsis, -1 for the last one."""


def einsum(equation: str, *operands: Any) -> Tensor:
    """Return the sum of products that an equation such as "bij,bjk->bik" describes.

    Args:    equation: a letter for each axis of each operand, the operands apart by commas, then perhaps -> and the
             axes of the result; without, all letters that occur once, in order. "..." stands for any axes, which
             broadcast. A letter twice in one operand is a diagonal; letters missing in the result are summed over.
             operands: Tensors, or one list of them
    Raises:  RuntimeError: the equation is wrong or does not fit the operands, or the dtypes differ
             ValueError: no operand; TypeError: an operand is no Tensor
             NotImplementedError: the form einsum(x, [0, 1], y, [1, 2]), lists instead of an equation
    """
    if isinstance(equation, Tensor):
        raise NotImplementedError("einsum: lists of axes instead of an equation are not implemented")
    if len(operands) == 1 and isinstance(operands[0], list | tuple):
        operands = tuple(operands[0])
    if not operands:
        raise ValueError("einsum(): must specify the equation string and at least one operand")
    for i, operand in enumerate(operands):
        if not isinstance(operand, Tensor):
            raise TypeError(f"einsum(): expected Tensor as operand {i}, but got {type(operand).__name__}")
    labels, output = _parse(equation, operands)
    terms = [_diagonals(x, names, i) for i, (x, names) in enumerate(zip(operands, labels, strict=True))]
    _check_sizes(terms)
    x, names = terms[0]
    for i, (y, names_y) in enumerate(terms[1:], 1):
        later = {*output, *(label for _, others in terms[i + 1 :] for label in others)}
        x, names = _contract(x, names, y, names_y, later)
    x, names = _sum_out(x, names, set(output))
    return x if names == output else permute(x, [names.index(label) for label in output])


def _parse(equation: str, operands: Sequence[Tensor]) -> tuple[list[Labels], Labels]:
    """Return the labels of every operand's axes, and those of the result."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    parts = left.split(",")
    if len(parts) != len(operands):
        fewer = "fewer" if len(operands) < len(parts) else "more"
        raise RuntimeError(
            f"einsum(): {fewer} operands were provided than specified in the equation: {len(operands)} for "
            f"{equation!r}"
        )
    labels = [_of_operand(part, x, i) for i, (part, x) in enumerate(zip(parts, operands, strict=True))]
    used = [label for names in labels for label in names]
    ellipsis = sorted({label for label in used if isinstance(label, int)})
    letters = [label for label in used if isinstance(label, str)]
    if not arrow:
        return labels, [*ellipsis, *sorted(c for c in set(letters) if letters.count(c) == 1)]
    before, after = _split(right, "the output")
    for c in before + (after or ""):
        if c not in letters:
            raise RuntimeError(
                f"einsum(): output subscript {c} does not appear in the equation for any input operand: "
                f"{equation!r}"
            )
        if (before + (after or "")).count(c) > 1:
            raise RuntimeError(
                f"einsum(): output subscript {c} appears more than once in the output: {equation!r}"
            )
    return labels, [*before] if after is None else [*before, *ellipsis, *after]


def _split(part: str, where: str) -> tuple[str, str | None]:
    """Return the letters before and after the ellipsis, None after if there is none."""
    before, dots, after = part.partition("...")
    if "." in before + after:
        raise RuntimeError(f"einsum(): found '.' for {where} that is not part of its only ellipsis: {part!r}")
    for c in before + after:
        if not (c.isascii() and c.isalpha()):
            raise RuntimeError(
                f"einsum(): invalid subscript {c!r} in {part!r}, subscripts must be in [a-zA-Z]"
            )
    return before, after if dots else None


def _of_operand(part: str, x: Tensor, i: int) -> Labels:
    """Return a label for each axis of an operand."""
    before, after = _split(part, f"operand {i}")
    missing = x.ndim - len(before) - len(after or "")
    if missing < 0 or (missing and after is None):
        raise RuntimeError(
            f"einsum(): the number of subscripts in {part!r} ({len(before) + len(after or '')}) does not match the "
            f"number of dimensions ({x.ndim}) for operand {i} of shape {list(x.shape)}"
        )
    return [*before, *range(-missing, 0), *(after or "")]


def _diagonals(x: Tensor, labels: Labels, i: int) -> tuple[Tensor, Labels]:
    """Take the diagonal of axes with the same label."""
    for label in dict.fromkeys(labels):
        while labels.count(label) > 1:
            first = labels.index(label)
            second = labels.index(label, first + 1)
            if x.shape[first] != x.shape[second]:
                raise RuntimeError(
                    f"einsum(): subscript {label} is repeated for operand {i} but the sizes don't match, "
                    f"{x.shape[first]} != {x.shape[second]}: shape {list(x.shape)}"
                )
            x = diagonal(x, 0, first, second)
            labels = [*labels[:first], *labels[first + 1 : second], *labels[second + 1 :], label]
    return x, labels


def _check_sizes(terms: Sequence[tuple[Tensor, Labels]]) -> None:
    """Check that axes with the same label have the same size, or 1."""
    sizes: dict[Any, int] = {}
    for i, (x, labels) in enumerate(terms):
        for label, n in zip(labels, x.shape, strict=True):
            if n != 1 and sizes.setdefault(label, n) != n:
                name = "..." if isinstance(label, int) else label
                raise RuntimeError(
                    f"einsum(): subscript {name} has size {n} for operand {i} which does not broadcast with previously "
                    f"seen size {sizes[label]}: shapes {[list(y.shape) for y, _ in terms]}"
                )


def _sum_out(x: Tensor, labels: Labels, keep: set[Any]) -> tuple[Tensor, Labels]:
    """Sum over the axes that nothing needs."""
    drop = tuple(i for i, label in enumerate(labels) if label not in keep)
    return (sum(x, drop), [c for c in labels if c in keep]) if drop else (x, labels)


def _contract(
    x: Tensor, names_x: Labels, y: Tensor, names_y: Labels, later: set[Any]
) -> tuple[Tensor, Labels]:
    """Multiply two operands, and sum over the axes that are not needed later."""
    x, names_x = _without_size_1(x, names_x, y, names_y)
    y, names_y = _without_size_1(y, names_y, x, names_x)
    x, names_x = _sum_out(x, names_x, later | set(names_y))
    y, names_y = _sum_out(y, names_y, later | set(names_x))
    sizes = {**dict(zip(names_x, x.shape, strict=True)), **dict(zip(names_y, y.shape, strict=True))}
    both = [c for c in names_x if c in names_y]
    stack, inner = [c for c in both if c in later], [c for c in both if c not in later]
    rows = [c for c in names_x if c not in both]
    columns = [c for c in names_y if c not in both]
    names = [*stack, *rows, *columns]
    x = _arranged(x, names_x, [*stack, *rows, *inner])
    y = _arranged(y, names_y, [*stack, *inner, *columns])
    shape = tuple(sizes[c] for c in names)
    head = tuple(sizes[c] for c in stack)
    if not inner:
        tail_x, tail_y = (tuple(sizes[c] for c in part) for part in (rows, columns))
        return reshape(x, (*head, *tail_x, *(1 for _ in columns))) * reshape(
            y, (*head, *(1 for _ in rows), *tail_y)
        ), names
    batch = (math.prod(head),) if head else ()
    n, k, m = (math.prod(sizes[c] for c in part) for part in (rows, inner, columns))
    return reshape(matmul(reshape(x, (*batch, n, k)), reshape(y, (*batch, k, m))), shape), names


def _without_size_1(x: Tensor, names_x: Labels, y: Tensor, names_y: Labels) -> tuple[Tensor, Labels]:
    """Drop the axes of x that have size 1 and broadcast against an axis of y."""
    drop = [i for i, c in enumerate(names_x) if c in names_y and x.shape[i] == 1 != y.shape[names_y.index(c)]]
    if not drop:
        return x, names_x
    return squeeze(x, drop), [c for i, c in enumerate(names_x) if i not in drop]


def _arranged(x: Tensor, labels: Labels, wanted: Labels) -> Tensor:
    return x if labels == wanted else permute(x, [labels.index(c) for c in wanted])
