"""Products over other axes than matmul's: of all pairs of elements, over chosen axes, and along diagonals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinynet.ops.broadcasting import expand
from tinynet.ops.linear import check_axes, matmul, scaled
from tinynet.ops.ordering import Diagonal
from tinynet.ops.promotion import check_tensors
from tinynet.ops.reduce import normalize_dims, sum
from tinynet.ops.shape import permute, reshape, transpose
from tinynet.tensor import Tensor

__all__ = ["addr", "ger", "inner", "kron", "outer", "t", "tensordot", "trace"]


def inner(input: Tensor, other: Tensor) -> Tensor:
    """Return the sums of products along the last axes of both tensors; the product with one that has no axes.

    Shapes:  input (*A, K); other (*B, K); returns (*A, *B)
    Raises:  RuntimeError: the last sizes or the dtypes differ
    """
    check_tensors("inner", input=input, other=other)
    x, y = input.shape, other.shape
    if not x or not y:
        return input * other
    if x[-1] != y[-1]:
        raise RuntimeError(
            f"inner() the last dimension must match on both input tensors but got shapes {list(x)} and {list(y)}"
        )
    return tensordot(input, other, ([-1], [-1]))


def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """Return the products of all elements of one vector with all of another.

    Shapes:  input (N,); vec2 (M,); returns (N, M)
    Raises:  RuntimeError: not two vectors
    """
    return _outer("outer", input, vec2)


def ger(input: Tensor, vec2: Tensor) -> Tensor:
    """Return the products of all elements of one vector with all of another, as `outer`."""
    return _outer("ger", input, vec2)


def _outer(name: str, x: Tensor, y: Tensor) -> Tensor:
    check_tensors(name, vec1=x, vec2=y)
    check_axes(name, 1, vec1=x, vec2=y)
    return reshape(x, (x.array.size, 1)) * y


def addr(input: Tensor, vec1: Tensor, vec2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """Return beta * input + alpha * outer(vec1, vec2); with beta 0 the values of input do not matter.

    Shapes:  input broadcasts to (N, M); vec1 (N,); vec2 (M,); returns (N, M)
    Raises:  RuntimeError: shapes do not fit
    """
    check_tensors("addr", input=input, vec1=vec1, vec2=vec2)
    product = _outer("addr", vec1, vec2)
    return scaled(expand(input, product.shape), beta) + scaled(product, alpha)


def t(input: Tensor) -> Tensor:
    """Return the transposed matrix; a vector or a number as it is.

    Raises:  RuntimeError: more than two axes
    """
    if input.ndim > 2:
        raise RuntimeError(f"t() expects a tensor with <= 2 dimensions, but got shape {list(input.shape)}")
    return transpose(input, 0, -1)


def trace(input: Tensor) -> Tensor:
    """Return the sum of the main diagonal of a matrix; of whole numbers in int64.

    Raises:  RuntimeError: not a matrix; NotImplementedError: bool
    """
    if input.ndim != 2:
        raise RuntimeError(f"trace: expected a matrix, but got tensor of shape {list(input.shape)}")
    if input.array.dtype.kind == "b":
        raise NotImplementedError("trace: not implemented for bool")
    return sum(Diagonal.apply(input, 0))


def kron(input: Tensor, other: Tensor) -> Tensor:
    """Return the Kronecker product: each element of the input times the whole of the other.

    Shapes:  input (A1, .., An); other (B1, .., Bn), missing axes have size 1; returns (A1*B1, .., An*Bn)
    """
    check_tensors("kron", input=input, other=other)
    n = max(input.ndim, other.ndim)
    x = (1,) * (n - input.ndim) + tuple(input.shape)
    y = (1,) * (n - other.ndim) + tuple(other.shape)
    spread = tuple(size for m in x for size in (m, 1)), tuple(size for m in y for size in (1, m))
    product = reshape(input, spread[0]) * reshape(other, spread[1])
    return reshape(product, tuple(i * j for i, j in zip(x, y, strict=True)))


def tensordot(a: Tensor, b: Tensor, dims: Any = 2) -> Tensor:
    """Return the sums of products over pairs of axes of a and b; the other axes of a come first, then those of b.

    Args:    dims: how many axes, the last of a and the first of b; or two lists, the axes of a and those of b
    Raises:  RuntimeError: paired axes have different sizes, both not 1, or dims does not fit; the dtypes differ
    """
    check_tensors("tensordot", a=a, b=b)
    axes_a, axes_b = _paired(a, b, dims)
    for i, j in zip(axes_a, axes_b, strict=True):
        if a.shape[i] == b.shape[j]:
            continue
        if a.shape[i] == 1:
            b = sum(b, j, True).to(b.dtype)
        elif b.shape[j] == 1:
            a = sum(a, i, True).to(a.dtype)
        else:
            raise RuntimeError(
                f"tensordot: contracted dimensions need to match, but first has size {a.shape[i]} in dim {i} and "
                f"second has size {b.shape[j]} in dim {j}: shapes {list(a.shape)} and {list(b.shape)}"
            )
    rest_a = [i for i in range(a.ndim) if i not in axes_a]
    rest_b = [j for j in range(b.ndim) if j not in axes_b]
    count = math.prod(a.shape[i] for i in axes_a)
    shape_a, shape_b = tuple(a.shape[i] for i in rest_a), tuple(b.shape[j] for j in rest_b)
    rows = reshape(permute(a, [*rest_a, *axes_a]), (math.prod(shape_a), count))
    columns = reshape(permute(b, [*axes_b, *rest_b]), (count, math.prod(shape_b)))
    return reshape(matmul(rows, columns), (*shape_a, *shape_b))


def _paired(a: Tensor, b: Tensor, dims: Any) -> tuple[list[int], list[int]]:
    """Return the axes over which tensordot sums, of a and of b."""
    if isinstance(dims, int | np.integer):
        if dims < 0:
            raise RuntimeError(f"tensordot expects dims >= 0, but got dims={dims}")
        if dims > min(a.ndim, b.ndim):
            raise RuntimeError(
                f"tensordot expects dims <= the number of axes, but got dims={dims} for shapes {list(a.shape)} and "
                f"{list(b.shape)}"
            )
        return list(range(a.ndim - dims, a.ndim)), list(range(dims))
    if isinstance(dims, Tensor):
        dims = dims.tolist()
    first, second = ([d] if isinstance(d, int) else list(d) for d in dims)
    if len(first) != len(second):
        raise RuntimeError(f"both dimension lists should have same length, got {first} and {second}")
    return normalize_dims(first, a.ndim), normalize_dims(second, b.ndim)
