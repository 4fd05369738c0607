"""Functions of each element as methods of Tensor."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tinynet import ops

if TYPE_CHECKING:
    from tinynet.tensor.core import Tensor


class ElementwiseMethods:
    """Functions of each element as methods."""

    __slots__ = ()

    def exp(self: Any) -> Tensor:
        """Return e to the power of each element."""
        return ops.exp(self)

    def exp2(self: Any) -> Tensor:
        """Return 2 to the power of each element."""
        return ops.exp2(self)

    def expm1(self: Any) -> Tensor:
        """Return e to the power of each element, less 1, exact near 0."""
        return ops.expm1(self)

    def log(self: Any) -> Tensor:
        """Return the natural logarithm of each element."""
        return ops.log(self)

    def log1p(self: Any) -> Tensor:
        """Return the natural logarithm of 1 + x of each element x, exact near 0."""
        return ops.log1p(self)

    def log2(self: Any) -> Tensor:
        """Return the logarithm of each element to base 2."""
        return ops.log2(self)

    def log10(self: Any) -> Tensor:
        """Return the logarithm of each element to base 10."""
        return ops.log10(self)

    def sqrt(self: Any) -> Tensor:
        """Return the square root of each element."""
        return ops.sqrt(self)

    def rsqrt(self: Any) -> Tensor:
        """Return 1 / sqrt(x) of each element x."""
        return ops.rsqrt(self)

    def reciprocal(self: Any) -> Tensor:
        """Return 1 / x of each element x."""
        return ops.reciprocal(self)

    def square(self: Any) -> Tensor:
        """Return x * x of each element x."""
        return ops.square(self)

    def abs(self: Any) -> Tensor:
        """Return the absolute value of each element."""
        return ops.abs(self)

    def sign(self: Any) -> Tensor:
        """Return -1 for elements below 0, 1 above, else 0."""
        return ops.sign(self)

    def sin(self: Any) -> Tensor:
        """Return the sine of each angle."""
        return ops.sin(self)

    def cos(self: Any) -> Tensor:
        """Return the cosine of each angle."""
        return ops.cos(self)

    def tan(self: Any) -> Tensor:
        """Return the tangent of each angle."""
        return ops.tan(self)

    def asin(self: Any) -> Tensor:
        """Return the angle in [-pi/2, pi/2] that has each sine."""
        return ops.asin(self)

    def acos(self: Any) -> Tensor:
        """Return the angle in [0, pi] that has each cosine."""
        return ops.acos(self)

    def atan(self: Any) -> Tensor:
        """Return the angle in [-pi/2, pi/2] that has each tangent."""
        return ops.atan(self)

    def sinh(self: Any) -> Tensor:
        """Return the hyperbolic sine of each element."""
        return ops.sinh(self)

    def cosh(self: Any) -> Tensor:
        """Return the hyperbolic cosine of each element."""
        return ops.cosh(self)

    def tanh(self: Any) -> Tensor:
        """Return the hyperbolic tangent of each element."""
        return ops.tanh(self)

    def asinh(self: Any) -> Tensor:
        """Return the number that has each hyperbolic sine."""
        return ops.asinh(self)

    def acosh(self: Any) -> Tensor:
        """Return the number >= 0 that has each hyperbolic cosine."""
        return ops.acosh(self)

    def atanh(self: Any) -> Tensor:
        """Return the number that has each hyperbolic tangent."""
        return ops.atanh(self)

    def deg2rad(self: Any) -> Tensor:
        """Return each angle, given in degrees, in radians."""
        return ops.deg2rad(self)

    def rad2deg(self: Any) -> Tensor:
        """Return each angle, given in radians, in degrees."""
        return ops.rad2deg(self)

    def sigmoid(self: Any) -> Tensor:
        """Return 1 / (1 + e**-x) of each element x."""
        return ops.sigmoid(self)

    def logit(self: Any, eps: float | None = None) -> Tensor:
        """Return log(x / (1 - x)) of each element x, first moved to between eps and 1 - eps."""
        return ops.logit(self, eps)

    def erf(self: Any) -> Tensor:
        """Return the error function of each element."""
        return ops.erf(self)

    def erfc(self: Any) -> Tensor:
        """Return 1 - erf(x) of each element x, exact also where it is small."""
        return ops.erfc(self)

    def floor(self: Any) -> Tensor:
        """Return the largest whole number not above each element."""
        return ops.floor(self)

    def ceil(self: Any) -> Tensor:
        """Return the smallest whole number not below each element."""
        return ops.ceil(self)

    def round(self: Any, *, decimals: int = 0) -> Tensor:
        """Return the nearest number with so many decimals, the even one of two."""
        return ops.round(self, decimals=decimals)

    def trunc(self: Any) -> Tensor:
        """Return each element without what is behind the decimal point."""
        return ops.trunc(self)

    def frac(self: Any) -> Tensor:
        """Return what is behind the decimal point of each element, with its sign."""
        return ops.frac(self)

    def isnan(self: Any) -> Tensor:
        """Return whether each element is NaN."""
        return ops.isnan(self)

    def isinf(self: Any) -> Tensor:
        """Return whether each element is inf or -inf."""
        return ops.isinf(self)

    def isfinite(self: Any) -> Tensor:
        """Return whether each element is neither NaN nor infinite."""
        return ops.isfinite(self)

    def isposinf(self: Any) -> Tensor:
        """Return whether each element is inf."""
        return ops.isposinf(self)

    def isneginf(self: Any) -> Tensor:
        """Return whether each element is -inf."""
        return ops.isneginf(self)

    def signbit(self: Any) -> Tensor:
        """Return whether each element has a minus sign, as -0.0 has."""
        return ops.signbit(self)

    def nan_to_num(
        self: Any, nan: float | None = None, posinf: float | None = None, neginf: float | None = None
    ) -> Tensor:
        """Return the tensor with numbers for NaN and the infinities; see `tinynet.nan_to_num`."""
        return ops.nan_to_num(self, nan, posinf, neginf)

    def positive(self: Any) -> Tensor:
        """Return the tensor itself."""
        return ops.positive(self)

    absolute = __abs__ = abs
    sgn, fix = sign, trunc
    arcsin, arccos, arctan, arcsinh, arccosh, arctanh = asin, acos, atan, asinh, acosh, atanh
