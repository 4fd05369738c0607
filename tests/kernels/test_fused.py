"""Compiled streaming kernels equal the generic ones: normalisation, ReLU and sums, whatever is fused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tinynet import kernels
from tinynet.kernels.cpu.codegen import program

Call = tuple[tuple[np.ndarray, ...], dict[str, Any]]

SHAPES: list[tuple[int, ...]] = [
    (3, 16, 14, 12),
    (2, 37, 9, 11),
    (1, 64, 16, 17),
    (700, 130),
    (4099, 1),
    (2, 3, 31, 29),
    (5, 1024, 1, 1),
    (2, 3, 8, 8),
    (0, 64, 16, 16),
]
"""The last two are left to the generic kernels: too little, and nothing there."""
NAMES = [
    "batch_norm",
    "batch_norm_backward",
    "batch_norm_backward_behind_relu",
    "batch_norm_coefficients",
    "channel_affine",
    "channel_sum",
    "masked_sum",
    "relu",
    "relu_backward",
    "sum_of_two",
]
ELEMENTWISE, SUMS = 1e-6, 1e-5
TOLERANCES = {name: SUMS if name.startswith(("batch", "channel_sum")) else ELEMENTWISE for name in NAMES}
"""Of the largest value of each result."""


@pytest.fixture(autouse=True)
def small_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every thread have work, as it does with real arrays."""
    monkeypatch.setattr(program, "SHARE", 256)


class Sample:
    """Arrays of one shape, their channels side by side in memory."""

    def __init__(self, rng: np.random.Generator, shape: tuple[int, ...]) -> None:
        self.rng, self.shape = rng, shape

    def array(self) -> np.ndarray:
        N, C, *image = self.shape
        return np.moveaxis(self.rng.standard_normal((N, *image, C)).astype(np.float32), -1, 1)

    def channels(self) -> np.ndarray:
        return self.rng.uniform(0.5, 1.5, self.shape[1]).astype(np.float32)


def affines(sample: Sample) -> list[Call]:
    x, other = sample.array(), sample.array()
    scale, shift, scale2, shift2 = (sample.channels() for _ in range(4))
    first = {"scale": scale, "shift": shift}
    none = dict.fromkeys(("other", "other_scale", "other_shift"))
    second = {"other": other, "other_scale": scale2, "other_shift": shift2}
    return [
        ((x,), {**first, **added, "relu": relu})
        for added in (none, {**none, "other": other}, second)
        for relu in (False, True)
    ]


def behind_relu(sample: Sample) -> list[Call]:
    grad, other, x = sample.array(), sample.array(), sample.array()
    weight, mean, invstd, scale, shift = (sample.channels() for _ in range(5))
    y = np.maximum(sample.array(), np.float32(0))
    # Far from the kink: rounded another way, a value near it would pass on one side only.
    near = np.abs(x * _over(scale, x) + _over(shift, x)) < 1e-4
    x[near] = 1
    statistics = {"mean": mean, "invstd": invstd}
    masks: list[dict[str, Any]] = [
        {"y": None, "scale": None, "shift": None},
        {"y": y, "scale": None, "shift": None},
        {"y": None, "scale": scale, "shift": shift},
    ]
    return [
        ((grad, x, weight), {**statistics, **mask, "other": added, "keep": keep})
        for mask in masks
        for added in (None, other)
        for keep in (False, True)
    ]


def _over(values: np.ndarray, x: np.ndarray) -> np.ndarray:
    return values.reshape(1, -1, *(1,) * (x.ndim - 2))


def calls(name: str, sample: Sample) -> list[Call]:
    """Every way to call a kernel with arrays of one shape."""
    if name == "channel_affine":
        return affines(sample)
    if name == "batch_norm_backward_behind_relu":
        return behind_relu(sample)
    x, other, third = sample.array(), sample.array(), sample.array()
    weight, bias, mean, invstd = (sample.channels() for _ in range(4))
    made: dict[str, list[Call]] = {
        "batch_norm": [((x, weight, bias), {"eps": 1e-5})],
        "batch_norm_coefficients": [((x, weight, bias, 1e-5, None, None, 0.0, 1.0), {})],
        "batch_norm_backward": [
            ((), {"grad_y": other, "x": x, "weight": weight, "mean": mean, "invstd": invstd})
        ],
        "channel_sum": [((x,), {})],
        "masked_sum": [((x,), {"other": o, "y": third}) for o in (None, other)],
        "relu": [((x,), {})],
        "relu_backward": [((), {"grad_y": x, "y": np.maximum(other, np.float32(0))})],
        "sum_of_two": [((x,), {"other": other})],
    }
    return made[name]


def covered(entry: Any, args: tuple[Any, ...], options: dict[str, Any]) -> bool:
    """Whether the one accelerated version takes the call."""
    (version,) = entry.accelerated
    return version.when(*args, **options)


def results(found: Any) -> list[Any]:
    return list(found) if type(found) is tuple else [found]


def arrays(args: tuple[Any, ...], options: dict[str, Any]) -> list[np.ndarray]:
    return [value for value in (*args, *options.values()) if isinstance(value, np.ndarray)]


