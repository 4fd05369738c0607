from __future__ import annotations

import numpy as np
import pytest
import torch

import tinynet
from tinynet import nn

N = 40_000


def dropped(p, shape=(N,), dtype="float32"):
    x = tinynet.Tensor(np.full(shape, 3, dtype))
    return nn.functional.dropout(x, p).numpy()


@pytest.mark.parametrize("p", [0.1, 0.5, 0.85])
def test_share_and_mean_are_as_announced(p, dtype):
    y = dropped(p, dtype=dtype)
    assert y.dtype == dtype
    kept = y != 0
    # five standard deviations of a binomial share
    tolerance = 5 * np.sqrt(p * (1 - p) / N)
    assert abs(kept.mean() - (1 - p)) < tolerance
    assert abs(y.mean() - 3) < 3 * tolerance / (1 - p)
    np.testing.assert_allclose(y[kept], 3 / (1 - p), rtol=1e-6)


def test_elements_are_dropped_independently():
    kept = dropped(0.5, (200, 200)) != 0
    for neighbours in (kept[1:] == kept[:-1], kept[:, 1:] == kept[:, :-1]):
        assert abs(neighbours.mean() - 0.5) < 5 * 0.5 / np.sqrt(neighbours.size)
    for axis in (0, 1):
        assert np.abs(kept.mean(axis) - 0.5).max() < 5 * 0.5 / np.sqrt(200)


def test_masks_follow_the_seed_and_differ_between_calls():
    def two_masks(seed):
        tinynet.manual_seed(seed)
        return dropped(0.5), dropped(0.5)

    (first, second), again, other = two_masks(3), two_masks(3), two_masks(4)
    np.testing.assert_array_equal(first, again[0])
    np.testing.assert_array_equal(second, again[1])
    assert (first != second).any()
    assert (first != other[0]).any()


@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("shape", [(50, 7), (4, 3, 5, 6), (0, 3), ()], ids=str)
def test_gradient_uses_the_mask_of_the_output(p, shape, dtype, draw):
    x = tinynet.Tensor(draw(shape, dtype), requires_grad=True)
    before = x.detach().numpy().copy()
    y = nn.functional.dropout(x, p)
    assert y.shape == shape
    assert y.dtype == dtype
    factor = y.detach().numpy() / before
    upstream = draw(shape, dtype, 1)
    y.backward(tinynet.Tensor(upstream))
    np.testing.assert_allclose(x.grad.numpy(), upstream * factor, rtol=1e-6)
    np.testing.assert_array_equal(x.detach().numpy(), before)
    if p == 0.3 and x.numel() > 1:
        assert 0 < (factor == 0).sum() < factor.size
    elif p != 0.3:
        assert (factor == 1 - p).all()


@pytest.mark.parametrize(
    ("p", "training"), [(0.0, True), (1.0, True), (0.0, False), (0.5, False), (1.0, False)]
)
def test_where_nothing_is_random_layer_equals_torch(p, training, dtype, draw, same_layer):
    same_layer(lambda nn: nn.Dropout(p), draw((3, 4, 5), dtype), training=training, may_vanish=p == 1)


def test_layer_drops_in_training_only():
    layer, x = nn.Dropout(0.5), tinynet.ones(1000)
    assert (layer(x).numpy() == 0).any()
    assert (layer.eval()(x).numpy() == 1).all()
    assert (nn.functional.dropout(x, 0.5, training=False).numpy() == 1).all()


def test_read_only_input_is_fine(draw):
    x = np.broadcast_to(draw((1, 4)), (3, 4))
    assert nn.functional.dropout(tinynet.Tensor(x), 0.5).shape == (3, 4)


@pytest.mark.parametrize("p", [-0.1, 1.1])
def test_probability_outside_0_to_1_is_refused(p, draw, same_error):
    same_error(lambda lib: lib.nn.Dropout(p), match=f"between 0 and 1, but got {p}")
    same_error(lambda lib, x: lib.nn.functional.dropout(x, p), draw((3,)), match=f"between 0 and 1.*{p}")
    same_error(
        lambda lib, x: lib.nn.functional.dropout(x, p, training=False), draw((3,)), match=f"0 and 1.*{p}"
    )


def test_integers_are_refused(same_error):
    same_error(lambda lib, x: lib.nn.functional.dropout(x, 0.5), np.ones(3, int), match="int64")


CHANNELS = {
    "dropout1d": [(40, 50, 6), (2000, 6)],
    "dropout2d": [(40, 50, 3, 4), (40, 50, 6)],
    "dropout3d": [(40, 50, 2, 3, 2), (2000, 2, 3, 2)],
}


