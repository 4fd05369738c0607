"""Functions of each element as methods that change the tensor itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tinynet import ops

if TYPE_CHECKING:
    from tinynet.tensor.core import Tensor


class ElementwiseInPlaceMethods:
    """Functions of each element that overwrite it; their names end in an underscore."""

    __slots__ = ()

    def exp_(self: Any) -> Tensor:
        """Replace each element by `exp` of it, and return the tensor."""
        return ops.in_place(self, ops.exp(self))

    def exp2_(self: Any) -> Tensor:
        """Replace each element by `exp2` of it, and return the tensor."""
        return ops.in_place(self, ops.exp2(self))

    def expm1_(self: Any) -> Tensor:
        """Replace each element by `expm1` of it, and return the tensor."""
        return ops.in_place(self, ops.expm1(self))

    def log_(self: Any) -> Tensor:
        """Replace each element by `log` of it, and return the tensor."""
        return ops.in_place(self, ops.log(self))

    def log1p_(self: Any) -> Tensor:
        """Replace each element by `log1p` of it, and return the tensor."""
        return ops.in_place(self, ops.log1p(self))

    def log2_(self: Any) -> Tensor:
        """Replace each element by `log2` of it, and return the tensor."""
        return ops.in_place(self, ops.log2(self))

    def log10_(self: Any) -> Tensor:
        """Replace each element by `log10` of it, and return the tensor."""
        return ops.in_place(self, ops.log10(self))

    def sqrt_(self: Any) -> Tensor:
        """Replace each element by `sqrt` of it, and return the tensor."""
        return ops.in_place(self, ops.sqrt(self))

    def rsqrt_(self: Any) -> Tensor:
        """Replace each element by `rsqrt` of it, and return the tensor."""
        return ops.in_place(self, ops.rsqrt(self))

    def reciprocal_(self: Any) -> Tensor:
        """Replace each element by `reciprocal` of it, and return the tensor."""
        return ops.in_place(self, ops.reciprocal(self))

    def square_(self: Any) -> Tensor:
        """Replace each element by `square` of it, and return the tensor."""
        return ops.in_place(self, ops.square(self))

    def abs_(self: Any) -> Tensor:
        """Replace each element by `abs` of it, and return the tensor."""
        return ops.in_place(self, ops.abs(self))

    def sign_(self: Any) -> Tensor:
        """Replace each element by `sign` of it, and return the tensor."""
        return ops.in_place(self, ops.sign(self))

    def sin_(self: Any) -> Tensor:
        """Replace each element by `sin` of it, and return the tensor."""
        return ops.in_place(self, ops.sin(self))

    def cos_(self: Any) -> Tensor:
        """Replace each element by `cos` of it, and return the tensor."""
        return ops.in_place(self, ops.cos(self))

    def tan_(self: Any) -> Tensor:
        """Replace each element by `tan` of it, and return the tensor."""
        return ops.in_place(self, ops.tan(self))

    def asin_(self: Any) -> Tensor:
        """Replace each element by `asin` of it, and return the tensor."""
        return ops.in_place(self, ops.asin(self))

    def acos_(self: Any) -> Tensor:
        """Replace each element by `acos` of it, and return the tensor."""
        return ops.in_place(self, ops.acos(self))

    def atan_(self: Any) -> Tensor:
        """Replace each element by `atan` of it, and return the tensor."""
        return ops.in_place(self, ops.atan(self))

    def sinh_(self: Any) -> Tensor:
        """Replace each element by `sinh` of it, and return the tensor."""
        return ops.in_place(self, ops.sinh(self))

    def cosh_(self: Any) -> Tensor:
        """Replace each element by `cosh` of it, and return the tensor."""
        return ops.in_place(self, ops.cosh(self))

    def tanh_(self: Any) -> Tensor:
        """Replace each element by `tanh` of it, and return the tensor."""
        return ops.in_place(self, ops.tanh(self))

    def asinh_(self: Any) -> Tensor:
        """Replace each element by `asinh` of it, and return the tensor."""
        return ops.in_place(self, ops.asinh(self))

    def acosh_(self: Any) -> Tensor:
        """Replace each element by `acosh` of it, and return the tensor."""
        return ops.in_place(self, ops.acosh(self))

    def atanh_(self: Any) -> Tensor:
        """Replace each element by `atanh` of it, and return the tensor."""
        return ops.in_place(self, ops.atanh(self))

    def deg2rad_(self: Any) -> Tensor:
        """Replace each element by `deg2rad` of it, and return the tensor."""
        return ops.in_place(self, ops.deg2rad(self))

    def rad2deg_(self: Any) -> Tensor:
        """Replace each element by `rad2deg` of it, and return the tensor."""
        return ops.in_place(self, ops.rad2deg(self))

    def sigmoid_(self: Any) -> Tensor:
        """Replace each element by `sigmoid` of it, and return the tensor."""
        return ops.in_place(self, ops.sigmoid(self))

    def logit_(self: Any, eps: float | None = None) -> Tensor:
        """Replace each element by `logit` of it, and return the tensor."""
        return ops.in_place(self, ops.logit(self, eps))

    def erf_(self: Any) -> Tensor:
        """Replace each element by `erf` of it, and return the tensor."""
        return ops.in_place(self, ops.erf(self))

    def erfc_(self: Any) -> Tensor:
        """Replace each element by `erfc` of it, and return the tensor."""
        return ops.in_place(self, ops.erfc(self))

    def floor_(self: Any) -> Tensor:
        """Replace each element by `floor` of it, and return the tensor."""
        return ops.in_place(self, ops.floor(self))

    def ceil_(self: Any) -> Tensor:
        """Replace each element by `ceil` of it, and return the tensor."""
        return ops.in_place(self, ops.ceil(self))

    def round_(self: Any, *, decimals: int = 0) -> Tensor:
        """Replace each element by `round` of it, and return the tensor."""
        return ops.in_place(self, ops.round(self, decimals=decimals))

    def trunc_(self: Any) -> Tensor:
        """Replace each element by `trunc` of it, and return the tensor."""
        return ops.in_place(self, ops.trunc(self))

    def frac_(self: Any) -> Tensor:
        """Replace each element by `frac` of it, and return the tensor."""
        return ops.in_place(self, ops.frac(self))

    def nan_to_num_(
        self: Any, nan: float | None = None, posinf: float | None = None, neginf: float | None = None
    ) -> Tensor:
        """Write numbers over NaN and the infinities, and return the tensor."""
        return ops.in_place(self, ops.nan_to_num(self, nan, posinf, neginf))

    absolute_, sgn_, fix_ = abs_, sign_, trunc_
    arcsin_, arccos_, arctan_, arcsinh_, arccosh_, arctanh_ = asin_, acos_, atan_, asinh_, acosh_, atanh_
