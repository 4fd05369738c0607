from __future__ import annotations

import numpy as np
import pytest

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
