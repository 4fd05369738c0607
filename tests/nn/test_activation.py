from __future__ import annotations

import numpy as np
import pytest
import torch

import tinynet
from tinynet import nn

SHAPES = [(4, 5), (2, 3, 4, 5), (7,), (), (0, 3), (1, 1)]


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_relu_equals_torch(shape, dtype, draw, same_layer):
    same_layer(lambda nn: nn.ReLU(), draw(shape, dtype))


def test_relu_at_special_values_equals_torch(dtype, same_function):
    x = np.array([0.0, -0.0, np.nan, np.inf, -np.inf, 1e-30, -1e-30], dtype)
    same_function(lambda lib, x: lib.nn.functional.relu(x), x)


def test_relu_takes_integers():
    y = nn.functional.relu(tinynet.arange(-2, 3))
    assert y.dtype == tinynet.int64
    assert y.tolist() == [0, 0, 0, 1, 2]


@pytest.mark.parametrize("layout", ["transposed", "broadcast", "sliced"])
@pytest.mark.parametrize("function", ["relu", "log_softmax", "softmax"])
def test_activations_take_any_memory_layout(function, layout, dtype, draw, same_function):
    x = {
        "transposed": lambda: draw((3, 4), dtype).T,
        "broadcast": lambda: np.broadcast_to(draw((1, 4), dtype), (3, 4)),
        "sliced": lambda: draw((8, 6), dtype)[::2, ::-2],
    }[layout]()
    arguments = () if function == "relu" else (1,)
    same_function(lambda lib, x: getattr(lib.nn.functional, function)(x, *arguments), x)


@pytest.mark.parametrize("function", ["log_softmax", "softmax"])
@pytest.mark.parametrize(
    ("shape", "dim"),
    [
        ((4, 5), 1),
        ((4, 5), 0),
        ((4, 5), -1),
        ((2, 3, 4), 1),
        ((2, 3, 4, 5), -3),
        ((6,), 0),
        ((0, 3), 1),
        ((3, 0), 1),
    ],
    ids=str,
)
def test_softmax_equals_torch(function, shape, dim, dtype, draw, same_function):
    same_function(lambda lib, x: getattr(lib.nn.functional, function)(x, dim), draw(shape, dtype))


@pytest.mark.parametrize("function", ["log_softmax", "softmax"])
@pytest.mark.parametrize(("shape", "dim"), [((), 0), ((4, 1), 1)], ids=str)
def test_softmax_of_one_class_is_constant(function, shape, dim, draw, same_function):
    same_function(lambda lib, x: getattr(lib.nn.functional, function)(x, dim), draw(shape), may_vanish=True)


@pytest.mark.parametrize("function", ["log_softmax", "softmax"])
@pytest.mark.parametrize("dim", [2, -3])
def test_softmax_refuses_an_axis_that_is_not_there(function, dim, draw, same_error):
    same_error(lambda lib, x: getattr(lib.nn.functional, function)(x, dim), draw((2, 3)), match=f"got {dim}")


@pytest.mark.parametrize("function", ["log_softmax", "softmax"])
def test_softmax_refuses_integers(function, same_error):
    same_error(lambda lib, x: getattr(lib.nn.functional, function)(x, 0), np.ones(3, int), match="int64")


@pytest.mark.parametrize(
    ("widths", "value"),
    [((1, 2), None), ((1, 2, 3, 0), 1.5), ((0, 1, 2, 3, 1, 0, 0, 2), -2), ((-1, 2, 0, -2), 0), ((), None)],
    ids=str,
)
def test_pad_equals_torch(widths, value, dtype, draw, same_function):
    same_function(
        lambda lib, x: lib.nn.functional.pad(x, widths, "constant", value), draw((2, 3, 4, 5), dtype)
    )


@pytest.mark.parametrize(
    ("widths", "message"), [((1,), r"\[1\]"), ((1,) * 6, "1, 1, 1"), ((-2, -2), r"\[2, 3\]")], ids=str
)
def test_pad_refuses(widths, message, draw, same_error):
    same_error(lambda lib, x: lib.nn.functional.pad(x, widths), draw((2, 3)), match=message)


