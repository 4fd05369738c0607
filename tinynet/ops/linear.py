"""Products of vectors, matrices and stacks of matrices."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from tinynet.autograd import Function
from tinynet.backend import array_module
from tinynet.ops.broadcasting import expand
from tinynet.ops.promotion import check_broadcast, check_tensors
from tinynet.ops.reduce import sum, sum_to
from tinynet.ops.shape import reshape
from tinynet.tensor import Tensor

__all__ = [
    "addbmm",
    "addmm",
    "addmv",
    "baddbmm",
    "bmm",
    "dot",
    "matmul",
    "mm",
    "mv",
    "vdot",
]


class MatMul(Function):
    """The product of two matrices, each of them transposed first where its flag says so."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor, transpose_x: bool, transpose_y: bool) -> Tensor:
        need_x, need_y, _, _ = ctx.needs_input_grad
        if need_x or need_y:
            ctx.save_for_backward(x if need_y else None, y if need_x else None)
            ctx.flags = transpose_x, transpose_y
        a, b = x.array, y.array
        if a.dtype.char == "e":
            return Tensor(_product(a, b, transpose_x, transpose_y))
        # The method dot starts in half the time of `@`, and multiplies in the same.
        return Tensor((a.T if transpose_x else a).dot(b.T if transpose_y else b))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        return *_gradients(MatMul, ctx, grad), None, None


class Linear(Function):
    """x @ weight.T + bias; the weight's gradient lies in memory as the weight does, not as its transpose."""

    new_gradients = True

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        need_x, need_weight, _ = ctx.needs_input_grad
        ctx.save_for_backward(x if need_weight else None, weight if need_x else None)
        a, b = x.array, weight.array
        y = _product(a, b, False, True) if a.dtype.char == "e" else a.dot(b.T)
        y += bias.array
        return Tensor(y)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        need_x, need_weight, need_bias = ctx.needs_input_grad
        return (
            MatMul.apply(grad, weight, False, False) if need_x else None,
            MatMul.apply(grad, x, True, False) if need_weight else None,
            sum(grad, 0) if need_bias else None,
        )


class StackMatMul(Function):
    """As MatMul, of the matrices in the last two axes; the axes before them broadcast."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor, transpose_x: bool, transpose_y: bool) -> Tensor:
        needs = ctx.needs_input_grad
        ctx.save_for_backward(x if needs[1] else None, y if needs[0] else None)
        ctx.flags, ctx.shapes = (transpose_x, transpose_y), (x.array.shape, y.array.shape)
        return Tensor(_product(x.array, y.array, transpose_x, transpose_y))

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        grad_x, grad_y = _gradients(StackMatMul, ctx, grad)
        return (
            None if grad_x is None else sum_to(grad_x, ctx.shapes[0]),
            None if grad_y is None else sum_to(grad_y, ctx.shapes[1]),
            None,
            None,
        )


def _gradients(product: Any, ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
    """Return the gradients of z = X @ Y: grad @ Y.T of X, X.T @ grad of Y, or the transposed where x or y is."""
    x, y = ctx.saved_tensors
    needs, (flip_x, flip_y) = ctx.needs_input_grad, ctx.flags
    grad_x = grad_y = None
    if needs[0]:
        grad_x = product.apply(y, grad, flip_y, True) if flip_x else product.apply(grad, y, False, not flip_y)
    if needs[1]:
        grad_y = product.apply(grad, x, True, flip_x) if flip_y else product.apply(x, grad, not flip_x, False)
    return grad_x, grad_y


def _product(a: Any, b: Any, transpose_a: bool, transpose_b: bool) -> Any:
    a = a.swapaxes(-1, -2) if transpose_a else a
    b = b.swapaxes(-1, -2) if transpose_b else b
    dtype = a.dtype
    if dtype.char == "e":
        return (a.astype(np.float32) @ b.astype(np.float32)).astype(dtype)
    return a @ b


class Dot(Function):
    """The sum of the products of two vectors' elements."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor) -> Tensor:
        need_x, need_y = ctx.needs_input_grad
        ctx.save_for_backward(x if need_y else None, y if need_x else None)
        return Tensor(_product(x.array[None], y.array[:, None], False, False)[0, 0])

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None]:
        x, y = ctx.saved_tensors
        need_x, need_y = ctx.needs_input_grad
        return grad * y if need_x else None, grad * x if need_y else None


