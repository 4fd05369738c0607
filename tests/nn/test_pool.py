from __future__ import annotations

import numpy as np
import pytest
import torch

import tinynet
from tinynet import nn

SHARED = {
    "plain": ((2, 3, 6, 8), {"kernel_size": 2}),
    "pair": ((2, 3, 7, 9), {"kernel_size": (3, 2)}),
    "stride with a remainder": ((2, 3, 8, 9), {"kernel_size": (3, 2), "stride": (2, 3)}),
    "stride above the window": ((2, 3, 8, 9), {"kernel_size": 2, "stride": (3, 4)}),
    "overlap": ((2, 3, 6, 5), {"kernel_size": (3, 4), "stride": 1}),
    "padding": ((2, 3, 6, 5), {"kernel_size": (3, 2), "padding": 1}),
    "padding, one axis": ((2, 3, 6, 5), {"kernel_size": (3, 4), "stride": (2, 1), "padding": (0, 2)}),
    "ceil mode": ((2, 3, 6, 8), {"kernel_size": 3, "stride": 2, "ceil_mode": True}),
    "ceil mode, window mostly outside": ((2, 3, 6, 7), {"kernel_size": 4, "stride": 5, "ceil_mode": True}),
    "ceil mode, padding": (
        (2, 3, 6, 5),
        {"kernel_size": (3, 2), "stride": (2, 3), "padding": 1, "ceil_mode": True},
    ),
    "ceil mode, window starts in the padding": (
        (2, 3, 4, 5),
        {"kernel_size": 2, "stride": 3, "padding": 1, "ceil_mode": True},
    ),
    "whole image": ((2, 3, 4, 5), {"kernel_size": (4, 5)}),
    "batch 1, channel 1": ((1, 1, 5, 4), {"kernel_size": (2, 3), "stride": 1}),
    "single image": ((3, 6, 5), {"kernel_size": (3, 2), "stride": 1}),
    "window of one": ((2, 3, 4, 5), {"kernel_size": 1, "stride": 2}),
    "empty batch": ((0, 3, 4, 5), {"kernel_size": 2}),
    "no stride": ((2, 3, 4, 5), {"kernel_size": 2, "stride": []}),
}
MAX = SHARED | {
    "dilation": ((2, 3, 8, 9), {"kernel_size": (3, 2), "stride": 1, "dilation": (2, 3)}),
    "dilation, padding, ceil mode": (
        (2, 3, 8, 9),
        {"kernel_size": 3, "stride": (2, 3), "padding": 1, "dilation": (3, 2), "ceil_mode": True},
    ),
}
AVG = SHARED | {
    name + ", without padding": (shape, options | {"count_include_pad": False})
    for name, (shape, options) in SHARED.items()
    if "padding" in options or "ceil_mode" in options
}
AVG |= {
    "divisor": ((2, 3, 6, 5), {"kernel_size": (3, 2), "padding": 1, "divisor_override": 5}),
    "negative divisor": ((2, 3, 6, 5), {"kernel_size": 2, "divisor_override": -3}),
    "divisor, ceil mode, without padding": (
        (2, 3, 6, 5),
        {
            "kernel_size": 3,
            "padding": 1,
            "ceil_mode": True,
            "count_include_pad": False,
            "divisor_override": 2,
        },
    ),
}
ADAPTIVE = {
    "one": ((2, 3, 6, 5), 1),
    "one, as a pair": ((2, 3, 6, 5), (1, 1)),
    "divides": ((2, 3, 6, 8), (3, 4)),
    "does not divide": ((2, 3, 7, 5), (3, 2)),
    "one row": ((2, 3, 7, 5), (1, 3)),
    "larger than the image": ((2, 3, 3, 2), (5, 4)),
    "same size": ((2, 3, 3, 2), (3, 2)),
    "None keeps rows": ((2, 3, 5, 7), (None, 3)),
    "None keeps columns": ((2, 3, 5, 7), [2, None]),
    "single image": ((3, 5, 7), (2, 3)),
    "single image to one": ((3, 5, 7), 1),
    "batch 1, channel 1": ((1, 1, 5, 7), 2),
    "one pixel": ((2, 3, 1, 1), 1),
    "empty batch": ((0, 3, 5, 7), (2, 3)),
    "empty batch to one": ((0, 3, 5, 7), 1),
}


