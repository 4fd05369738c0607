from __future__ import annotations

import math

import numpy as np
import pytest
import torch

import tinynet
from tinynet import nn
from tinynet.generator import Generator
from tinynet.nn import init

SHAPE = (64, 32, 3, 3)
FAN_IN, FAN_OUT = 32 * 9, 64 * 9
LEAKY = math.sqrt(2 / (1 + 0.2**2))


def empty(shape, dtype="float64"):
    return nn.Parameter(tinynet.Tensor(np.full(shape, np.nan, dtype)))


def normal_cdf(x, mean, std):
    return 0.5 * (1 + np.vectorize(math.erf)((x - mean) / (std * math.sqrt(2))))


class Normal:
    def __init__(self, std, mean=0.0, low=-math.inf, high=math.inf):
        self.std, self.mean, self.low, self.high = std, mean, low, high

    def cdf(self, x):
        below, above = (normal_cdf(np.array(end), self.mean, self.std) for end in (self.low, self.high))
        return (normal_cdf(x, self.mean, self.std) - below) / (above - below)


class Uniform:
    def __init__(self, low, high):
        self.low, self.high = low, high

    def cdf(self, x):
        return (x - self.low) / (self.high - self.low)


def symmetric(std):
    return Uniform(-math.sqrt(3) * std, math.sqrt(3) * std)


RANDOM = {
    "uniform": (init.uniform_, {}, Uniform(0, 1)),
    "uniform a b": (init.uniform_, {"a": -3.0, "b": 0.5}, Uniform(-3, 0.5)),
    "normal": (init.normal_, {}, Normal(1)),
    "normal mean std": (init.normal_, {"mean": 3.0, "std": 0.2}, Normal(0.2, 3.0)),
    "trunc normal": (init.trunc_normal_, {}, Normal(1, 0, -2, 2)),
    "trunc normal, narrow": (
        init.trunc_normal_,
        {"std": 0.02, "a": -0.01, "b": 0.03},
        Normal(0.02, 0, -0.01, 0.03),
    ),
    "trunc normal, tail": (init.trunc_normal_, {"a": 1.5, "b": 4.0}, Normal(1, 0, 1.5, 4)),
    "trunc normal, below": (init.trunc_normal_, {"mean": 2.0, "a": -1.0, "b": 0.5}, Normal(1, 2, -1, 0.5)),
    "xavier uniform": (init.xavier_uniform_, {}, symmetric(math.sqrt(2 / (FAN_IN + FAN_OUT)))),
    "xavier uniform gain": (
        init.xavier_uniform_,
        {"gain": 3.0},
        symmetric(3 * math.sqrt(2 / (FAN_IN + FAN_OUT))),
    ),
    "xavier normal": (init.xavier_normal_, {"gain": 0.5}, Normal(0.5 * math.sqrt(2 / (FAN_IN + FAN_OUT)))),
    "kaiming uniform": (init.kaiming_uniform_, {}, symmetric(math.sqrt(2 / FAN_IN))),
    "kaiming uniform of layers": (
        init.kaiming_uniform_,
        {"a": math.sqrt(5)},
        Uniform(-1 / FAN_IN**0.5, 1 / FAN_IN**0.5),
    ),
    "kaiming normal": (init.kaiming_normal_, {"nonlinearity": "relu"}, Normal(math.sqrt(2 / FAN_IN))),
    "kaiming normal fan out": (
        init.kaiming_normal_,
        {"mode": "fan_out", "nonlinearity": "relu"},
        Normal(math.sqrt(2 / FAN_OUT)),
    ),
    "kaiming normal leaky": (init.kaiming_normal_, {"a": 0.2}, Normal(LEAKY / math.sqrt(FAN_IN))),
    "kaiming normal linear": (
        init.kaiming_normal_,
        {"nonlinearity": "linear", "mode": "FAN_OUT"},
        Normal(1 / math.sqrt(FAN_OUT)),
    ),
}
random_cases = pytest.mark.parametrize("case", RANDOM)


