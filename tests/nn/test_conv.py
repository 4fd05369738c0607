from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch

import tinynet
from tinynet import nn

# name: x shape, weight shape, options
CASES = {
    "plain": ((2, 3, 7, 5), (4, 3, 3, 2), {}),
    "stride with a remainder": ((2, 3, 8, 9), (4, 3, 3, 2), {"stride": (2, 3)}),
    "stride above the window": ((2, 3, 9, 8), (4, 3, 2, 1), {"stride": 4}),
    "padding": ((2, 3, 4, 6), (4, 3, 3, 2), {"padding": (2, 1)}),
    "padding above the window": ((1, 2, 3, 4), (2, 2, 2, 1), {"padding": (3, 2)}),
    "dilation": ((2, 3, 9, 8), (4, 3, 3, 2), {"dilation": (2, 3)}),
    "all together": (
        (2, 4, 11, 9),
        (6, 2, 3, 2),
        {"stride": (2, 3), "padding": (1, 2), "dilation": (3, 2), "groups": 2},
    ),
    "groups": ((2, 6, 5, 4), (9, 2, 2, 3), {"groups": 3}),
    "depthwise": ((2, 4, 6, 5), (4, 1, 3, 2), {"groups": 4, "padding": 1}),
    "depthwise, two outputs each": ((2, 3, 6, 5), (6, 1, 2, 3), {"groups": 3, "stride": 2}),
    "one by one": ((3, 4, 5, 2), (5, 4, 1, 1), {}),
    "one by one, stride": ((3, 4, 5, 2), (5, 4, 1, 1), {"stride": (2, 1)}),
    "one by one, groups": ((3, 4, 5, 2), (6, 2, 1, 1), {"groups": 2}),
    "window as large as the image": ((2, 3, 4, 5), (4, 3, 4, 5), {}),
    "batch 1, channel 1": ((1, 1, 5, 4), (1, 1, 3, 2), {"padding": 1}),
    "one pixel": ((2, 3, 1, 1), (4, 3, 1, 1), {}),
    "single image": ((3, 6, 5), (4, 3, 3, 2), {"padding": (1, 0)}),
    "single image, channel 1": ((1, 6, 5), (2, 1, 3, 2), {"stride": 2}),
    "valid": ((2, 3, 6, 5), (4, 3, 3, 2), {"padding": "valid", "stride": 2}),
    "same, odd": ((2, 3, 6, 5), (4, 3, 3, 5), {"padding": "same"}),
    "same, even": ((2, 3, 6, 5), (4, 3, 4, 2), {"padding": "same"}),
    "same, one side even, dilation": ((2, 3, 9, 8), (4, 3, 2, 3), {"padding": "same", "dilation": (3, 2)}),
    "pairs of one": ((2, 3, 6, 5), (4, 3, 3, 2), {"stride": [2], "padding": (1,)}),
}
BIAS = pytest.mark.parametrize("bias", [True, False], ids=["bias", "no bias"])


@BIAS
@pytest.mark.parametrize("case", CASES)
def test_conv2d_equals_torch(case, bias, dtype, draw, same_function):
    x, weight, options = CASES[case]
    arrays = [draw(x, dtype), draw(weight, dtype, 1)] + ([draw(weight[:1], dtype, 2)] if bias else [])
    same_function(lambda lib, *given: lib.nn.functional.conv2d(*given, **options), *arrays)