@pytest.mark.parametrize("case", MAX)
def test_max_pool2d_equals_torch(case, dtype, draw, same_function):
    shape, options = MAX[case]
    same_function(lambda lib, x: lib.nn.functional.max_pool2d(x, **options), draw(shape, dtype))


@pytest.mark.parametrize("case", MAX)
def test_max_pool2d_returns_torchs_indices(case, draw, same_function):
    shape, options = MAX[case]
    same_function(lambda lib, x: lib.nn.functional.max_pool2d(x, **options, return_indices=True), draw(shape))


@pytest.mark.parametrize("case", AVG)
def test_avg_pool2d_equals_torch(case, dtype, draw, same_function):
    shape, options = AVG[case]
    same_function(lambda lib, x: lib.nn.functional.avg_pool2d(x, **options), draw(shape, dtype))


@pytest.mark.parametrize("case", ADAPTIVE)
def test_adaptive_avg_pool2d_equals_torch(case, dtype, draw, same_function):
    shape, size = ADAPTIVE[case]
    same_function(lambda lib, x: lib.nn.functional.adaptive_avg_pool2d(x, size), draw(shape, dtype))


def test_an_infinite_pixel_stays_in_its_region(dtype, same_function):
    x = np.ones((1, 1, 4, 6), dtype)
    x[0, 0, 0, 0] = np.inf
    same_function(lambda lib, x: lib.nn.functional.adaptive_avg_pool2d(x, (2, 3)), x)
    same_function(lambda lib, x: lib.nn.functional.adaptive_avg_pool2d(x, (3, 4)), x)


def test_an_infinite_gradient_stays_in_its_region(draw, same_function):
    x, scale = draw((1, 1, 4, 6)), np.ones((1, 1, 3, 4))
    scale[0, 0, 1, 1] = np.inf
    same_function(lambda lib, x: lib.nn.functional.adaptive_avg_pool2d(x, (3, 4)) * lib.tensor(scale), x)


def test_adaptive_avg_pool2d_refuses_whole_numbers(same_error):
    same_error(
        lambda lib, x: lib.nn.functional.adaptive_avg_pool2d(x, 2),
        np.ones((1, 1, 4, 4), int),
        match="floating point, got int64",
    )


POOLS = {
    "max": lambda lib, x: lib.nn.functional.max_pool2d(x, (3, 2), 2, 1),
    "avg": lambda lib, x: lib.nn.functional.avg_pool2d(x, (3, 2), 2, 1),
    "adaptive": lambda lib, x: lib.nn.functional.adaptive_avg_pool2d(x, (3, 2)),
    "adaptive to one": lambda lib, x: lib.nn.functional.adaptive_avg_pool2d(x, 1),
}


@pytest.mark.parametrize("layout", ["channels last", "transposed", "broadcast", "sliced"])
@pytest.mark.parametrize("pool", POOLS)
def test_pools_take_any_memory_layout(pool, layout, dtype, draw, same_function):
    x = {
        "channels last": lambda: draw((2, 6, 5, 4), dtype).transpose(0, 3, 1, 2),
        "transposed": lambda: draw((2, 4, 5, 6), dtype).transpose(0, 1, 3, 2),
        "broadcast": lambda: np.broadcast_to(draw((1, 4, 6, 5), dtype), (2, 4, 6, 5)),
        "sliced": lambda: draw((4, 8, 7, 9), dtype)[::2, 1::2, :6, ::-2],
    }[layout]()
    same_function(POOLS[pool], x)


@pytest.mark.parametrize("value", [1.0, 0.0, -np.inf])
def test_of_equal_maxima_the_first_gets_the_gradient(value, same_function):
    same_function(
        lambda lib, x: lib.nn.functional.max_pool2d(x, 3, 2, 1, return_indices=True),
        np.full((2, 1, 5, 7), value),
    )


