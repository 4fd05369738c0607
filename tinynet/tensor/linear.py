"""Products of vectors and matrices as methods of Tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tinynet import ops

if TYPE_CHECKING:
    from tinynet.tensor.core import Tensor


class LinearMethods:
    """Products of vectors and matrices as methods."""

    __slots__ = ()

    def __matmul__(self: Any, other: Tensor) -> Tensor:
        return ops.matmul(self, other)

    def __rmatmul__(self: Any, other: Any) -> Tensor:
        return ops.matmul(other, self)

    def matmul(self: Any, other: Tensor) -> Tensor:
        """Return the matrix product with another tensor."""
        return ops.matmul(self, other)

    def mm(self: Any, mat2: Tensor) -> Tensor:
        """Return the product of two matrices."""
        return ops.mm(self, mat2)

    def bmm(self: Any, mat2: Tensor) -> Tensor:
        """Return the products of the matrices of two stacks."""
        return ops.bmm(self, mat2)

    def mv(self: Any, vec: Tensor) -> Tensor:
        """Return the product of the matrix and a vector."""
        return ops.mv(self, vec)

    def dot(self: Any, tensor: Tensor) -> Tensor:
        """Return the sum of the products of two vectors' elements."""
        return ops.dot(self, tensor)

    def vdot(self: Any, other: Tensor) -> Tensor:
        """Return the sum of the products of two vectors' elements."""
        return ops.vdot(self, other)

    def inner(self: Any, other: Tensor) -> Tensor:
        """Return the sums of products along the last axes of both tensors."""
        return ops.inner(self, other)

    def outer(self: Any, vec2: Tensor) -> Tensor:
        """Return the products of all elements of one vector with all of another."""
        return ops.outer(self, vec2)

    def ger(self: Any, vec2: Tensor) -> Tensor:
        """Return the products of all elements of one vector with all of another."""
        return ops.ger(self, vec2)

    def kron(self: Any, other: Tensor) -> Tensor:
        """Return the Kronecker product with another tensor."""
        return ops.kron(self, other)

    def t(self: Any) -> Tensor:
        """Return the transposed matrix; a vector or a number as it is."""
        return ops.t(self)

    def trace(self: Any) -> Tensor:
        """Return the sum of the main diagonal of the matrix."""
        return ops.trace(self)

    def addmm(self: Any, mat1: Tensor, mat2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
        """Return beta * self + alpha * (mat1 @ mat2)."""
        return ops.addmm(self, mat1, mat2, beta=beta, alpha=alpha)

    def addmv(self: Any, mat: Tensor, vec: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
        """Return beta * self + alpha * (mat @ vec)."""
        return ops.addmv(self, mat, vec, beta=beta, alpha=alpha)

    def addr(self: Any, vec1: Tensor, vec2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
        """Return beta * self + alpha * outer(vec1, vec2)."""
        return ops.addr(self, vec1, vec2, beta=beta, alpha=alpha)

    def baddbmm(self: Any, batch1: Tensor, batch2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
        """Return beta * self + alpha * bmm(batch1, batch2)."""
        return ops.baddbmm(self, batch1, batch2, beta=beta, alpha=alpha)

    def addbmm(self: Any, batch1: Tensor, batch2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
        """Return beta * self + alpha * the sum of bmm(batch1, batch2)."""
        return ops.addbmm(self, batch1, batch2, beta=beta, alpha=alpha)

    def addmm_(self: Any, mat1: Tensor, mat2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
        """Add as `addmm`, in place."""
        return ops.in_place(self, ops.addmm(self, mat1, mat2, beta=beta, alpha=alpha))

    def addmv_(self: Any, mat: Tensor, vec: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
        """Add as `addmv`, in place."""
        return ops.in_place(self, ops.addmv(self, mat, vec, beta=beta, alpha=alpha))

    def addr_(self: Any, vec1: Tensor, vec2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
        """Add as `addr`, in place."""
        return ops.in_place(self, ops.addr(self, vec1, vec2, beta=beta, alpha=alpha))

    def baddbmm_(self: Any, batch1: Tensor, batch2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
        """Add as `baddbmm`, in place."""
        return ops.in_place(self, ops.baddbmm(self, batch1, batch2, beta=beta, alpha=alpha))

    def addbmm_(self: Any, batch1: Tensor, batch2: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Tensor:
        """Add as `addbmm`, in place."""
        return ops.in_place(self, ops.addbmm(self, batch1, batch2, beta=beta, alpha=alpha))
