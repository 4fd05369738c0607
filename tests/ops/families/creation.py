"""Tensors from sizes and values; what is random is tested in tests/test_sampling.py."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from tests.ops.op import Bad, Op, Sample, channels_last, normal, transposed, whole


def nothing(rng: np.random.Generator) -> tuple[np.ndarray, ...]:
    """Make no arrays: the call takes the library alone."""
    return ()


def made(name: str, calls: dict[str, Callable[[Any], Any]], *errors: Bad) -> Op:
    """Return the operation of some calls that take the library alone."""
    samples = tuple(Sample(kind, nothing, call) for kind, call in calls.items())
    return Op(name, samples, errors, differentiable=False)


def filled(name: str) -> Op:
    """Return the operation of zeros or ones."""
    return made(
        name,
        {
            "numbers": lambda lib: getattr(lib, name)(2, 3),
            "tuple": lambda lib: getattr(lib, name)((2, 3)),
            "list": lambda lib: getattr(lib, name)([2]),
            "shape": lambda lib: getattr(lib, name)(lib.tensor([[1.0, 2.0]]).shape),
            "keyword": lambda lib: getattr(lib, name)(size=(2,)),
            "0-d": lambda lib: getattr(lib, name)(()),
            "size 0": lambda lib: getattr(lib, name)(2, 0),
            "tensor": lambda lib: getattr(lib, name)(lib.tensor(2), np.int64(3)),
            "dtype": lambda lib: getattr(lib, name)(2, dtype=lib.int64),
            "Python's dtype": lambda lib: getattr(lib, name)(2, dtype=float, device="cpu"),
            "method": lambda lib: getattr(lib.tensor([1, 2]), f"new_{name}")(2, 3),
            "method with a dtype": lambda lib: getattr(lib.tensor([1]), f"new_{name}")(
                (2,), dtype=lib.float64
            ),
        },
        Bad("negative", lambda lib: getattr(lib, name)(-1, 2), RuntimeError, ("negative",)),
        Bad("no size", lambda lib: getattr(lib, name)(), TypeError, ("size",)),
        Bad("float", lambda lib: getattr(lib, name)(2.5), TypeError, ("size", "float")),
        Bad("bool", lambda lib: getattr(lib, name)(True), TypeError, ("size", "bool")),
        Bad("tuple inside", lambda lib: getattr(lib, name)(2, (3,)), TypeError, ("size", "tuple")),
        Bad(
            "gradient of whole numbers",
            lambda lib: getattr(lib, name)(2, dtype=lib.int64, requires_grad=True),
            RuntimeError,
            ("floating point",),
        ),
    )


def like(name: str, *value: Any) -> Op:
    """Return the operation of zeros_like, ones_like or full_like."""
    call: Callable[..., Any] = lambda lib, x, **options: getattr(lib, name)(x, *value, **options)  # noqa: E731
    return Op(
        name,
        (
            Sample("2-d", normal((2, 3)), call),
            Sample("0-d", normal(()), call),
            Sample("size 0", normal((2, 0)), call),
            Sample("transposed", transposed(normal, (2, 3)), call),
            Sample("expanded", normal((1, 3)), lambda lib, x: call(lib, x.expand(2, 3))),
            Sample("dtype", normal((2, 3)), lambda lib, x: call(lib, x, dtype=lib.int64)),
            Sample(
                "contiguous",
                channels_last(normal, (1, 2, 3, 4)),
                lambda lib, x: call(lib, x, memory_format=lib.contiguous_format),
            ),
        ),
        errors=(Bad("a list", lambda lib: call(lib, [1]), TypeError, (name, "list")),),
        differentiable=False,
        integers=(Sample("int64", whole("int64", 0, 9, (2,)), call),),
    )


OPS = (
    filled("zeros"),
    filled("ones"),
    like("zeros_like"),
    like("ones_like"),
    like("full_like", 1.5),
    made(
        "full",
        {
            "float": lambda lib: lib.full((2, 3), 1.5),
            "int": lambda lib: lib.full((2,), 3),
            "bool": lambda lib: lib.full([2], True),
            "dtype": lambda lib: lib.full(size=(2,), fill_value=1.7, dtype=lib.int64),
            "tensor": lambda lib: lib.full((2,), lib.tensor(3.0)),
            "NumPy's scalar": lambda lib: lib.full((2,), np.float64(3)),
            "0-d": lambda lib: lib.full((), float("inf")),
            "method": lambda lib: lib.tensor([1]).new_full((2,), 1.5),
        },
        Bad("a number", lambda lib: lib.full(2, 1), TypeError, ("int",)),
        Bad("a string", lambda lib: lib.full((2,), "a"), TypeError, ("str",)),
    ),
    made(
        "arange",
        {
            "end": lambda lib: lib.arange(5),
            "float end": lambda lib: lib.arange(4.5),
            "start, end": lambda lib: lib.arange(1, 7),
            "step": lambda lib: lib.arange(1, 7, 2),
            "backwards": lambda lib: lib.arange(5, 0, -2),
            "float step": lambda lib: lib.arange(0.0, 1.0, 0.1),
            "float64": lambda lib: lib.arange(0, 1, 0.1, dtype=lib.float64),
            "nothing": lambda lib: lib.arange(0),
            "keywords": lambda lib: lib.arange(start=1, end=3, step=1),
            "end alone": lambda lib: lib.arange(end=3),
            "tensors": lambda lib: lib.arange(lib.tensor(1), lib.tensor(4)),
            "whole numbers of floats": lambda lib: lib.arange(0.5, 3.5, dtype=lib.int64),
        },
        Bad("step 0", lambda lib: lib.arange(0, 1, 0), RuntimeError, ("nonzero",)),
        Bad("wrong way", lambda lib: lib.arange(1, 0), RuntimeError, ("1, 0", "1")),
        Bad("infinite", lambda lib: lib.arange(0, float("inf")), RuntimeError, ("inf",)),
        Bad("nothing", lambda lib: lib.arange(), TypeError, ("arange",)),
    ),
    made(
        "linspace",
        {
            "five": lambda lib: lib.linspace(0, 1, 5),
            "drop path rates": lambda lib: lib.linspace(0, 0.1, 12),
            "backwards": lambda lib: lib.linspace(1, 0, steps=4),
            "one": lambda lib: lib.linspace(2, 3, 1),
            "none": lambda lib: lib.linspace(2, 3, 0),
            "float64": lambda lib: lib.linspace(-1, 2, 7, dtype=lib.float64),
            "tensors": lambda lib: lib.linspace(lib.tensor(0.0), lib.tensor(1.0), 3),
            "whole numbers": lambda lib: lib.linspace(0, 10, 4, dtype=lib.int64),
        },
        Bad("negative", lambda lib: lib.linspace(0, 1, -1), RuntimeError, ("-1",)),
    ),
    made(
        "logspace",
        {
            "tens": lambda lib: lib.logspace(0, 2, 3),
            "twos": lambda lib: lib.logspace(-1, 2, 4, base=2, dtype=lib.float64),
        },
        Bad("negative", lambda lib: lib.logspace(0, 1, -1), RuntimeError, ("-1",)),
    ),
    made(
        "eye",
        {
            "square": lambda lib: lib.eye(3),
            "wide": lambda lib: lib.eye(2, 3),
            "bool": lambda lib: lib.eye(2, m=1, dtype=lib.bool),
            "size 0": lambda lib: lib.eye(0),
        },
        Bad("negative", lambda lib: lib.eye(-1), RuntimeError, ("-1",)),
    ),
    *(
        made(
            name,
            {
                "square": lambda lib, n=name: getattr(lib, n)(3, 3),
                "above": lambda lib, n=name: getattr(lib, n)(2, 4, 1),
                "below": lambda lib, n=name: getattr(lib, n)(4, 2, offset=-1),
            },
            Bad("negative", lambda lib, n=name: getattr(lib, n)(-1, 2), RuntimeError, ("-1",)),
        )
        for name in ("tril_indices", "triu_indices")
    ),
    made(
        "tensor",
        {
            "floats": lambda lib: lib.tensor([1.0, 2]),
            "integers": lambda lib: lib.tensor([[1, 2], [3, 4]]),
            "bools": lambda lib: lib.tensor((True, False)),
            "bool and float": lambda lib: lib.tensor([True, 2.5]),
            "number": lambda lib: lib.tensor(1.5),
            "empty": lambda lib: lib.tensor([]),
            "empty rows": lambda lib: lib.tensor([[], []]),
            "range": lambda lib: lib.tensor(range(3)),
            "float64 scalar": lambda lib: lib.tensor(np.float64(1.5)),
            "float64 scalars": lambda lib: lib.tensor([1.0, np.float64(1.5)]),
            "float32 scalar and int": lambda lib: lib.tensor([np.float32(1.5), 2]),
            "int32 scalars": lambda lib: lib.tensor([np.int32(1)]),
            "tensors": lambda lib: lib.tensor([lib.tensor(1.0), lib.tensor(2)]),
            "tensors in rows": lambda lib: lib.tensor([[lib.tensor([1.0])], [2]]),
            "array": lambda lib: lib.tensor(np.ones((2, 3), np.float32)),
            "dtype": lambda lib: lib.tensor([1.7, 2], dtype=lib.int64),
            "Python's dtype": lambda lib: lib.tensor([1, 2], dtype=float),
            "new_tensor": lambda lib: lib.tensor([0.5]).new_tensor([1, 2]),
        },
        Bad("string", lambda lib: lib.tensor("a"), TypeError, ("str",)),
        Bad("strings", lambda lib: lib.tensor(["a"]), ValueError, ("a",)),
        Bad("None", lambda lib: lib.tensor(None), RuntimeError, ("NoneType",)),
        Bad("rows differ", lambda lib: lib.tensor([[1, 2], [3]]), ValueError, ("length",)),
        Bad(
            "several elements",
            lambda lib: lib.tensor([lib.ones(2)] * 2),
            ValueError,
            ("one element", "[2]"),
        ),
        Bad("overflow", lambda lib: lib.tensor([300], dtype=lib.uint8), RuntimeError, ("300", "uint8")),
        Bad("objects", lambda lib: lib.tensor(np.array([None])), TypeError, ("object",)),
        Bad("gradient", lambda lib: lib.tensor([1], requires_grad=True), RuntimeError, ("floating point",)),
    ),
    made(
        "as_tensor",
        {
            "list": lambda lib: lib.as_tensor([1, 2.5]),
            "array": lambda lib: lib.as_tensor(np.arange(3), dtype=lib.float32),
            "tensor": lambda lib: lib.as_tensor(lib.ones(2), dtype=lib.float64),
            "asarray": lambda lib: lib.asarray(np.ones(2)),
        },
    ),
    made(
        "from_numpy",
        {"array": lambda lib: lib.from_numpy(np.arange(6).reshape(2, 3).T)},
        Bad("list", lambda lib: lib.from_numpy([1]), TypeError, ("list",)),
        Bad("scalar", lambda lib: lib.from_numpy(np.float64(1)), TypeError, ("float64",)),
        Bad("strings", lambda lib: lib.from_numpy(np.array(["a"])), TypeError, ("U1",)),
        Bad("backwards", lambda lib: lib.from_numpy(np.ones(2)[::-1]), ValueError, ("negative",)),
        Bad("byte order", lambda lib: lib.from_numpy(np.ones(2, ">f4")), ValueError, ("byte order",)),
    ),
    made("scalar_tensor", {"int": lambda lib: lib.scalar_tensor(2)}),
    made(
        "empty",
        {
            "numbers": lambda lib: lib.empty(2, 0),
            "dtype": lambda lib: lib.empty((0,), dtype=lib.int64),
            "like": lambda lib: lib.empty_like(lib.ones(0, 2)),
            "method": lambda lib: lib.ones(1).new_empty(0, 3),
        },
    ),
)