def test_nan_is_the_maximum_of_its_window(draw, same_function):
    x = draw((2, 2, 6, 5))
    x[0, 0, 1, 2] = x[1, 1, 5, 4] = x[1, 1, 5, 3] = np.nan
    same_function(lambda lib, x: lib.nn.functional.max_pool2d(x, (3, 2), 1, return_indices=True), x)


@pytest.mark.parametrize("kind", ["int64", "uint8"])
def test_max_pool2d_of_integers(kind, same_function):
    x = np.random.default_rng(0).permutation(60).reshape(1, 2, 6, 5).astype(kind)
    if kind == "int64":
        x -= 100
    y = nn.functional.max_pool2d(tinynet.Tensor(x), (3, 2), 2, 1)
    expected = torch.nn.functional.max_pool2d(torch.from_numpy(x), (3, 2), 2, 1)
    assert y.dtype == kind
    np.testing.assert_array_equal(y.numpy(), expected.numpy())


def test_a_window_of_padding_alone_has_no_maximum_and_no_gradient(draw):
    x = tinynet.Tensor(draw((1, 2, 2, 3)), requires_grad=True)
    y, index = nn.functional.max_pool2d(x, 2, 1, 1, dilation=(3, 1), return_indices=True)
    assert y.shape == (1, 2, 1, 4)
    assert (y.detach().numpy() == -np.inf).all()
    assert (index.numpy() == -1).all()
    upstream = tinynet.Tensor(draw(y.shape), requires_grad=True)
    (grad_x,) = tinynet.autograd.grad(y, x, upstream, create_graph=True)
    assert (grad_x.detach().numpy() == 0).all()
    (second,) = tinynet.autograd.grad(grad_x, upstream, tinynet.Tensor(draw(x.shape)))
    assert (second.numpy() == 0).all()


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize(
    "build",
    [
        lambda nn: nn.MaxPool2d(2),
        lambda nn: nn.MaxPool2d((3, 2), 2, 1, 2, True, True),
        lambda nn: nn.AvgPool2d(2),
        lambda nn: nn.AvgPool2d((3, 2), (2, 1), 1, True, False),
        lambda nn: nn.AvgPool2d(3, 2, divisor_override=4),
        lambda nn: nn.AdaptiveAvgPool2d(1),
        lambda nn: nn.AdaptiveAvgPool2d((3, None)),
        lambda nn: nn.AdaptiveMaxPool2d((3, None)),
        lambda nn: nn.AdaptiveMaxPool2d(3, return_indices=True),
        lambda nn: nn.LPPool2d(2, (3, 2), 2, True),
        lambda nn: nn.LPPool2d(1, 3),
    ],
    ids=range(11),
)
def test_layers_equal_torch(build, training, dtype, draw, same_layer):
    same_layer(build, draw((2, 3, 8, 7), dtype), training=training)


@pytest.mark.parametrize(
    "build",
    [
        lambda nn: nn.MaxPool1d(2),
        lambda nn: nn.MaxPool1d((3,), 2, 1, 2, True, True),
        lambda nn: nn.AvgPool1d(2),
        lambda nn: nn.AvgPool1d(3, 2, 1, True, False),
        lambda nn: nn.AdaptiveAvgPool1d(3),
        lambda nn: nn.AdaptiveMaxPool1d(3, True),
        lambda nn: nn.LPPool1d(2, 3, 2),
    ],
    ids=range(7),
)
@pytest.mark.parametrize("shape", [(2, 3, 8), (3, 8)], ids=str)
def test_layers_of_signals_equal_torch(shape, build, dtype, draw, same_layer):
    same_layer(build, draw(shape, dtype))