@pytest.mark.filterwarnings("ignore:dropout2d. Received a 3D input")
@pytest.mark.parametrize(
    ("name", "shape"), [(name, shape) for name, shapes in CHANNELS.items() for shape in shapes]
)
def test_whole_channels_are_dropped(name, shape, dtype):
    p = 0.3
    x = tinynet.Tensor(np.full(shape, 3, dtype), requires_grad=True)
    y = getattr(nn.functional, name)(x, p)
    y.sum().backward()
    rows = y.detach().numpy().reshape(2000, -1)
    assert (rows == rows[:, :1]).all()
    kept = rows[:, 0] != 0
    assert abs(kept.mean() - (1 - p)) < 5 * np.sqrt(p * (1 - p) / 2000)
    np.testing.assert_allclose(rows[kept], 3 / (1 - p), rtol=1e-6)
    np.testing.assert_allclose(x.grad.numpy().reshape(2000, -1) * 3, rows, rtol=1e-6)
    assert y.dtype == dtype
    before = x.detach().clone()
    assert getattr(nn.functional, name)(before, p, training=False) is before


@pytest.mark.parametrize("p", [0.1, 0.5])
def test_alpha_dropout_keeps_mean_and_variance(p, dtype):
    rng = np.random.default_rng(0)
    x = tinynet.Tensor(rng.standard_normal(200_000).astype(dtype), requires_grad=True)
    y = nn.functional.alpha_dropout(x, p, training=True)
    values = y.detach().numpy()
    assert y.dtype == dtype
    assert abs(values.mean()) < 5 / np.sqrt(200_000)
    assert abs(values.var() - 1) < 0.02
    y.sum().backward()
    dropped = x.grad.numpy() == 0
    assert abs(dropped.mean() - p) < 5 * np.sqrt(p * (1 - p) / 200_000)
    a = 1 / np.sqrt((1.7580993408473766**2 * p + 1) * (1 - p))
    np.testing.assert_allclose(values[dropped], a * 1.7580993408473766 * (p - 1), rtol=1e-6)
    kept = x.detach().numpy()[~dropped]
    np.testing.assert_allclose(values[~dropped], a * (kept + 1.7580993408473766 * p), rtol=1e-5, atol=1e-5)


def test_feature_alpha_dropout_drops_channels_alike():
    y = nn.functional.feature_alpha_dropout(tinynet.ones(40, 50, 3, 4), 0.4, training=True).numpy()
    rows = y.reshape(2000, 12)
    assert (rows == rows[:, :1]).all()
    low, share = rows.min(), (rows[:, 0] == rows.min()).mean()
    assert low < 0
    assert abs(share - 0.4) < 5 * np.sqrt(0.24 / 2000)


NAMES = ["dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout"]


@pytest.mark.parametrize("name", NAMES)
def test_in_place_dropout_changes_the_input_and_its_gradient(name, dtype, draw):
    shape = {"dropout1d": (5, 6, 4), "dropout3d": (5, 6, 2, 2, 3)}.get(name, (5, 6, 4, 3))
    function = getattr(nn.functional, name)
    start = draw(shape, dtype)
    tinynet.manual_seed(7)
    leaf = tinynet.Tensor(start.copy(), requires_grad=True)
    apart = function(leaf * 1, 0.4, True)
    apart.backward(tinynet.Tensor(start))
    expected, leaf.grad = leaf.grad.numpy(), None
    tinynet.manual_seed(7)
    x = leaf * 1
    y = function(x, 0.4, True, True)
    assert y is x
    np.testing.assert_array_equal(x.detach().numpy(), apart.detach().numpy())
    x.backward(tinynet.Tensor(start))
    np.testing.assert_array_equal(leaf.grad.numpy(), expected)
    with pytest.raises(RuntimeError, match="leaf"):
        function(leaf, 0.4, True, True)


@pytest.mark.parametrize(
    "name", ["Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout"]
)
def test_kinds_as_layers(name):
    layer, twin = getattr(nn, name)(0.3, True), getattr(torch.nn, name)(0.3, True)
    assert repr(layer) == repr(twin)
    assert repr(getattr(nn, name)()) == repr(getattr(torch.nn, name)())
    x = tinynet.ones(20, 30, 4, 4, 4) if name == "Dropout3d" else tinynet.ones(20, 30, 4)
    if name == "Dropout2d":
        x = tinynet.ones(20, 30, 4, 4)
    assert layer(x) is x
    assert len(np.unique(x.numpy())) == 2
    before = x.numpy().copy()
    np.testing.assert_array_equal(layer.eval()(x).numpy(), before)
    with pytest.raises(ValueError, match=r"between 0 and 1, but got 1.5"):
        getattr(nn, name)(1.5)


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [
        ("dropout2d", (4, 5), "2-D input"),
        ("dropout2d", (4, 5, 6), "3D input"),
        ("dropout2d", (1, 2, 1, 2, 1), "5-D input"),
        ("dropout3d", (4, 5, 6), "3-D input"),
    ],
)
def test_other_axes_warn(name, shape, message):
    for lib in (tinynet, torch):
        with pytest.warns(UserWarning, match=message):
            y = getattr(lib.nn.functional, name)(lib.ones(shape), 0.5)
        assert tuple(y.shape) == shape


def test_layers_drop_at_once_and_independently():
    x = tinynet.ones(2000)
    masks = [nn.functional.dropout(x, 0.5).numpy() != 0 for _ in range(2)]
    assert abs((masks[0] == masks[1]).mean() - 0.5) < 5 * 0.5 / np.sqrt(2000)