@pytest.mark.parametrize("weight_layout", ["contiguous", "transposed"])
@pytest.mark.parametrize("layout", ["channels last", "transposed", "broadcast", "sliced", "fortran"])
@pytest.mark.parametrize("options", [{}, {"padding": 1, "stride": 2, "groups": 2}], ids=str)
def test_conv2d_takes_any_memory_layout(layout, weight_layout, options, dtype, draw, same_function):
    x = {
        "channels last": lambda: draw((2, 6, 5, 4), dtype).transpose(0, 3, 1, 2),
        "transposed": lambda: draw((2, 4, 5, 6), dtype).transpose(0, 1, 3, 2),
        "broadcast": lambda: np.broadcast_to(draw((2, 1, 6, 1), dtype), (2, 4, 6, 5)),
        "sliced": lambda: draw((4, 8, 7, 9), dtype)[::2, 1::2, :6, ::-2],
        "fortran": lambda: np.asfortranarray(draw((2, 4, 6, 5), dtype)),
    }[layout]()
    weight = draw((6, 4 // options.get("groups", 1), 3, 2), dtype, 1)
    if weight_layout == "transposed":
        weight = np.ascontiguousarray(weight.transpose(2, 3, 1, 0)).transpose(3, 2, 0, 1)
    same_function(lambda lib, x, w: lib.nn.functional.conv2d(x, w, **options), x, weight)


@pytest.mark.parametrize("groups", [1, 2])
def test_conv2d_of_an_empty_batch_is_empty_and_its_weight_gradient_zero(groups, dtype, draw, same_function):
    same_function(
        lambda lib, x, w, b: lib.nn.functional.conv2d(x, w, b, stride=2, padding=1, groups=groups),
        np.zeros((0, 4, 5, 6), dtype),
        draw((6, 4 // groups, 3, 2), dtype),
        draw((6,), dtype),
        may_vanish=True,
    )


def test_conv2d_differentiates_only_what_requires_a_gradient(draw):
    x, weight, bias = (tinynet.Tensor(draw(shape)) for shape in ((2, 3, 5, 4), (2, 3, 2, 2), (2,)))
    for leaf in (x, weight, bias):
        leaf.requires_grad_()
        y = nn.functional.conv2d(x, weight, bias)
        y.backward(tinynet.Tensor(draw(y.shape, seed=3)))
        assert [other.grad is not None for other in (x, weight, bias)] == [
            leaf is o for o in (x, weight, bias)
        ]
        leaf.requires_grad_(False)
        leaf.grad = None


def test_conv2d_is_its_definition_with_plain_loops(draw):
    x, weight = draw((2, 4, 6, 5)), draw((6, 2, 3, 2), seed=1)
    y = nn.functional.conv2d(
        tinynet.Tensor(x), tinynet.Tensor(weight), stride=(2, 1), padding=1, dilation=(1, 2), groups=2
    ).numpy()
    padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
    expected = np.zeros(y.shape)
    for n, o, i, j in itertools.product(*map(range, y.shape)):
        first = 2 * (o // 3)  # channels of the group of o
        window = padded[n, first : first + 2, 2 * i : 2 * i + 3, j : j + 3 : 2]
        expected[n, o, i, j] = (window * weight[o]).sum()
    np.testing.assert_allclose(y, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("training", [True, False], ids=["train", "eval"])
@pytest.mark.parametrize(
    "build",
    [
        lambda nn: nn.Conv2d(4, 6, 3),
        lambda nn: nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(1, 0), dilation=2, groups=2, bias=False),
        lambda nn: nn.Conv2d(4, 8, 3, padding="same", groups=4),
        lambda nn: nn.Conv2d(4, 5, (3, 2), 2, (2, 1), padding_mode="reflect"),
        lambda nn: nn.Conv2d(4, 5, (3, 2), padding=(2, 1), padding_mode="replicate"),
        lambda nn: nn.Conv2d(4, 5, (3, 2), padding=(2, 1), padding_mode="circular"),
        lambda nn: nn.Conv2d(4, 5, (3, 2), padding="same", dilation=2, padding_mode="reflect"),
        lambda nn: nn.Conv2d(4, 5, 3, padding="valid", padding_mode="reflect"),
        lambda nn: nn.ConvTranspose2d(4, 3, 3),
        lambda nn: nn.ConvTranspose2d(4, 6, (3, 2), (2, 3), 1, (1, 2), 2, False, (2, 1)),
    ],
)
def test_layer_equals_torch(build, training, dtype, draw, same_layer):
    layer = same_layer(build, draw((2, 4, 7, 6), dtype), training=training)
    assert layer.weight.dtype == dtype


def test_layer_accepts_dtype():
    layer = nn.Conv2d(1, 2, 3, dtype=tinynet.float64)
    assert {layer.weight.dtype, layer.bias.dtype} == {tinynet.float64}


ERRORS = {
    "channels": (
        (1, 5, 6, 6),
        (4, 3, 2, 2),
        {},
        r"\[4, 3, 2, 2\].*\[1, 5, 6, 6\] to have 3 channels, but got 5",
    ),
    "channels of a group": (
        (1, 4, 6, 6),
        (4, 4, 2, 2),
        {"groups": 2},
        r"groups=2.*have 8 channels, but got 4",
    ),
    "channels of a single image": ((5, 6, 6), (4, 3, 2, 2), {}, "to have 3 channels, but got 5"),
    "two axes": ((6, 6), (4, 3, 2, 2), {}, r"3D \(unbatched\) or 4D.*\[6, 6\]"),
    "five axes": ((1, 1, 3, 6, 6), (4, 3, 2, 2), {}, r"3D \(unbatched\) or 4D.*\[1, 1, 3, 6, 6\]"),
    "weight with three axes": ((1, 3, 6, 6), (4, 3, 2), {}, r"4-dimensional weight.*\[4, 3, 2\]"),
    "window above the image": ((1, 3, 4, 6), (4, 3, 5, 2), {}, r"\[5, 2\].*\[4, 6\]"),
    "dilated window above the image": ((1, 3, 6, 4), (4, 3, 2, 3), {"dilation": 2}, r"\[2, 3\].*\[6, 4\]"),
    "window above the padded image": ((1, 3, 2, 2), (4, 3, 5, 5), {"padding": 1}, r"\[5, 5\].*\[2, 2\]"),
    "no rows": ((1, 3, 0, 4), (4, 3, 2, 2), {"padding": 1}, r"non-zero height.*\[1, 3, 0, 4\]"),
    "outputs not divisible": ((1, 4, 6, 6), (3, 2, 2, 2), {"groups": 2}, r"groups=2.*\[3, 2, 2, 2\]"),
    "groups 0": ((1, 4, 6, 6), (3, 4, 2, 2), {"groups": 0}, "groups=0"),
    "stride 0": ((1, 3, 6, 6), (4, 3, 2, 2), {"stride": (1, 0)}, r"stride must be at least 1.*\(1, 0\)"),
    "negative padding": ((1, 3, 6, 6), (4, 3, 2, 2), {"padding": -1}, "padding must be at least 0.*-1"),
    "dilation 0": ((1, 3, 6, 6), (4, 3, 2, 2), {"dilation": 0}, "dilation must be at least 1.*0"),
    "unknown padding": ((1, 3, 6, 6), (4, 3, 2, 2), {"padding": "full"}, "'full'"),
    "same with a stride": ((1, 3, 6, 6), (4, 3, 2, 2), {"padding": "same", "stride": 2}, r"\(2, 2\)"),
    "stride is no int": ((1, 3, 6, 6), (4, 3, 2, 2), {"stride": 1.5}, "stride must be an int.*1.5"),
}


@pytest.mark.parametrize("case", ERRORS)
def test_conv2d_refuses(case, draw, same_error):
    x, weight, options, message = ERRORS[case]
    same_error(
        lambda lib, x, w: lib.nn.functional.conv2d(x, w, **options), draw(x), draw(weight), match=message
    )


@pytest.mark.parametrize("length", [1, 3, 5])
def test_conv2d_refuses_a_bias_of_another_length(length, draw, same_error):
    same_error(
        lambda lib, x, w, b: lib.nn.functional.conv2d(x, w, b),
        draw((1, 3, 6, 6)),
        draw((4, 3, 2, 2)),
        draw((length,)),
        match=rf"\[4\].*\[{length}\]",
    )


@pytest.mark.parametrize("odd", [0, 1, 2], ids=["input", "weight", "bias"])
def test_conv2d_refuses_to_mix_dtypes(odd, draw, same_error):
    dtypes = ["float32" if i == odd else "float64" for i in range(3)]
    shapes = ((1, 3, 6, 6), (4, 3, 2, 2), (4,))
    same_error(
        lambda lib, x, w, b: lib.nn.functional.conv2d(x, w, b),
        *(draw(shape, dtype) for shape, dtype in zip(shapes, dtypes, strict=True)),
        match=r"float32.*float64|float64.*float32",
    )


def test_conv2d_takes_only_tensors(draw):
    with pytest.raises(TypeError, match="must be Tensor, not ndarray"):
        nn.functional.conv2d(draw((1, 3, 6, 6)), tinynet.Tensor(draw((4, 3, 2, 2))))


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda lib: lib.nn.Conv2d(4, 6, 3, groups=3), "in_channels 4.*groups 3"),
        (lambda lib: lib.nn.Conv2d(4, 6, 3, groups=4), "out_channels 6.*groups 4"),
        (lambda lib: lib.nn.Conv2d(4, 6, 3, groups=0), "groups 0"),
        (lambda lib: lib.nn.Conv2d(4, 6, 3, padding="full"), "'full'"),
        (lambda lib: lib.nn.Conv2d(4, 6, 3, padding="same", stride=2), "strided.*2"),
    ],
)
def test_layer_refuses(build, message, same_error):
    same_error(build, match=message)


@pytest.mark.parametrize(
    "build",
    [
        lambda nn: nn.Conv1d(3, 4, 3),
        lambda nn: nn.Conv1d(3, 6, (2,), 2, 1, 2, 3, False),
        lambda nn: nn.Conv1d(3, 4, 4, padding="same"),
        lambda nn: nn.Conv1d(3, 4, 3, padding=2, padding_mode="circular"),
        lambda nn: nn.ConvTranspose1d(3, 4, 3),
        lambda nn: nn.ConvTranspose1d(3, 6, 3, 2, 1, 1, 3, False, 2),
    ],
    ids=range(6),
)
@pytest.mark.parametrize("shape", [(2, 3, 8), (3, 8)], ids=str)
def test_layers_of_signals_equal_torch(shape, build, dtype, draw, same_layer):
    same_layer(build, draw(shape, dtype))


@pytest.mark.parametrize("size", [(9, 12), [10, 11], (2, 5, 10, 12)], ids=str)
def test_transposed_layer_reaches_the_size_asked_for(size, dtype, draw, same_function):
    def compute(lib, x, weight):
        layer = lib.nn.ConvTranspose2d(4, 5, 3, 2, bias=False).to(getattr(lib, dtype))
        layer.load_state_dict({"weight": weight.detach()})
        return layer(x, output_size=size)

    same_function(compute, draw((2, 4, 4, 5), dtype), draw((4, 5, 3, 3), dtype), may_vanish=True)


@pytest.mark.parametrize("size", [(8, 11), (11, 12), (9,), (9, 11, 3)], ids=str)
def test_transposed_layer_refuses_a_size_out_of_reach(size, draw, same_error):
    same_error(
        lambda lib, x: lib.nn.ConvTranspose2d(4, 5, 3, 2).double()(x, output_size=size),
        draw((2, 4, 4, 5)),
        match="output.size",
    )


def test_one_signal_reaches_the_length_asked_for(draw):
    y = nn.ConvTranspose1d(3, 4, 3, 2, dtype=tinynet.float64)(tinynet.Tensor(draw((3, 5))), [12])
    assert y.shape == (4, 12)


TEXTS = [
    lambda nn: nn.Conv1d(2, 4, 3, padding="same"),
    lambda nn: nn.Conv2d(2, 4, (3, 2), 2, 1, 2, 2, False, "reflect"),
    lambda nn: nn.Conv2d(2, 4, 3, padding="valid"),
    lambda nn: nn.ConvTranspose1d(2, 4, 3, output_padding=1, stride=2),
    lambda nn: nn.ConvTranspose2d(2, 4, 3, 2, 1, 1, 2, False, 2),
]


@pytest.mark.parametrize("build", TEXTS, ids=range(len(TEXTS)))
def test_text_is_torchs(build):
    assert repr(build(nn)) == repr(build(torch.nn))


@pytest.mark.parametrize("layer", ["Conv1d", "Conv2d", "ConvTranspose1d", "ConvTranspose2d"])
def test_parameters_are_drawn_from_torchs_distribution(layer):
    """Uniform between the same bounds: in both libraries the largest of many is close to the bound."""
    tinynet.manual_seed(0)
    torch.manual_seed(0)
    ours, theirs = (getattr(lib.nn, layer)(24, 60, 3, groups=2) for lib in (tinynet, torch))
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        assert p.shape == tuple(q.shape)
        found, expected = p.detach().numpy(), q.detach().numpy()
        assert abs(found).max() == pytest.approx(abs(expected).max(), rel=0.05)
        assert abs(found.mean()) < 0.3 * abs(found).max()


@pytest.mark.parametrize("mode", ["mirror", "zero"])
def test_layer_refuses_an_unknown_padding_mode(mode, same_error):
    same_error(lambda lib: lib.nn.Conv2d(1, 1, 3, padding_mode=mode), match=mode)


def test_transposed_layer_pads_with_zeros_only(same_error):
    same_error(lambda lib: lib.nn.ConvTranspose2d(1, 1, 3, padding_mode="reflect"), match="'reflect'")


@pytest.mark.parametrize(
    "function",
    [
        lambda F, x, w: F.conv_transpose2d(x, w),
        lambda F, x, w: F.fold(x.reshape(1, 1, 64).expand(1, 40, 64), (1, 103), (1, 40)),
    ],
    ids=["conv_transpose2d", "fold"],
)
def test_half_precision_is_rounded_once(function):
    """1024 + 0.25 is 1024 in half precision: added one by one the small numbers would be lost."""
    x, weight = np.full((1, 1, 1, 64), 0.25, "float16"), np.ones((1, 1, 1, 40), "float16")
    x[..., ::7] = 1024
    half, single = (
        function(nn.functional, *(tinynet.Tensor(array.astype(dtype)) for array in (x, weight)))
        for dtype in ("float16", "float32")
    )
    assert half.dtype == np.float16
    np.testing.assert_array_equal(half.numpy(), single.numpy().astype("float16"))


@pytest.mark.parametrize(
    "make", [lambda: nn.Conv1d(3, 4, 3), lambda: nn.Conv2d(3, 4, 3), lambda: nn.BatchNorm2d(3)]
)
def test_a_weight_of_the_instance_itself_comes_first(make):
    """As attributes are looked up: where a program puts a tensor of its own into __dict__, that is the weight."""
    layer = make()
    layer.bias.detach().zero_()
    layer.__dict__["weight"] = tinynet.zeros(*layer.weight.shape)
    x = tinynet.randn(2, 3, 8) if isinstance(layer, nn.Conv1d) else tinynet.randn(2, 3, 8, 8)
    assert not layer(x).detach().numpy().any()