@pytest.mark.parametrize("axes", [1, 2])
def test_unpooling_puts_the_maxima_back(axes, dtype, draw, same_function):
    shape = (2, 3, 7, 6)[: axes + 2]

    def compute(lib, x):
        y, index = getattr(lib.nn, f"MaxPool{axes}d")(2, return_indices=True)(x)
        return getattr(lib.nn, f"MaxUnpool{axes}d")(2)(y, index, output_size=x.shape)

    same_function(compute, draw(shape, dtype))


TEXTS = [
    lambda nn: nn.MaxPool1d(2),
    lambda nn: nn.MaxPool2d((2, 3), 1, 1, 2, True, True),
    lambda nn: nn.AvgPool1d(2),
    lambda nn: nn.AvgPool1d((2,), 1, 1),
    lambda nn: nn.AvgPool2d((2, 3), 1),
    lambda nn: nn.AdaptiveAvgPool1d(3),
    lambda nn: nn.AdaptiveMaxPool2d((2, None), True),
    lambda nn: nn.LPPool1d(2, 3),
    lambda nn: nn.LPPool2d(1.5, (3, 2), 2, True),
    lambda nn: nn.MaxUnpool1d(2),
    lambda nn: nn.MaxUnpool2d((2, 3), 1, 1),
]


@pytest.mark.parametrize("build", TEXTS, ids=range(len(TEXTS)))
def test_text_is_torchs(build):
    assert repr(build(nn)) == repr(build(torch.nn))


@pytest.mark.parametrize("function", ["adaptive_avg_pool2d", "adaptive_max_pool2d"])
@pytest.mark.parametrize("size", [0, (0, 2), (2, 0)], ids=str)
def test_a_grid_may_be_empty(size, function):
    """Torch makes it too, but then refuses to go back."""
    x = tinynet.ones(1, 2, 4, 5, requires_grad=True)
    y = getattr(nn.functional, function)(x, size)
    expected = getattr(torch.nn.functional, function)(torch.ones(1, 2, 4, 5), size)
    assert y.shape == tuple(expected.shape)
    y.sum().backward()
    assert not x.grad.numpy().any()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("grid", [(2, 2), (3, 3)], ids=str)
def test_adaptive_maxima_of_equal_infinite_and_missing_numbers(grid, value, same_function):
    x = np.ones((2, 1, 4, 5))
    x[0, 0, 1:3, 2:4] = value
    x[1, 0] = value
    same_function(lambda lib, x: lib.nn.functional.adaptive_max_pool2d(x, grid, return_indices=True), x)


def test_of_a_window_of_zeros_the_norm_has_no_slope(same_function):
    x = np.zeros((1, 1, 4, 4))
    x[0, 0, :2, :2] = [[1, 2], [3, 4]]
    same_function(lambda lib, x: lib.nn.functional.lp_pool2d(x, 2, 2), x)


@pytest.mark.parametrize(
    "pool",
    [
        lambda F, x: F.max_pool2d(x, (1, 40), 1),
        lambda F, x: F.avg_pool2d(x, (1, 40), 1, divisor_override=1),
        lambda F, x: F.adaptive_max_pool2d(x, (1, 500)),
        lambda F, x: F.adaptive_avg_pool2d(x, (1, 500)),
        lambda F, x: F.interpolate(x, (1, 500)),
    ],
    ids=["max", "avg", "adaptive max", "adaptive avg", "nearest"],
)
def test_half_precision_is_rounded_once_on_the_way_back(pool, draw):
    """1024 + 0.25 is 1024 in half precision: added one by one the small numbers would be lost."""
    x = draw((1, 1, 1, 70), "float16")
    gradients = {}
    for dtype in ("float16", "float32"):
        leaf = tinynet.Tensor(x.astype(dtype), requires_grad=True)
        y = pool(nn.functional, leaf)
        upstream = np.full(y.shape, 0.25, dtype)
        upstream[..., ::7] = 1024
        y.backward(tinynet.Tensor(upstream))
        gradients[dtype] = leaf.grad.numpy()
    np.testing.assert_array_equal(gradients["float16"], gradients["float32"].astype("float16"))


