"""Matrix products."""

from __future__ import annotations

from typing import Any

from tinynet.autograd import Function
from tinynet.ops.promotion import check_broadcast
from tinynet.ops.reduce import sum_to
from tinynet.ops.shape import transpose
from tinynet.tensor import Tensor

__all__ = ["matmul"]


class MatMul(Function):
    """x @ y of two matrices, or of two stacks of them; the axes before the last two broadcast."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, y: Tensor) -> Tensor:
        ctx.save_for_backward(x, y)
        return Tensor(x.array @ y.array)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, y = ctx.saved_tensors
        need_x, need_y = ctx.needs_input_grad
        return (
            sum_to(grad @ transpose(y, -1, -2), x.shape) if need_x else None,
            sum_to(transpose(x, -1, -2) @ grad, y.shape) if need_y else None,
        )


def matmul(x: Tensor, y: Tensor) -> Tensor:
    """Return the matrix product; a tensor of one axis is a row on the left and a column on the right.

    Shapes:  x (..., N, K) or (K,); y (..., K, M) or (K,); returns (..., N, M) without the axes that were missing
    Raises:  RuntimeError: the inner sizes or the dtypes differ, the other axes do not broadcast, or there are none
             TypeError: y is no Tensor
    """
    if not isinstance(y, Tensor):
        raise TypeError(f"matmul(): the second argument must be a Tensor, not {type(y).__name__}")
    if x.ndim == 0 or y.ndim == 0:
        raise RuntimeError(
            f"both arguments to matmul need to be at least 1D, but they are {x.ndim}D and {y.ndim}D"
        )
    if x.shape[-1] != y.shape[-2 if y.ndim > 1 else 0]:
        raise RuntimeError(
            f"mat1 and mat2 shapes cannot be multiplied ({list(x.shape)} and {list(y.shape)}: "
            f"the inner sizes {x.shape[-1]} and {y.shape[-2 if y.ndim > 1 else 0]} differ)"
        )
    if x.dtype != y.dtype:
        raise RuntimeError(f"expected both tensors to have the same dtype, but got {x.dtype} and {y.dtype}")
    check_broadcast(x.shape[:-2], y.shape[:-2])
    row, column = x.ndim == 1, y.ndim == 1
    product = MatMul.apply(x.unsqueeze(0) if row else x, y.unsqueeze(1) if column else y)
    shape = product.shape
    if column:
        shape = shape[:-1]
    if row:
        shape = (*shape[:-2], shape[-1]) if not column else shape[:-1]
    return product if shape == product.shape else product.reshape(shape)