@random_cases
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_draws_from_the_right_distribution(case, dtype):
    fill, options, distribution = RANDOM[case]
    tinynet.manual_seed(5)
    tensor = empty(SHAPE, dtype)
    array = tensor.array
    assert fill(tensor, **options) is tensor
    assert tensor.array is array
    assert array.dtype == dtype
    assert tensor.is_leaf
    values = np.sort(array.ravel().astype(np.float64))
    slack = np.finfo(dtype).eps * np.abs(values).max()
    assert values[0] >= getattr(distribution, "low", -math.inf) - slack
    assert values[-1] <= getattr(distribution, "high", math.inf) + slack
    # Kolmogorov and Smirnov: a right sampler exceeds 2.2 / sqrt(n) once in 8,000 seeds.
    n = values.size
    expected = distribution.cdf(values)
    distance = max(np.max(np.arange(1, n + 1) / n - expected), np.max(expected - np.arange(n) / n))
    assert distance < 2.2 / math.sqrt(n)
    # Values must not depend on their place: neighbours along every axis are uncorrelated.
    centred = (array.astype(np.float64) - values.mean()) / values.std()
    for axis in range(4):
        one, other = np.take(centred, 0, axis), np.take(centred, 1, axis)
        assert abs(np.mean(one * other)) < 4.5 / math.sqrt(one.size)


@random_cases
def test_standard_deviation_is_torchs(case):
    fill, options, _ = RANDOM[case]
    tinynet.manual_seed(6)
    torch.manual_seed(6)
    ours = fill(empty(SHAPE), **options).array
    theirs = getattr(torch.nn.init, fill.__name__)(torch.empty(SHAPE, dtype=torch.float64), **options).numpy()
    n, std = ours.size, theirs.std()
    assert abs(ours.mean() - theirs.mean()) < 5 * std * math.sqrt(2 / n)
    # Over 5 standard errors of the difference, for a kurtosis up to 5.
    assert abs(ours.std() / std - 1) < 8 * math.sqrt(1 / n)


@random_cases
def test_the_seed_decides(case):
    fill, options, _ = RANDOM[case]
    tinynet.manual_seed(1)
    first, second = (fill(empty((4, 5, 3)), **options).array for _ in range(2))
    tinynet.manual_seed(1)
    again = fill(empty((4, 5, 3), "float32"), **options).array
    tinynet.manual_seed(2)
    other = fill(empty((4, 5, 3)), **options).array
    np.testing.assert_array_equal(again, first.astype(np.float32))
    assert not np.isclose(first, second).any()
    assert not np.isclose(first, other).any()


@random_cases
def test_a_generator_may_be_given(case):
    fill, options, _ = RANDOM[case]
    tinynet.manual_seed(1)
    given = [fill(empty((4, 5)), **options, generator=np.random.default_rng(3)).array for _ in range(2)]
    np.testing.assert_array_equal(given[0], given[1])
    counted = fill(empty((4, 5)), **options).array
    tinynet.manual_seed(1)
    # The generator given did not use up a call of the seeded streams.
    np.testing.assert_array_equal(fill(empty((4, 5)), **options).array, counted)


def test_writes_through_a_view():
    memory = np.zeros((6, 4))
    init.normal_(tinynet.Tensor(memory.T[:, ::2]))
    assert np.count_nonzero(memory[::2]) == 12
    assert np.count_nonzero(memory[1::2]) == 0


@pytest.mark.parametrize("shape", [(), (7,), (0, 4)])
def test_shapes_without_a_fan(shape):
    for fill in (init.uniform_, init.normal_, init.trunc_normal_):
        assert np.isfinite(fill(empty(shape)).array).all()


@pytest.mark.parametrize(
    "fill, args", [("constant_", (0.3,)), ("ones_", ()), ("zeros_", ()), ("eye_", ())], ids=lambda v: str(v)
)
@pytest.mark.parametrize("shape", [(3, 5), (5, 3)])
def test_fixed_values_are_torchs(fill, args, shape):
    ours = getattr(init, fill)(empty(shape, "float32"), *args)
    theirs = getattr(torch.nn.init, fill)(torch.empty(shape), *args)
    assert ours.dtype == np.float32
    np.testing.assert_array_equal(ours.array, theirs.numpy())


