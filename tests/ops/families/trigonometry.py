"""Functions of angles and of hyperbolas, and their inverses."""

from __future__ import annotations

from tests.ops.families.elementwise import smooth
from tests.ops.op import normal, within

OPS = (
    smooth("sin", normal),
    smooth("cos", normal),
    smooth("tan", within(-1.2, 1.2)),
    smooth("asin", within(-0.9, 0.9)),
    smooth("acos", within(-0.9, 0.9)),
    smooth("atan", normal),
    smooth("sinh", normal),
    smooth("cosh", normal),
    smooth("asinh", normal),
    smooth("acosh", within(1.5, 3)),
    smooth("atanh", within(-0.9, 0.9)),
    smooth("deg2rad", within(-180, 180)),
    smooth("rad2deg", within(-3, 3)),
)