LAYERS = {
    "ReLU()": (),
    "ReLU(inplace=True)": (True,),
    "ReLU6()": (),
    "ReLU6(inplace=True)": (True,),
    "LeakyReLU(negative_slope=0.2, inplace=True)": (0.2, True),
    "LeakyReLU(negative_slope=0.01)": (),
    "PReLU(num_parameters=3)": (3, 0.1),
    "PReLU(num_parameters=1)": (),
    "ELU(alpha=2, inplace=True)": (2, True),
    "ELU(alpha=1.0)": (),
    "CELU(alpha=0.5, inplace=True)": (0.5, True),
    "CELU(alpha=1.0)": (),
    "SELU()": (),
    "SELU(inplace=True)": (True,),
    "GELU(approximate='none')": (),
    "GELU(approximate='tanh')": ("tanh",),
    "SiLU()": (),
    "SiLU(inplace=True)": (True,),
    "Mish()": (),
    "Mish(inplace=True)": (True,),
    "Hardswish()": (),
    "Hardsigmoid()": (),
    "Hardtanh(min_val=-1.0, max_val=1.0)": (),
    "Hardtanh(min_val=-2, max_val=3, inplace=True)": (-2, 3, True),
    "Threshold(threshold=0.1, value=20)": (0.1, 20),
    "Threshold(threshold=1, value=2, inplace=True)": (1, 2, True),
    "Hardshrink(0.5)": (),
    "Hardshrink(0.2)": (0.2,),
    "Softshrink(0.5)": (),
    "Softplus(beta=1.0, threshold=20.0)": (),
    "Softplus(beta=2, threshold=0.3)": (2, 0.3),
    "Tanhshrink()": (),
    "Softsign()": (),
    "Sigmoid()": (),
    "LogSigmoid()": (),
    "Tanh()": (),
    "GLU(dim=-1)": (),
    "GLU(dim=0)": (0,),
    "Softmax(dim=1)": (1,),
    "Softmin(dim=-1)": (-1,),
    "LogSoftmax(dim=0)": (0,),
    "Softmax2d()": (),
}


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("text", LAYERS)
def test_layers_equal_torch_in_values_state_and_text(text, training, dtype, draw, same_layer):
    name = text.partition("(")[0]

    class Net:
        """A layer behind an operation, so that it may change its input in place."""

        def __init__(self, nn):
            class Net(nn.Module):
                def __init__(self):
                    super().__init__()
                    self.layer = getattr(nn, name)(*LAYERS[text])

                def forward(self, x):
                    return self.layer(x * 1)

            self.net = Net()

    layer = same_layer(lambda nn: Net(nn).net, draw((2, 3, 4), dtype), training=training).layer
    assert repr(layer) == text == repr(getattr(torch.nn, name)(*LAYERS[text]))
    assert layer.training == training


def test_rrelu_layer_draws_in_training_only():
    layer = nn.RReLU(0.1, 0.2)
    assert repr(layer) == repr(torch.nn.RReLU(0.1, 0.2))
    assert repr(nn.RReLU(0.1, 0.2, True)) == repr(torch.nn.RReLU(0.1, 0.2, True))
    x = tinynet.full((1000,), -1.0)
    slopes = -layer(x).numpy()
    assert 0.1 <= slopes.min() < slopes.max() <= 0.2
    np.testing.assert_allclose(layer.eval()(x).numpy(), -0.15)
    assert layer.train()(x) is not x
    assert nn.RReLU(inplace=True)(x) is x


def test_prelu_starts_at_init_and_returns_to_it():
    layer = nn.PReLU(2, 0.1)
    np.testing.assert_array_equal(layer.weight.detach().numpy(), np.full(2, 0.1, np.float32))
    layer.weight.array[...] = 3
    layer.reset_parameters()
    np.testing.assert_array_equal(layer.weight.detach().numpy(), np.full(2, 0.1, np.float32))
    assert nn.PReLU(dtype=tinynet.float64).weight.dtype == tinynet.float64


def test_old_names_of_hardtanhs_bounds_warn():
    for library in (nn, torch.nn):
        with pytest.warns(FutureWarning, match="min_value"):
            layer = library.Hardtanh(min_value=-3)
        assert (layer.min_val, layer.max_val) == (-3, 1.0)
        with pytest.warns(FutureWarning, match="max_value"):
            assert library.Hardtanh(max_value=3).max_val == 3
        with pytest.raises(AssertionError, match=r"\(1\)"):
            library.Hardtanh(1, 1)


def test_softmax2d_refuses_other_axes(draw, same_error):
    same_error(lambda lib, x: lib.nn.Softmax2d()(x), draw((2, 3)), match=r"2D.*\[2, 3\]")


@pytest.mark.parametrize("name", ["Softmax", "Softmin", "LogSoftmax"])
def test_softmax_layers_without_an_axis_warn(name, draw):
    layer, twin = getattr(nn, name)(), getattr(torch.nn, name)()
    assert repr(layer) == repr(twin)
    x = draw((2, 3, 4))
    with pytest.warns(UserWarning, match="Implicit dimension"):
        y = layer(tinynet.Tensor(x))
    with pytest.warns(UserWarning, match="Implicit dimension"):
        expected = twin(torch.tensor(x))
    np.testing.assert_allclose(y.numpy(), expected.numpy())
