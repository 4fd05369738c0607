"""Compiled updates equal the generic ones, of many parameters at once, whatever the order of their elements."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tests.kernels.test_optim import ADAM, SECOND_MOMENTS, SGD
from tinynet import kernels, nn, optim
from tinynet.kernels.cpu.codegen import program

NAMES = ["sgd_all_", "adam_all_"]
SHAPES = [(5, 7), (), (3,), (64, 33), (0, 4), (16, 8, 3, 3), (1000,), (1, 1), (17, 16, 1, 1)]
SGD_CASES: list[dict[str, Any]] = [
    {},
    {"weight_decay": 0, "maximize": True},
    {"dampening": 0, "nesterov": True},
    {"momentum": 0},
]
ADAM_CASES: list[dict[str, Any]] = [
    {},
    {"weight_decay": 0, "maximize": True},
    {"decoupled_weight_decay": True, "step": 1},
    {"amsgrad": True},
    {"decoupled_weight_decay": True, "amsgrad": True, "beta1": 0.0, "step": 200},
]


@pytest.fixture(autouse=True)
def small_shares(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every thread have work, as it does with real arrays."""
    monkeypatch.setattr(program, "SHARE", 256)


def draw(name: str, changes: dict[str, Any], shapes: list[tuple[int, ...]] = SHAPES) -> dict[str, Any]:
    """Arguments of one of the two kernels, for parameters of these shapes."""
    rng = np.random.default_rng(0)
    options = {**(SGD if name == "sgd_all_" else ADAM), **changes}
    absent = []
    if name == "sgd_all_":
        kinds = ["params", "grads", "momentum_buffers"]
        absent = ["momentum_buffers"] if not options["momentum"] else []
    else:
        kinds = ["params", "grads", "exp_avgs", "exp_avg_sqs", "max_exp_avg_sqs"]
        absent = [] if options.pop("amsgrad", False) else ["max_exp_avg_sqs"]
    for kind in kinds:
        drawn = [rng.standard_normal(shape) for shape in shapes]
        if kind.removesuffix("s") in SECOND_MOMENTS:
            drawn = [x**2 + 30 for x in drawn]
        options[kind] = [np.asarray(x, np.float32) for x in drawn]
    return {**options, **dict.fromkeys(absent)}


def arrays(arguments: dict[str, Any]) -> dict[str, list[np.ndarray]]:
    return {name: value for name, value in arguments.items() if isinstance(value, list)}


CASES = [("sgd_all_", case) for case in SGD_CASES] + [("adam_all_", case) for case in ADAM_CASES]


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("name, changes", CASES)
def test_equals_the_generic_kernel_bit_for_bit(
    name: str, changes: dict[str, Any], threads: int, num_threads: Callable[[int], None]
) -> None:
    num_threads(threads)
    entry = kernels.kernels()[name]
    (version,) = entry.accelerated
    shapes = [*SHAPES, (256, 257)]  # enough for several threads
    expected, found = draw(name, changes, shapes), draw(name, changes, shapes)
    for list_of_kind in arrays(found).values():  # not all in the order of their axes
        list_of_kind[3] = np.asfortranarray(list_of_kind[3])
        list_of_kind[5] = np.ascontiguousarray(list_of_kind[5].transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
    found["grads"][-1] = np.asfortranarray(found["grads"][-1])
    for arguments in (found, expected):
        arguments["grads"][6] = np.broadcast_to(arguments["grads"][6][:1], (1000,))
    assert version.when(**found)
    with kernels.generic_only():
        entry.generic(**expected)
    version.function(**found)
    grads = expected["grads"]
    for kind, values in arrays(found).items():
        for a, b in zip(values, expected[kind], strict=True):
            np.testing.assert_array_equal(a, b)
    for a, b in zip(found["grads"], grads, strict=True):
        np.testing.assert_array_equal(a, b, err_msg="a kernel changed the gradient")


def test_nan_and_infinities_as_in_the_generic_kernel() -> None:
    entry = kernels.kernels()["adam_all_"]
    found, expected = (draw("adam_all_", {"amsgrad": True}, [(5000,)]) for _ in range(2))
    for arguments in (found, expected):
        for i, kind in enumerate(arrays(arguments).values()):
            kind[0][[i, 9]] = np.nan
            kind[0][[20 + i, 29]] = np.inf
    with kernels.generic_only(), np.errstate(all="ignore"):
        entry.generic(**expected)
    entry.accelerated[0].function(**found)
    for kind, values in arrays(found).items():
        np.testing.assert_array_equal(values[0], expected[kind][0])


@pytest.mark.parametrize("name", NAMES)
def test_parameters_that_share_memory_change_in_turn(name: str, num_threads: Callable[[int], None]) -> None:
    num_threads(3)
    entry = kernels.kernels()[name]
    found, expected = (draw(name, {}, [(90_000,), (80_000,)]) for _ in range(2))
    for arguments in (found, expected):
        arguments["params"][1] = arguments["params"][0][500:80_500]
    with kernels.generic_only():
        entry.generic(**expected)
    entry.accelerated[0].function(**found)
    np.testing.assert_array_equal(found["params"][0], expected["params"][0])


@pytest.mark.parametrize("name", NAMES)
def test_what_a_compiled_update_does_not_cover(name: str) -> None:
    (version,) = kernels.kernels()[name].accelerated

    def covers(change: Callable[[dict[str, Any]], Any]) -> bool:
        arguments = draw(name, {})
        change(arguments)
        return version.when(**arguments)

    def put(kind: str, make: Callable[[np.ndarray], np.ndarray]) -> Callable[[dict[str, Any]], Any]:
        return lambda arguments: arguments[kind].__setitem__(3, make(arguments[kind][3]))

    assert covers(lambda arguments: None)
    assert not covers(put("params", np.asfortranarray))
    assert not covers(put("params", lambda x: np.repeat(x, 2, axis=1)[:, ::2]))
    assert not covers(put("grads", lambda x: x.astype(np.float64)))
    assert not version.when(**draw(name, {}, [(5, 7), (3,)])), "too little"


@pytest.mark.parametrize(
    "make",
    [
        lambda p: optim.SGD(p, lr=0.1, momentum=0.9, dampening=0.1),
        lambda p: optim.Adam(p, weight_decay=0.1),
        lambda p: optim.AdamW(p, amsgrad=True),
    ],
)
def test_parameters_that_start_later_take_their_own_first_step(make: Callable[[Any], Any]) -> None:
    """One parameter gets its first gradient when the other has taken two steps."""
    final = []
    for generic in (False, True):
        rng = np.random.default_rng(1)
        params = [nn.Parameter(rng.standard_normal((80, 70)).astype(np.float32)) for _ in range(2)]
        optimizer = make(params)
        for step in range(4):
            for param in params[: 1 + (step > 1)]:
                param.grad = nn.Parameter(rng.standard_normal(param.shape).astype(np.float32)).data
            if generic:
                with kernels.generic_only():
                    optimizer.step()
            else:
                optimizer.step()
        final.append([param.array for param in params])
    for a, b in zip(*final, strict=True):
        np.testing.assert_array_equal(a, b)
