from __future__ import annotations

import numpy as np
import pytest
import torch

import tinynet
from tinynet import nn, run_ahead

SHAPES = {
    "images": (4, 3, 5, 2),
    "batch 1": (1, 3, 4, 5),
    "channel 1": (4, 1, 3, 2),
    "two values": (2, 3, 1, 1),
    "one row": (1, 2, 1, 6),
}
OPTIONS = {
    "defaults": {},
    "momentum": {"momentum": 0.7, "eps": 1e-2},
    "momentum 0": {"momentum": 0.0},
    "momentum 1": {"momentum": 1.0},
    "cumulative": {"momentum": None},
    "not affine": {"affine": False},
    "no bias": {"bias": False},
    "not tracked": {"track_running_stats": False},
    "neither": {"affine": False, "track_running_stats": False},
}
TRAINING = pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])


@TRAINING
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("options", OPTIONS)
def test_layer_equals_torch(options, shape, training, dtype, draw, same_layer):
    same_layer(
        lambda nn: nn.BatchNorm2d(SHAPES[shape][1], **OPTIONS[options]),
        draw(SHAPES[shape], dtype),
        training=training,
    )


@pytest.mark.parametrize("options", OPTIONS)
def test_statistics_after_three_steps_equal_torchs(options, dtype, draw, same_layer):
    x = draw((4, 3, 5, 2), dtype) + np.arange(3, dtype=dtype)[:, None, None]
    layer = same_layer(lambda nn: nn.BatchNorm2d(3, **OPTIONS[options]), x, steps=3)
    if layer.track_running_stats:
        assert layer.num_batches_tracked.item() == 3
        assert layer.num_batches_tracked.dtype == tinynet.int64


@pytest.mark.parametrize("layout", ["channels last", "transposed", "broadcast", "sliced"])
@TRAINING
def test_layer_takes_any_memory_layout(layout, training, dtype, draw, same_layer):
    x = {
        "channels last": lambda: draw((3, 6, 5, 4), dtype).transpose(0, 3, 1, 2),
        "transposed": lambda: draw((3, 4, 5, 6), dtype).transpose(0, 1, 3, 2),
        "broadcast": lambda: np.broadcast_to(draw((3, 4, 6, 1), dtype), (3, 4, 6, 5)),
        "sliced": lambda: draw((6, 8, 7, 9), dtype)[::2, 1::2, :6, ::-2],
    }[layout]()
    same_layer(lambda nn: nn.BatchNorm2d(4), x, training=training)


@TRAINING
@pytest.mark.parametrize("shape", [(5, 3), (4, 3, 2), (4, 3, 2, 5), (2, 3, 2, 2, 3)], ids=len)
@pytest.mark.parametrize("given", ["all", "no weight", "no bias", "neither"])
def test_function_equals_torch(shape, given, training, dtype, draw, same_function):
    rng = np.random.default_rng(0)
    mean, weight, bias = (rng.standard_normal(3).astype(dtype) for _ in range(3))
    var = rng.uniform(0.5, 2, 3).astype(dtype)

    def compute(lib, x, weight, bias):
        running = [lib.tensor(values.copy()) for values in (mean, var)]
        parameters = {"weight": weight, "bias": bias}
        parameters = {k: v for k, v in parameters.items() if k not in given and given != "neither"}
        y = lib.nn.functional.batch_norm(x, *running, **parameters, training=training, momentum=0.3)
        return y, *running

    same_function(compute, draw(shape, dtype), weight, bias)


def test_tracking_can_be_switched_off_later(dtype, draw, same_layer):
    def build(nn):
        layer = nn.BatchNorm2d(3)
        layer.track_running_stats = False
        return layer

    layer = same_layer(build, draw((4, 3, 5, 2), dtype))
    assert layer.num_batches_tracked.item() == 0