def channels_first(args: tuple[Any, ...], options: dict[str, Any]) -> Call:
    """The same call, every array in the order of its axes but the one that a result lies as: x, or y of a mask."""
    rest = arrays(args, options)
    named = options.get("x", options.get("y") if "scale" not in options else None)
    kept = named if named is not None else rest[1] if "keep" in options else rest[0]

    def turned(value: Any) -> Any:
        return np.ascontiguousarray(value) if isinstance(value, np.ndarray) and value is not kept else value

    return tuple(turned(value) for value in args), {key: turned(value) for key, value in options.items()}


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("name", NAMES)
def test_equals_the_generic_kernel(
    name: str, threads: int, rng: np.random.Generator, num_threads: Callable[[int], None]
) -> None:
    num_threads(threads)
    entry = kernels.kernels()[name]
    (version,) = entry.accelerated
    for number, shape in enumerate(SHAPES):
        for args, options in calls(name, Sample(rng, shape)):
            assert covered(entry, args, options) == (number < len(SHAPES) - 2), (
                "samples on both sides of `when`"
            )
            if number >= len(SHAPES) - 2:
                continue
            before = [array.copy() for array in arrays(args, options)]
            with kernels.generic_only():
                expected = results(entry.generic(*args, **options))
            found = results(version.function(*args, **options))
            for a, b in zip(found, expected, strict=True):
                assert (a is None) == (b is None)
                if b is not None:
                    assert (a.dtype, a.shape) == (b.dtype, b.shape)
                    np.testing.assert_allclose(a, b, rtol=0, atol=TOLERANCES[name] * np.abs(b).max())
            for array, copy in zip(arrays(args, options), before, strict=True):
                np.testing.assert_array_equal(array, copy, err_msg="a kernel changed its input")


@pytest.mark.parametrize("name", NAMES)
def test_threads_and_layouts_give_equal_bits(
    name: str, rng: np.random.Generator, num_threads: Callable[[int], None]
) -> None:
    entry = kernels.kernels()[name]
    (version,) = entry.accelerated
    for shape in SHAPES[:-2]:
        for args, options in calls(name, Sample(rng, shape)):
            runs = []
            for threads in (1, 2, 3, 2):
                num_threads(threads)
                runs.append(results(version.function(*args, **options)))
            args, options = channels_first(args, options)
            assert covered(entry, args, options)
            runs.append(results(version.function(*args, **options)))
            for run in runs[1:]:
                for a, b in zip(run, runs[0], strict=True):
                    np.testing.assert_array_equal(a, b)


def test_normalisation_of_images_channels_first_is_left_to_the_generic_kernel(
    rng: np.random.Generator,
) -> None:
    """Whatever the gradients lie like."""
    for name in ("batch_norm", "batch_norm_backward", "batch_norm_backward_behind_relu", "channel_affine"):
        entry = kernels.kernels()[name]
        for args, options in calls(name, Sample(rng, SHAPES[0])):
            if "x" in options:
                options["x"] = np.ascontiguousarray(options["x"])
            else:
                at = 1 if "keep" in options else 0
                args = (*args[:at], np.ascontiguousarray(args[at]), *args[at + 1 :])
            assert not covered(entry, args, options)


@pytest.mark.parametrize("name", NAMES)
def test_other_dtypes_are_left_to_the_generic_kernel(name: str, rng: np.random.Generator) -> None:
    entry = kernels.kernels()[name]
    for dtype in (np.float64, np.float16):
        for args, options in calls(name, Sample(rng, SHAPES[0])):

            def cast(value: Any, dtype: Any = dtype) -> Any:
                return value.astype(dtype) if isinstance(value, np.ndarray) else value

            assert not covered(entry, tuple(map(cast, args)), {k: cast(v) for k, v in options.items()})


def test_nan_infinities_and_zeros(rng: np.random.Generator) -> None:
    """A ReLU and its gradient let NaN pass, and make no negative zero."""
    sample = Sample(rng, SHAPES[0])
    x, grad = sample.array(), sample.array()
    for value in (np.nan, np.inf, -np.inf, 0.0, -0.0):
        x[rng.random(x.shape) < 0.1] = value
        grad[rng.random(x.shape) < 0.1] = value
    for name, args, options in (
        ("relu", (x,), {}),
        ("relu_backward", (), {"grad_y": grad, "y": np.maximum(x, np.float32(0))}),
        ("masked_sum", (grad,), {"other": None, "y": x}),
    ):
        entry = kernels.kernels()[name]
        with np.errstate(all="ignore"):
            expected = entry.generic(*args, **options)
        found = entry.accelerated[0].function(*args, **options)
        np.testing.assert_array_equal(found, expected)


def test_variance_of_values_far_from_zero(rng: np.random.Generator) -> None:
    """The first row is subtracted before the squares are added up: little cancels."""
    x = Sample(rng, SHAPES[0]).array() + np.float32(1000)
    entry = kernels.kernels()["batch_norm_coefficients"]
    one = np.ones(SHAPES[0][1], np.float32)
    mean, var, *_ = entry.accelerated[0].function(x, one, one, 1e-5, None, None, 0.0, 1.0)
    np.testing.assert_allclose(mean, x.mean((0, 2, 3), np.float64), rtol=1e-6)
    np.testing.assert_allclose(var, x.var((0, 2, 3), np.float64), rtol=1e-5)