@pytest.mark.parametrize(
    "shape, groups",
    [
        ((4, 3, 3), 1),
        ((2, 5, 2), 1),
        ((6, 2, 3, 4), 2),
        ((6, 2, 3, 4), 3),
        ((2, 5, 1, 2, 3), 1),
        ((2, 5, 1, 2, 3), 2),
    ],
)
def test_dirac_is_torchs(shape, groups):
    ours = init.dirac_(empty(shape), groups).array
    np.testing.assert_array_equal(ours, torch.nn.init.dirac_(torch.empty(shape), groups).numpy())
    assert ours.sum() > 0


@pytest.mark.parametrize("sparsity", [0.0, 0.1, 0.5, 1.0])
def test_sparse_leaves_zeros_in_each_column(sparsity):
    tinynet.manual_seed(0)
    ours = init.sparse_(empty((50, 400)), sparsity, std=0.5).array
    zeros = math.ceil(50 * sparsity)
    assert (np.count_nonzero(ours == 0, axis=0) == zeros).all()
    places = np.count_nonzero(ours == 0, axis=1) / 400  # every row equally often, 5 standard errors
    assert np.abs(places - zeros / 50).max() <= 5 * math.sqrt(0.25 / 400)
    if sparsity < 1:
        assert abs(ours[ours != 0].std() - 0.5) < 0.02


OLD_NAMES = {
    "uniform": (), "normal": (), "constant": (0.5,), "eye": (), "sparse": (0.5,), "orthogonal": (),
    "xavier_uniform": (), "xavier_normal": (), "kaiming_uniform": (), "kaiming_normal": (),
}  # fmt: skip


@pytest.mark.parametrize("name", [*OLD_NAMES, "dirac"])
def test_old_names_warn_and_do_the_same(name):
    shape = (4, 5, 3) if name == "dirac" else (4, 5)
    args = OLD_NAMES.get(name, ())
    with pytest.warns(
        FutureWarning, match=f"`nn.init.{name}` is now deprecated in favor of `nn.init.{name}_`"
    ):
        getattr(torch.nn.init, name)(torch.empty(shape), *args)
    tinynet.manual_seed(3)
    with pytest.warns(
        FutureWarning, match=f"`nn.init.{name}` is now deprecated in favor of `nn.init.{name}_`"
    ):
        old = getattr(init, name)(empty(shape), *args).array
    tinynet.manual_seed(3)
    np.testing.assert_array_equal(old, getattr(init, f"{name}_")(empty(shape), *args).array)


def test_a_generator_of_tinynet_may_be_given():
    generator = Generator().manual_seed(7)
    first, second = (init.normal_(empty((4, 5)), generator=generator).array for _ in range(2))
    assert not np.isclose(first, second).any()
    again = init.normal_(empty((4, 5)), generator=Generator().manual_seed(7)).array
    np.testing.assert_array_equal(first, again)
    assert generator.initial_seed() == 7
    with pytest.raises(TypeError, match="generator must be a Generator"):
        init.normal_(empty((4, 5)), generator=torch.Generator())


def test_constants_fill_integers():
    assert init.ones_(tinynet.Tensor(np.zeros(3, np.int64))).array.tolist() == [1, 1, 1]


@pytest.mark.parametrize("shape", [(6, 10), (10, 6), (8, 2, 3, 1), (4, 3, 3, 3)])
def test_orthogonal_rows_or_columns(shape):
    matrix = init.orthogonal_(empty(shape), gain=1.5).array.reshape(shape[0], -1)
    small = matrix @ matrix.T if matrix.shape[0] <= matrix.shape[1] else matrix.T @ matrix
    np.testing.assert_allclose(small, 1.5**2 * np.eye(len(small)), atol=1e-13)


def test_orthogonal_matrices_have_no_preferred_sign():
    tinynet.manual_seed(0)
    corners = [init.orthogonal_(empty((3, 3))).array[0, 0] for _ in range(400)]
    # A coordinate of a point on the sphere: mean 0, variance 1/3.
    assert abs(np.mean(corners)) < 4 / math.sqrt(3 * 400)
    assert abs(np.var(corners) - 1 / 3) < 4 * math.sqrt((1 / 5 - 1 / 9) / 400)