SHARED_ERRORS = {
    "window above the image": ((1, 2, 4, 6), {"kernel_size": (5, 2)}, r"\[5, 2\].*\[4, 6\]"),
    "window above a single image": ((2, 4, 6), {"kernel_size": (2, 7)}, r"\[2, 7\].*\[4, 6\]"),
    "padding above half the window": (
        (1, 2, 6, 6),
        {"kernel_size": 3, "padding": (1, 2)},
        r"half.*\(1, 2\).*\(3, 3\)",
    ),
    "negative padding": ((1, 2, 6, 6), {"kernel_size": 3, "padding": -1}, "padding must be at least 0.*-1"),
    "stride 0": ((1, 2, 6, 6), {"kernel_size": 3, "stride": 0}, "stride must be at least 1.*0"),
    "window 0": ((1, 2, 6, 6), {"kernel_size": 0}, "kernel_size must be at least 1.*0"),
    "window is no int": ((1, 2, 6, 6), {"kernel_size": 1.5}, "kernel_size must be an int.*1.5"),
    "five axes": ((1, 1, 2, 6, 6), {"kernel_size": 2}, r"3D \(unbatched\) or 4D.*\[1, 1, 2, 6, 6\]"),
    "no rows": ((1, 2, 0, 4), {"kernel_size": 2, "padding": 1}, r"non-zero height.*\[1, 2, 0, 4\]"),
}


@pytest.mark.parametrize("function", ["max_pool2d", "avg_pool2d"])
@pytest.mark.parametrize("case", SHARED_ERRORS)
def test_pools_refuse(case, function, draw, same_error):
    shape, options, message = SHARED_ERRORS[case]
    same_error(
        lambda lib, x: getattr(lib.nn.functional, function)(x, **options), np.zeros(shape), match=message
    )


@pytest.mark.parametrize(
    ("compute", "message"),
    [
        (lambda F, x: F.max_pool2d(x, 3, 1, 2, dilation=2), "half.*2.*3"),
        (lambda F, x: F.max_pool2d(x, 3, dilation=3), r"\[3, 3\].*\[6, 6\]"),
        (lambda F, x: F.max_pool2d(x, 3, dilation=0), "dilation must be at least 1"),
        (lambda F, x: F.avg_pool2d(x, 3, divisor_override=0), "divisor must be not zero"),
        (lambda F, x: F.avg_pool2d(x, 3, divisor_override=1.5), "divisor_override must be an int.*1.5"),
        (lambda F, x: F.adaptive_avg_pool2d(x, -1), "output_size must be at least 0.*-1"),
        (lambda F, x: F.adaptive_avg_pool2d(x, (1, 2, 3)), r"\(1, 2, 3\)"),
        (lambda F, x: F.adaptive_avg_pool2d(x, (2,)), r"\(2,\)"),
        (lambda F, x: F.adaptive_avg_pool2d(x, 1.5), "output_size must be an int.*1.5"),
        (lambda F, x: F.adaptive_avg_pool2d(x[:, :, :0], 2), r"\[1, 2, 0, 6\]"),
    ],
)
def test_one_pool_refuses(compute, message, draw, same_error):
    same_error(lambda lib, x: compute(lib.nn.functional, x), draw((1, 2, 6, 6)), match=message)


@pytest.mark.parametrize("pool", [lambda F, x: F.avg_pool2d(x, 2), lambda F, x: F.adaptive_avg_pool2d(x, 1)])
def test_means_of_integers_are_refused(pool):
    with pytest.raises(RuntimeError, match="floating point, got int64"):
        pool(nn.functional, tinynet.ones(1, 2, 4, 4, dtype=tinynet.int64))


@pytest.mark.parametrize("shape", [(6, 6), (1, 1, 2, 6, 6)], ids=str)
def test_adaptive_avg_pool2d_takes_images_only(shape, draw):
    with pytest.raises(RuntimeError, match=rf"3D \(unbatched\) or 4D.*{str(list(shape))[1:-1]}"):
        nn.functional.adaptive_avg_pool2d(tinynet.Tensor(draw(shape)), 1)