def test_statistics_of_large_means_keep_their_digits(same_layer):
    x = np.random.default_rng(0).standard_normal((8, 2, 4, 4)).astype("float32") + np.float32(1000)
    layer = nn.BatchNorm2d(2)
    y = layer(tinynet.Tensor(x)).detach().numpy()
    exact = x.astype("float64")
    centered = exact - exact.mean((0, 2, 3), keepdims=True)
    expected = centered / np.sqrt(exact.var((0, 2, 3), keepdims=True) + 1e-5)
    np.testing.assert_allclose(y, expected, atol=2e-3)
    np.testing.assert_allclose(layer.running_var.numpy(), 0.9 + 0.1 * exact.var((0, 2, 3), ddof=1), rtol=1e-4)


def test_running_statistics_behind_those_of_a_batch_have_a_gradient(accelerated):
    """The gradient that meets batch normalisation waits to be scaled itself."""
    x = np.random.default_rng(0).standard_normal((8, 3, 16, 16)).astype("float32")
    upstream = np.random.default_rng(1).standard_normal((8, 16, 16, 16)).astype("float32")
    layers = [torch.nn.Conv2d(3, 16, 3, 1, 1), torch.nn.BatchNorm2d(16), torch.nn.BatchNorm2d(16).eval()]
    theirs = torch.nn.Sequential(*layers, torch.nn.Conv2d(16, 16, 3, 1, 1))
    ours = nn.Sequential(
        nn.Conv2d(3, 16, 3, 1, 1), nn.BatchNorm2d(16), nn.BatchNorm2d(16), nn.Conv2d(16, 16, 3, 1, 1)
    )
    ours[2].eval()
    ours.load_state_dict({name: tinynet.tensor(t.numpy()) for name, t in theirs.state_dict().items()})
    ours(tinynet.Tensor(x)).backward(tinynet.tensor(upstream))
    theirs(torch.from_numpy(x)).backward(torch.from_numpy(upstream))
    for found, expected in zip(ours.parameters(), theirs.parameters(), strict=True):
        scale = float(expected.grad.abs().max())
        np.testing.assert_allclose(found.grad.numpy(), expected.grad.numpy(), atol=max(1e-4 * scale, 2e-3))


@TRAINING
def test_half_precision_keeps_statistics_in_float32(training, draw):
    x = draw((4, 3, 5, 2), "float16")
    ours, theirs = nn.BatchNorm2d(3).train(training), torch.nn.BatchNorm2d(3).train(training)
    y, expected = ours(tinynet.Tensor(x)), theirs(torch.from_numpy(x))
    assert y.dtype == np.float16
    np.testing.assert_allclose(y.detach().numpy(), expected.detach().numpy(), rtol=2e-3, atol=2e-3)
    np.testing.assert_allclose(ours.running_var.numpy(), theirs.running_var.numpy(), rtol=1e-5)
    assert ours.running_mean.dtype == np.float32


def test_evaluation_changes_no_statistics(draw):
    layer = nn.BatchNorm2d(3).eval()
    layer(tinynet.Tensor(draw((2, 3, 4, 5), "float32")))
    assert layer.running_mean.tolist() == [0, 0, 0]
    assert layer.running_var.tolist() == [1, 1, 1]
    assert layer.num_batches_tracked.item() == 0


def test_no_gradient_reaches_the_statistics(draw):
    layer = nn.BatchNorm2d(3)
    layer(tinynet.Tensor(draw((2, 3, 4, 5), "float32")))
    assert not any(buffer.requires_grad for buffer in layer.buffers())


def test_empty_batch_passes_in_evaluation(dtype, same_layer):
    x = np.zeros((0, 3, 4, 5), dtype)
    same_layer(lambda nn: nn.BatchNorm2d(3), x, training=False, may_vanish=True)


@pytest.mark.parametrize("options", OPTIONS)
def test_empty_batch_moves_no_statistics_in_training(options, dtype, same_layer):
    x = np.zeros((0, 3, 4, 5), dtype)
    layer = same_layer(lambda nn: nn.BatchNorm2d(3, **OPTIONS[options]), x, may_vanish=True)
    if layer.track_running_stats:
        assert layer.num_batches_tracked.item() == 1


