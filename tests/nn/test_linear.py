from __future__ import annotations

import numpy as np
import pytest
import torch

import tinynet
from tinynet import nn

SHAPES = [(4, 3), (1, 3), (3,), (2, 4, 3), (2, 1, 4, 3)]


@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_linear_equals_torch(shape, bias, dtype, draw, same_function):
    arrays = [draw(shape, dtype), draw((5, 3), dtype, 1)] + ([draw((5,), dtype, 2)] if bias else [])
    same_function(lambda lib, *given: lib.nn.functional.linear(*given), *arrays)


@pytest.mark.parametrize("features", [(1, 1), (1, 4), (4, 1)], ids=str)
def test_linear_of_one_feature(features, dtype, draw, same_layer):
    same_layer(lambda nn: nn.Linear(*features), draw((3, features[0]), dtype))


def test_linear_with_a_vector_as_weight(draw, same_function):
    same_function(lambda lib, x, w: lib.nn.functional.linear(x, w), draw((4, 3)), draw((3,), seed=1))


def test_linear_of_an_empty_batch(dtype, draw, same_function):
    same_function(
        lambda lib, *given: lib.nn.functional.linear(*given),
        np.zeros((0, 3), dtype),
        draw((5, 3), dtype),
        draw((5,), dtype),
        may_vanish=True,
    )


@pytest.mark.parametrize("layout", ["transposed", "broadcast", "sliced"])
def test_linear_takes_any_memory_layout(layout, dtype, draw, same_function):
    x = {
        "transposed": lambda: draw((3, 4), dtype).T,
        "broadcast": lambda: np.broadcast_to(draw((1, 3), dtype), (4, 3)),
        "sliced": lambda: draw((8, 6), dtype)[::2, ::-2],
    }[layout]()
    weight = draw((3, 5), dtype, 1).T
    bias = np.broadcast_to(draw((1,), dtype, 2), (5,))
    same_function(lambda lib, *given: lib.nn.functional.linear(*given), x, weight, bias)


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize("shape", [(4, 3), (2, 4, 3)], ids=str)
def test_layer_equals_torch(shape, bias, training, dtype, draw, same_layer):
    layer = same_layer(lambda nn: nn.Linear(3, 5, bias=bias), draw(shape, dtype), training=training)
    assert layer.weight.dtype == dtype


@pytest.mark.parametrize(
    ("shapes", "message"),
    [
        (((4, 2), (5, 3)), r"\[4, 2\] and \[3, 5\].*2 and 3 differ"),
        (((2,), (5, 3)), "2 and 3 differ"),
        (((), (5, 3)), "0D"),
        (((4, 3), (2, 5, 3)), r"\[2, 5, 3\]"),
        (((4, 3), (5, 3), (4,)), r"\[4\].*\[5, 3\]"),
        (((4, 3), (5, 3), (2, 1, 5)), r"\[2, 1, 5\].*\[5, 3\]"),
    ],
    ids=str,
)
def test_linear_refuses(shapes, message, draw, same_error):
    same_error(
        lambda lib, *given: lib.nn.functional.linear(*given), *(draw(s) for s in shapes), match=message
    )


@pytest.mark.parametrize("odd", [0, 1, 2], ids=["input", "weight", "bias"])
def test_linear_refuses_to_mix_dtypes(odd, draw, same_error):
    same_error(
        lambda lib, *given: lib.nn.functional.linear(*given),
        *(draw(s, "float32" if i == odd else "float64") for i, s in enumerate(((4, 3), (5, 3), (5,)))),
        match=r"float32.*float64|float64.*float32",
    )


@pytest.mark.parametrize(
    ("shape", "arguments"),
    [
        ((2, 3, 4, 5), ()),
        ((2, 3, 4, 5), (0,)),
        ((2, 3, 4, 5), (2,)),
        ((2, 3, 4, 5), (1, 2)),
        ((2, 3, 4, 5), (-3, -2)),
        ((2, 3), ()),
        ((0, 3, 4), ()),
        ((1, 1, 1), ()),
        ((), (0,)),
    ],
    ids=str,
)
def test_flatten_equals_torch(shape, arguments, dtype, draw, same_layer):
    same_layer(lambda nn: nn.Flatten(*arguments), draw(shape, dtype))


def test_flatten_reads_transposed_images_in_the_order_of_their_axes(dtype, draw, same_layer):
    same_layer(lambda nn: nn.Flatten(), draw((2, 4, 5, 3), dtype).transpose(0, 3, 1, 2))


@pytest.mark.parametrize(
    ("shape", "arguments", "message"),
    [((2, 3, 4), (2, 1), "start_dim 2.*end_dim 1"), ((2, 3), (2,), "got 2"), ((3,), (), "got 1")],
    ids=str,
)
def test_flatten_refuses(shape, arguments, message, draw, same_error):
    same_error(lambda lib, x: lib.nn.Flatten(*arguments)(x), draw(shape), match=message)


@pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])
@pytest.mark.parametrize("shape", [(4,), (2, 4), ()], ids=str)
def test_bilinear_equals_torch(shape, bias, dtype, draw, same_layer):
    layer = same_layer(
        lambda nn: nn.Bilinear(2, 3, 5, bias), draw((*shape, 2), dtype), draw((*shape, 3), dtype, 1)
    )
    assert repr(layer) == repr(torch.nn.Bilinear(2, 3, 5, bias))


def test_bilinear_starts_as_torchs():
    tinynet.manual_seed(0)
    layer = nn.Bilinear(16, 20, 50)
    for parameter in (layer.weight, layer.bias):
        values = parameter.detach().numpy()
        assert np.abs(values).max() <= 0.25
        assert np.abs(values).max() > 0.22
    for library in (nn, torch.nn):
        with pytest.raises(ValueError, match="in1_features=0"):
            library.Bilinear(0, 2, 3)


@pytest.mark.parametrize("bias", [True, False])
def test_text_is_torchs(bias):
    assert repr(nn.Linear(3, 5, bias)) == repr(torch.nn.Linear(3, 5, bias))
    assert repr(nn.Identity(3, 5, bias)) == repr(torch.nn.Identity(3, 5, bias))


def test_identity_takes_any_arguments_and_changes_nothing():
    x = tinynet.ones(2, 3)
    assert nn.Identity(54, unused=0.1)(x) is x
