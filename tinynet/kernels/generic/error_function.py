"""The error function, 2 / sqrt(pi) * the integral of exp(-t**2) from 0 to x.

A quotient of polynomials in x**2 near 0, else 1 - exp(-x**2) * a quotient of polynomials in |x|: exact to a few
units in the last place of float64, also relative to small results.

Source:  Cody 1969, Rational Chebyshev approximations for the error function, Mathematics of Computation 23
"""

from __future__ import annotations

import math

from tinynet.backend import Array, array_module

NEAR = 0.46875
"""Up to here the first quotient holds; the second from here to FAR, beyond which the result is 1."""
FAR = 6.0

NEAR_ABOVE = (1.85777706184603153e-1, 3.16112374387056560, 1.13864154151050156e2, 3.77485237685302021e2,
              3.20937758913846947e3)  # fmt: skip
NEAR_BELOW = (1.0, 2.36012909523441209e1, 2.44024637934444173e2, 1.28261652607737228e3, 2.84423683343917062e3)
FAR_ABOVE = (2.15311535474403846e-8, 5.64188496988670089e-1, 8.88314979438837594, 6.61191906371416295e1,
             2.98635138197400131e2, 8.81952221241769090e2, 1.71204761263407058e3, 2.05107837782607147e3,
             1.23033935479799725e3)  # fmt: skip
FAR_BELOW = (1.0, 1.57449261107098347e1, 1.17693950891312499e2, 5.37181101862009858e2, 1.62138957456669019e3,
             3.29079923573345963e3, 4.36261909014324716e3, 3.43936767414372164e3, 1.23033935480374942e3)  # fmt: skip

BEYOND = 4.0
"""From here on erfc needs a quotient of its own, of polynomials in 1 / x**2; its float64 is 0 after END."""
END = 28.0
BEYOND_ABOVE = (1.63153871373020978e-2, 3.05326634961232344e-1, 3.60344899949804439e-1,
                1.25781726111229246e-1, 1.60837851487422766e-2, 6.58749161529837803e-4)  # fmt: skip
BEYOND_BELOW = (1.0, 2.56852019228982242, 1.87295284992346725, 5.27905102951428412e-1, 6.05183413124413191e-2,
                2.33520497626869185e-3)  # fmt: skip


def erf(x: Array) -> Array:
    """Return the error function of each element; NaN stays NaN. For float32 and float64."""
    xp = array_module(x)
    size = xp.minimum(xp.abs(x), x.dtype.type(FAR))
    small = xp.minimum(size, x.dtype.type(NEAR))
    near = x * _quotient(small * small, NEAR_ABOVE, NEAR_BELOW)
    rest = xp.exp(-size * size) * _quotient(size, FAR_ABOVE, FAR_BELOW)
    return xp.where(size <= NEAR, near, xp.sign(x) * (1 - rest))


def erfc(x: Array) -> Array:
    """Return 1 - erf(x) of each element, exact also where it is small; NaN stays NaN. For float32 and float64."""
    xp, number = array_module(x), x.dtype.type
    size = xp.minimum(xp.abs(x), number(END))
    middle = _quotient(xp.minimum(size, number(BEYOND)), FAR_ABOVE, FAR_BELOW)
    inverse = 1 / xp.square(xp.maximum(size, number(BEYOND)))
    tail = (1 / math.sqrt(math.pi) - inverse * _quotient(inverse, BEYOND_ABOVE, BEYOND_BELOW)) / size
    small = _exp_of_minus_square(size) * xp.where(size <= BEYOND, middle, tail)
    return xp.where(size <= NEAR, 1 - erf(x), xp.where(x < 0, 2 - small, small))


def _exp_of_minus_square(size: Array) -> Array:
    """Return exp(-size**2): the square of a rounded size is exact, so its error does not grow with the size."""
    rounded = array_module(size).trunc(size * 16) / 16
    return array_module(size).exp(-rounded * rounded) * array_module(size).exp(
        -(size - rounded) * (size + rounded)
    )


def _quotient(x: Array, above: tuple[float, ...], below: tuple[float, ...]) -> Array:
    """Return the quotient of two polynomials, their coefficients from the highest power down."""
    return _polynomial(x, above) / _polynomial(x, below)


def _polynomial(x: Array, coefficients: tuple[float, ...]) -> Array:
    first, *others, last = coefficients
    y = x * first
    for coefficient in others:  # in place: half the time
        y += coefficient
        y *= x
    y += last
    return y