@pytest.mark.parametrize(
    ("shape", "build", "message"),
    [
        ((1, 3, 1, 1), lambda nn: nn.BatchNorm2d(3), r"more than 1 value per channel.*\[1, 3, 1, 1\]"),
        ((2, 4, 3, 3), lambda nn: nn.BatchNorm2d(3), r"4 elements.*\[3\].*\[2, 4, 3, 3\]"),
        ((2, 4, 3, 3), lambda nn: nn.BatchNorm2d(3).eval(), r"4 elements.*\[3\].*\[2, 4, 3, 3\]"),
        ((2, 4, 3, 3), lambda nn: nn.BatchNorm2d(3, track_running_stats=False), r"weight.*4 elements.*\[3\]"),
        ((2, 4, 3, 3), lambda nn: nn.BatchNorm2d(1), r"4 elements.*\[1\]"),
        ((3, 4, 5), lambda nn: nn.BatchNorm2d(3), r"4D input \(got 3D input of size \[3, 4, 5\]\)"),
        (
            (2, 3, 4, 5, 6),
            lambda nn: nn.BatchNorm2d(3),
            r"4D input \(got 5D input of size \[2, 3, 4, 5, 6\]\)",
        ),
        ((3,), lambda nn: nn.SyncBatchNorm(3), r"at least 2D input \(got 1D input"),
    ],
)
def test_layer_refuses(shape, build, message, draw, same_error):
    same_error(lambda lib, x: build(lib.nn)(x), draw(shape, "float32"), match=message)


@TRAINING
@pytest.mark.parametrize("pair", [("float32", "float64"), ("float64", "float32")])
@pytest.mark.parametrize("options", [{}, {"affine": False}, {"track_running_stats": False}], ids=str)
def test_mixed_dtypes_are_refused(options, pair, training, draw):
    layer = nn.BatchNorm2d(3, dtype=pair[0], **options).train(training)
    with pytest.raises(RuntimeError, match=f"input is {pair[1]}, but .* is {pair[0]}"):
        layer(tinynet.Tensor(draw((2, 3, 4, 5), pair[1])))


def test_integers_are_refused(same_error):
    same_error(lambda lib, x: lib.nn.BatchNorm2d(3)(x), np.ones((2, 3, 4, 5), int), match="int64")


def test_evaluation_needs_statistics(draw, same_error):
    same_error(
        lambda lib, x: lib.nn.functional.batch_norm(x, None, None),
        draw((2, 3, 4)),
        match="running_mean and running_var.*training=False",
    )


@pytest.mark.parametrize("recorded", [True, False])
def test_a_negative_variance_gives_nan_without_a_warning(recorded, draw):
    layer = nn.BatchNorm2d(3).eval()
    layer.running_var.array[1] = -1
    with tinynet.set_grad_enabled(recorded):
        y = layer(tinynet.Tensor(draw((2, 3, 4, 4), "float32")))
    assert np.isnan(y.array).any(axis=(0, 2, 3)).tolist() == [False, True, False]


def test_function_needs_channels():
    with pytest.raises(RuntimeError, match=r"\(N, C, ...\).*\[3\]"):
        nn.functional.batch_norm(tinynet.ones(3), None, None, training=True)