@pytest.mark.parametrize("shape", [(3, 5), (64, 32, 3, 3), (8, 1, 5), (0, 4)])
def test_fans_are_torchs(shape):
    assert init._calculate_fan_in_and_fan_out(empty(shape)) == torch.nn.init._calculate_fan_in_and_fan_out(
        torch.empty(shape)
    )


@pytest.mark.parametrize(
    "args",
    [
        (name,)
        for name in ("linear", "conv2d", "conv_transpose1d", "sigmoid", "tanh", "relu", "leaky_relu", "selu")
    ]
    + [("leaky_relu", 0.2), ("leaky_relu", 1), ("leaky_relu", 0), ("relu", 0.2)],
    ids=str,
)
def test_gains_are_torchs(args):
    assert init.calculate_gain(*args) == torch.nn.init.calculate_gain(*args)


ERRORS = {
    "fan of a vector": (lambda i, t: i.kaiming_normal_(t((3,))), ValueError, "fewer than 2 dimensions"),
    "fan of a scalar": (lambda i, t: i.xavier_uniform_(t(())), ValueError, "fewer than 2 dimensions"),
    "xavier normal": (
        lambda i, t: i.xavier_normal_(t((3,))),
        ValueError,
        r"fewer than 2 .* got shape \(3,\)",
    ),
    "mode": (lambda i, t: i.kaiming_uniform_(t((3, 4)), mode="fan"), ValueError, "Mode fan not supported"),
    "nonlinearity": (lambda i, t: i.calculate_gain("swish"), ValueError, "Unsupported nonlinearity swish"),
    "slope": (lambda i, t: i.calculate_gain("leaky_relu", True), ValueError, "True not a valid number"),
    "slope text": (lambda i, t: i.calculate_gain("leaky_relu", "0.1"), ValueError, "not a valid number"),
    "eye": (lambda i, t: i.eye_(t((2, 3, 4))), ValueError, "Only tensors with 2 dimensions"),
    "orthogonal": (lambda i, t: i.orthogonal_(t((3,))), ValueError, "2 or more dimensions"),
    "dirac": (lambda i, t: i.dirac_(t((3, 3))), ValueError, "3, 4, or 5 dimensions"),
    "dirac groups": (lambda i, t: i.dirac_(t((3, 3, 1)), 2), ValueError, "divisible by groups"),
    "sparse": (lambda i, t: i.sparse_(t((3, 3, 1)), 0.5), ValueError, "2 dimensions"),
    "std": (lambda i, t: i.normal_(t((3,)), std=-1.0), RuntimeError, "std >= 0.0, but found std -1.0"),
    "bounds": (lambda i, t: i.uniform_(t((3,)), 1.0, 0.0), RuntimeError, "from=1.0 > to=0.0"),
    "integers": (lambda i, t: i.normal_(t((3,), "int64")), RuntimeError, "floating-point tensor, got int64"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_bad_arguments_raise_as_in_torch(case):
    act, error, message = ERRORS[case]
    with pytest.raises(error, match=message):
        act(init, lambda shape, dtype="float32": tinynet.Tensor(np.zeros(shape, dtype)))
    with pytest.raises(error):
        act(torch.nn.init, lambda shape, dtype="float32": torch.from_numpy(np.zeros(shape, dtype)))


@pytest.mark.parametrize("options", [{"std": 0.0}, {"a": 1.0, "b": 1.0}, {"std": math.nan}])
def test_a_truncated_normal_that_would_never_end_is_refused(options):
    with pytest.raises(ValueError, match="needs std > 0 and a < b"):
        init.trunc_normal_(empty((3,)), **options)


@pytest.mark.parametrize("fill", [init.kaiming_normal_, init.kaiming_uniform_])
def test_empty_weights_warn(fill):
    with pytest.warns(UserWarning, match="Initializing zero-element tensors is a no-op"):
        assert fill(empty((0, 4))).shape == (0, 4)