class Scale(Function):
    """x times a number in x's dtype; times 0 it is 0, of NaN too."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, factor: Any) -> Tensor:
        ctx.factor = factor
        if not factor:
            return Tensor(array_module(x.array).zeros_like(x.array))
        return Tensor(x.array * factor)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None]:
        return Scale.apply(grad, ctx.factor), None


def matmul(input: Tensor, other: Tensor) -> Tensor:
    """Return the matrix product; a tensor of one axis is a row on the left and a column on the right.

    Shapes:  input (..., N, K) or (K,); other (..., K, M) or (K,); returns (..., N, M) without the missing axes
    Raises:  RuntimeError: the inner sizes or the dtypes differ, the other axes do not broadcast, or there are none
             TypeError: one is no Tensor; NotImplementedError: bool
    """
    if not isinstance(other, Tensor) or not isinstance(input, Tensor):
        check_tensors("matmul", input=input, other=other)
    a, b = input.array, other.array
    x, y = a.shape, b.shape
    if len(x) == 2 == len(y):
        if x[1] != y[0] or a.dtype != b.dtype or a.dtype.kind == "b":
            check_product("matmul", input, other)
        return MatMul.apply(input, other, False, False)
    if not x or not y:
        raise RuntimeError(
            f"both arguments to matmul need to be at least 1D, but they are {len(x)}D and {len(y)}D"
        )
    check_product("matmul", input, other)
    if len(x) == 1 == len(y):
        return Dot.apply(input, other)
    if len(y) <= 2:  # one large product instead of one for each matrix of the stack
        rows, columns = reshape(input, (math.prod(x[:-1]), x[-1])), other
        if len(y) == 1:
            columns = reshape(other, (y[0], 1))
        return reshape(MatMul.apply(rows, columns, False, False), (*x[:-1], *y[1:]))
    if len(x) == 1:
        product = StackMatMul.apply(reshape(input, (1, x[0])), other, False, False)
        return reshape(product, (*y[:-2], y[-1]))
    try:
        check_broadcast(x[:-2], y[:-2])
    except RuntimeError as error:
        raise RuntimeError(f"matmul: {error} of {list(x)} and {list(y)}") from None
    return StackMatMul.apply(input, other, False, False)


def linear_layer(x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    """Return x (N, K) @ weight.T + bias, of weight (O, K) and bias (O,); arguments are checked in nn.functional."""
    return MatMul.apply(x, weight, False, True) if bias is None else Linear.apply(x, weight, bias)


def mm(input: Tensor, mat2: Tensor) -> Tensor:
    """Return the product of two matrices.

    Shapes:  input (N, K); mat2 (K, M); returns (N, M)
    Raises:  RuntimeError: not two matrices, or the inner sizes or the dtypes differ
    """
    check_tensors("mm", input=input, mat2=mat2)
    check_axes("mm", 2, input=input, mat2=mat2)
    return matmul(input, mat2)


def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    """Return the products of the matrices of two stacks of the same length.

    Shapes:  input (B, N, K); mat2 (B, K, M); returns (B, N, M)
    Raises:  RuntimeError: not two stacks, their lengths, the inner sizes or the dtypes differ
    """
    return _bmm("bmm", input, mat2)


def _bmm(name: str, x: Tensor, y: Tensor) -> Tensor:
    check_tensors(name, batch1=x, batch2=y)
    check_axes(name, 3, batch1=x, batch2=y)
    a, b = x.array.shape, y.array.shape
    if a[0] != b[0]:
        raise RuntimeError(
            f"{name}: batch1 and batch2 must have same number of batches, got {list(a)} and {list(b)}"
        )
    check_product(name, x, y)
    return StackMatMul.apply(x, y, False, False)


def mv(input: Tensor, vec: Tensor) -> Tensor:
    """Return the product of a matrix and a vector.

    Shapes:  input (N, K); vec (K,); returns (N,)
    Raises:  RuntimeError: other numbers of axes, or the inner sizes or the dtypes differ
    """
    check_tensors("mv", input=input, vec=vec)
    check_axes("mv", 2, input=input)
    check_axes("mv", 1, vec=vec)
    return matmul(input, vec)


def dot(input: Tensor, tensor: Tensor) -> Tensor:
    """Return the sum of the products of two vectors' elements.

    Shapes:  input (K,); tensor (K,); returns ()
    Raises:  RuntimeError: not two vectors, their sizes or their dtypes differ
    """
    check_tensors("dot", input=input, tensor=tensor)
    check_axes("dot", 1, input=input, tensor=tensor)
    return matmul(input, tensor)


def vdot(input: Tensor, other: Tensor) -> Tensor:
    """Return the sum of the products of two vectors' elements, as `dot`."""
    check_tensors("vdot", input=input, other=other)
    return dot(input, other)


def addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """Return beta * input + alpha * (mat1 @ mat2); with beta 0 the values of input do not matter.

    Shapes:  input broadcasts to (N, M); mat1 (N, K); mat2 (K, M); returns (N, M)
    Raises:  RuntimeError: shapes or dtypes do not fit
    """
    check_tensors("addmm", input=input, mat1=mat1, mat2=mat2)
    check_axes("addmm", 2, mat1=mat1, mat2=mat2)
    check_product("addmm", mat1, mat2)
    return _add("addmm", input, MatMul.apply(mat1, mat2, False, False), beta, alpha)


def addmv(input: Tensor, mat: Tensor, vec: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """Return beta * input + alpha * (mat @ vec); with beta 0 the values of input do not matter.

    Shapes:  input (N,), (1,) or (); mat (N, K); vec (K,); returns (N,)
    Raises:  RuntimeError: shapes or dtypes do not fit
    """
    check_tensors("addmv", input=input, mat=mat, vec=vec)
    return _add("addmv", input, mv(mat, vec), beta, alpha)


def baddbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """Return beta * input + alpha * bmm(batch1, batch2); with beta 0 the values of input do not matter.

    Shapes:  input broadcasts to (B, N, M); batch1 (B, N, K); batch2 (B, K, M); returns (B, N, M)
    Raises:  RuntimeError: shapes or dtypes do not fit
    """
    check_tensors("baddbmm", input=input)
    return _add("baddbmm", input, _bmm("baddbmm", batch1, batch2), beta, alpha)


def addbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
    """Return beta * input + alpha * the sum of bmm(batch1, batch2); with beta 0 input's values do not matter.

    Shapes:  input broadcasts to (N, M); batch1 (B, N, K); batch2 (B, K, M); returns (N, M)
    Raises:  RuntimeError: shapes or dtypes do not fit
    """
    check_tensors("addbmm", input=input)
    return _add("addbmm", input, sum(_bmm("addbmm", batch1, batch2), 0).to(batch1.dtype), beta, alpha)


def _add(name: str, input: Tensor, product: Tensor, beta: Any, alpha: Any) -> Tensor:
    if input.dtype != product.dtype:
        raise RuntimeError(
            f"{name}: input and the matrices must have the same dtype, but got {input.dtype} and {product.dtype}"
        )
    if input.array.shape != product.array.shape:
        input = expand(input, product.array.shape)
    return scaled(input, beta) + scaled(product, alpha)


def scaled(x: Tensor, factor: Any) -> Tensor:
    """Return x times a number, which loses its fraction if x is of whole numbers.

    Raises:  TypeError: factor is no number
    """
    if not isinstance(factor, int | float | np.number):
        raise TypeError(f"beta and alpha must be numbers, not {type(factor).__name__}")
    kind = x.array.dtype.kind
    number = float(factor) if kind == "f" else bool(factor) if kind == "b" else int(factor)
    return x if number == 1 else Scale.apply(x, number)


def check_axes(name: str, ndim: int, **arguments: Tensor) -> None:
    """Raise a RuntimeError if an argument has not `ndim` axes."""
    for word, value in arguments.items():
        if value.array.ndim != ndim:
            raise RuntimeError(
                f"{name}: Expected {ndim}-D argument {word}, but got {value.ndim}-D of shape {list(value.shape)}"
            )


def check_product(name: str, x: Tensor, y: Tensor) -> None:
    """Check that two tensors with axes can be multiplied, but for the axes before the last two."""
    inner_x, inner_y = x.shape[-1], y.shape[-2 if y.ndim > 1 else 0]
    if inner_x != inner_y:
        raise RuntimeError(
            f"mat1 and mat2 shapes cannot be multiplied ({list(x.shape)} and {list(y.shape)}: "
            f"the inner sizes {inner_x} and {inner_y} differ)"
        )
    if x.dtype != y.dtype:
        raise RuntimeError(
            f"{name}: expected both tensors to have the same dtype, but got {x.dtype} and {y.dtype}"
        )
    if x.dtype.kind == "b":
        raise NotImplementedError(f"{name}: not implemented for bool")