LAYERS = {
    "batch, rows": (lambda nn: nn.BatchNorm1d(3), (5, 3)),
    "batch, signals": (lambda nn: nn.BatchNorm1d(3, momentum=None), (5, 3, 4)),
    "batch, volumes": (lambda nn: nn.BatchNorm3d(3, affine=False), (2, 3, 2, 3, 2)),
    "batch, one process of several": (lambda nn: nn.SyncBatchNorm(3, 1e-3), (4, 3, 2, 5)),
    "batch, one process, rows": (lambda nn: nn.SyncBatchNorm(3, momentum=None, bias=False), (5, 3)),
    "layer": (lambda nn: nn.LayerNorm(4), (2, 3, 4)),
    "layer, two axes": (lambda nn: nn.LayerNorm([3, 4], eps=1e-2), (2, 3, 4)),
    "layer, no bias": (lambda nn: nn.LayerNorm((4,), bias=False), (2, 3, 4)),
    "layer, not affine": (lambda nn: nn.LayerNorm(4, elementwise_affine=False), (3, 4)),
    "group": (lambda nn: nn.GroupNorm(2, 6), (2, 6, 3, 4)),
    "group, no bias": (lambda nn: nn.GroupNorm(3, 6, eps=1e-2, bias=False), (2, 6, 3)),
    "group, not affine": (lambda nn: nn.GroupNorm(1, 4, affine=False), (2, 4, 3, 2)),
    "instance, signals": (lambda nn: nn.InstanceNorm1d(3), (2, 3, 5)),
    "instance, one signal": (lambda nn: nn.InstanceNorm1d(3, affine=True), (3, 5)),
    "instance": (lambda nn: nn.InstanceNorm2d(3, affine=True), (2, 3, 4, 5)),
    "instance, tracked": (lambda nn: nn.InstanceNorm2d(3, 1e-3, 0.3, True, True), (2, 3, 4, 5)),
    "instance, one image": (lambda nn: nn.InstanceNorm2d(3, track_running_stats=True), (3, 4, 5)),
    "instance, no bias": (lambda nn: nn.InstanceNorm2d(3, affine=True, bias=False), (2, 3, 4, 5)),
    "response": (lambda nn: nn.LocalResponseNorm(3, 0.5), (2, 5, 3, 4)),
    "response, even": (lambda nn: nn.LocalResponseNorm(4, 0.5, 0.6, 2.0), (2, 5, 3)),
    "root mean square": (lambda nn: nn.RMSNorm(4), (2, 3, 4)),
    "root mean square, not affine": (lambda nn: nn.RMSNorm([3, 4], 1e-2, False), (2, 3, 4)),
}


@TRAINING
@pytest.mark.parametrize("name", LAYERS)
def test_other_layers_equal_torch(name, training, dtype, draw, same_layer):
    build, shape = LAYERS[name]
    same_layer(build, draw(shape, dtype), training=training, steps=2)


@pytest.mark.parametrize("name", LAYERS)
def test_text_and_new_parameters_are_torchs(name):
    ours, theirs = (LAYERS[name][0](lib) for lib in (nn, torch.nn))
    assert repr(ours) == repr(theirs)
    state = theirs.state_dict()
    assert list(ours.state_dict()) == list(state)
    for key, value in ours.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), state[key].numpy())


@pytest.mark.parametrize("name", LAYERS)
def test_reset_parameters_makes_the_layer_new(name):
    layer = LAYERS[name][0](nn)
    new = {key: value.numpy().copy() for key, value in layer.state_dict().items()}
    for value in layer.state_dict().values():
        value.array[...] = 7
    if new:
        layer.reset_parameters()
    for key, value in layer.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), new[key])


HALF = {
    "layer": lambda lib, x: lib.nn.functional.layer_norm(x, (600,)),
    "root mean square": lambda lib, x: lib.nn.functional.rms_norm(x, (600,), eps=1e-5),
    "group": lambda lib, x: lib.nn.functional.group_norm(x, 2),
    "instance": lambda lib, x: lib.nn.functional.instance_norm(x),
}


@pytest.mark.parametrize("name", HALF)
def test_half_precision_takes_statistics_in_float32(name):
    """The squares of these numbers, and their sum, are above the largest half."""
    x = (np.random.default_rng(0).standard_normal((2, 4, 600)) * 400).astype("float16")
    ours, theirs = tinynet.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
    y, expected = HALF[name](tinynet, ours), HALF[name](torch, theirs)
    assert y.dtype == np.float16
    np.testing.assert_allclose(y.detach().numpy(), expected.detach().numpy(), rtol=2e-3, atol=2e-3)
    upstream = np.random.default_rng(1).standard_normal(x.shape).astype("float16")
    y.backward(tinynet.Tensor(upstream))
    expected.backward(torch.from_numpy(upstream))
    np.testing.assert_allclose(ours.grad.numpy(), theirs.grad.numpy(), rtol=5e-3, atol=1e-5)


@pytest.mark.parametrize("function", ["layer_norm", "group_norm", "instance_norm"])
def test_large_means_keep_their_digits(function):
    x = np.random.default_rng(0).standard_normal((4, 6, 50)).astype("float32") + np.float32(1000)
    axes = {"layer_norm": (2,), "group_norm": (1, 2), "instance_norm": (2,)}[function]
    arguments = {"layer_norm": ((50,),), "group_norm": (1,), "instance_norm": ()}[function]
    y = getattr(nn.functional, function)(tinynet.Tensor(x), *arguments).numpy()
    exact = x.astype("float64")
    centered = exact - exact.mean(axes, keepdims=True)
    np.testing.assert_allclose(y, centered / np.sqrt(exact.var(axes, keepdims=True) + 1e-5), atol=2e-3)


def test_epsilon_of_rms_norm_is_that_of_the_dtype(dtype, same_function):
    same_function(
        lambda lib, x: lib.nn.functional.rms_norm(x, (2,)), np.array([[1e-4, -2e-4], [1e-8, 0]], dtype)
    )


@pytest.mark.parametrize(
    ("shape", "build", "message"),
    [
        ((2, 3, 4, 5), lambda nn: nn.BatchNorm1d(3), r"2D or 3D input \(got 4D"),
        ((2, 3, 4, 5), lambda nn: nn.BatchNorm3d(3), r"5D input \(got 4D"),
        ((2, 3), lambda nn: nn.InstanceNorm2d(3), r"3D or 4D input \(got 2D"),
        ((2, 4, 3, 3), lambda nn: nn.InstanceNorm2d(3, affine=True), r"num_features \(3\), but got: 4"),
        ((2, 6, 3), lambda nn: nn.GroupNorm(2, 4), r"4|6"),
        ((2, 3), lambda nn: nn.GroupNorm(2, 3), r"\(3\).*divisible.*\(2\)"),
        ((2, 3), lambda nn: nn.LayerNorm(4), r"\[4\].*\[2, 3\]"),
    ],
)
def test_other_layers_refuse(shape, build, message, draw, same_error):
    same_error(lambda lib, x: build(lib.nn)(x), draw(shape, "float32"), match=message)


def test_instance_norm_warns_of_other_channels_where_they_do_not_matter(draw):
    layer, x = nn.InstanceNorm2d(3), tinynet.Tensor(draw((2, 4, 3, 3), "float32"))
    with pytest.warns(UserWarning, match="num_features"):
        assert layer(x).shape == (2, 4, 3, 3)


def test_a_zero_vector_has_no_direction(same_function):
    x = np.array([[3.0, -4.0], [0.0, 0.0]])
    same_function(lambda lib, x: lib.nn.functional.normalize(x), x)


@pytest.mark.parametrize("function", ["batch_norm", "group_norm"])
def test_the_statistics_carry_the_whole_second_derivative(function, draw):
    """Third order: the backward of a fused kernel is made of operations that can be differentiated again."""
    x = tinynet.Tensor(draw((3, 2, 2)), requires_grad=True)
    weight = tinynet.Tensor(draw((2,)), requires_grad=True)

    def first_order(x, weight):
        if function == "batch_norm":
            y = nn.functional.batch_norm(x, None, None, weight, training=True)
        else:
            y = nn.functional.group_norm(x, 1, weight)
        return tinynet.autograd.grad((y**3).sum(), [x, weight], create_graph=True)

    assert tinynet.autograd.gradgradcheck(first_order, [x, weight])


def test_numpy_moves_statistics_that_are_finished(accelerated):
    """With momentum a whole number no kernel does, and those of the batch may still be computed (run_ahead.py)."""
    running = []

    class Momentum(int):
        def __rsub__(self, other):
            running.append(run_ahead._running)
            return other - int(self)

    nn.Sequential(nn.Conv2d(3, 16, 3), nn.BatchNorm2d(16, momentum=Momentum(1)))(tinynet.ones(4, 3, 16, 16))
    assert running == [False, False]
