from __future__ import annotations

import numpy as np
import pytest

import tinynet
from tinynet import models, nn
from tinynet.models.resnet import SubsampleAndPad, bn_shortcut_resnet, conv3x3, option_a_resnet

PARAMETERS = {
    "lenet": 62_006,
    "resnet8": 75_290,
    "resnet20": 269_722,
    "resnet32": 464_154,
    "resnet44": 658_586,
    "resnet56": 853_018,
    "resnet110": 1_727_962,
    "resnet-3block": 304_154,
    "resnet-6block": 692_122,
    "resnet-9block": 1_080_090,
    "resnet18": 11_173_962,
    "resnet34": 21_282_122,
    "resnet50": 23_520_842,
    "resnet18-imagenet": 11_181_642,
    "resnet34-imagenet": 21_289_802,
    "resnet50-imagenet": 23_528_522,
    "resnet34-steps": 21_294_026,
    "resnet34-steps-faithful": 11_185_866,
    "identity-resnet": 11_101_834,
    "identity-resnet-deep": 11_101_834,
    "preact-resnet18": 11_175_946,
    "identity-resnet-deep-distinct": 21_657_610,
    "dropout-resnet": 2_082_314,
    "dropout-resnet-distinct": 3_668_618,
    "vgg-a": 9_750_922,
    "vgg-a-bn": 9_753_674,
}


def test_names_lists_every_model():
    assert models.names() == list(PARAMETERS)


@pytest.mark.parametrize("name", PARAMETERS)
def test_parameter_count(name):
    assert sum(parameter.numel() for parameter in models.build(name).parameters()) == PARAMETERS[name]


@pytest.mark.parametrize(
    "name", ["lenet", "resnet8", "resnet-6block", "resnet50", "preact-resnet18", "dropout-resnet", "vgg-a-bn"]
)
@pytest.mark.parametrize("num_classes", [1, 7])
def test_logits_have_one_column_a_class(name, num_classes):
    model = models.build(name, num_classes=num_classes).eval()
    with tinynet.no_grad():
        logits = model(tinynet.randn(2, 3, 32, 32))
    assert logits.shape == (2, num_classes)
    assert logits.dtype == tinynet.float32


@pytest.mark.parametrize(
    ("name", "height", "width"),
    [("resnet8", 20, 13), ("resnet50", 13, 9), ("preact-resnet18", 15, 9), ("dropout-resnet", 11, 17)]
    + [("resnet34-steps-faithful", 9, 14), ("vgg-a", 33, 39)],
)
def test_networks_take_other_image_sizes(name, height, width):
    with tinynet.no_grad():
        assert models.build(name).eval()(tinynet.randn(1, 3, height, width)).shape == (1, 10)


@pytest.mark.parametrize("size", [28, 32])
@pytest.mark.parametrize(
    ("name", "pooling"),
    [
        ("identity-resnet-deep", "avgpool"),
        ("dropout-resnet", "maxpool"),
        ("resnet34-steps-faithful", "avgpool"),
    ],
)
def test_projects_pool_4_by_4_pixels_of_whole_and_of_cropped_images(name, pooling, size):
    model = models.build(name).eval()
    shapes = []
    getattr(model, pooling).register_forward_hook(
        lambda _, inputs, output: shapes.append((inputs[0].shape[2:], output.shape[2:]))
    )
    with tinynet.no_grad():
        assert model(tinynet.randn(1, 3, size, size)).shape == (1, 10)
    assert shapes == [((4, 4), (1, 1))]


@pytest.mark.parametrize(
    ("name", "blocks"),
    [
        ("resnet34", (3, 4, 6, 3)),
        ("resnet34-steps", (3, 4, 6, 3)),
        ("resnet34-steps-faithful", (2, 2, 2, 2)),
        ("identity-resnet-deep", (4, 5, 6, 3)),
        ("identity-resnet-deep-distinct", (4, 5, 6, 3)),
        ("dropout-resnet", (2, 4, 4, 2)),
        ("dropout-resnet-distinct", (2, 4, 4, 2)),
    ],
)
def test_stages_have_the_blocks_of_the_projects(name, blocks):
    model = models.build(name)
    assert tuple(len(getattr(model, f"layer{number}")) for number in (1, 2, 3, 4)) == blocks


@pytest.mark.parametrize(
    ("model", "missing", "found"),
    [
        ("resnet18", "layer1.0.downsample.0.weight", "layer2.0.downsample.0.weight"),
        ("resnet20", "layer2.0.downsample.0.weight", "layer3.2.bn2.num_batches_tracked"),
        ("resnet-6block", "layer1.1.downsample.0.weight", "layer1.0.downsample.1.running_var"),
        ("resnet50", "layer1.1.downsample.0.weight", "layer1.0.downsample.0.weight"),
        ("resnet34-steps-faithful", "layer1.1.downsample.0.weight", "layer1.0.downsample.0.weight"),
        ("preact-resnet18", "layer1.0.shortcut.weight", "layer2.0.shortcut.weight"),
    ],
)
def test_projections_only_where_they_belong(model, missing, found):
    state = models.build(model).state_dict()
    assert found in state
    assert missing not in state


@pytest.mark.parametrize(
    ("name", "message"),
    [("resnet21", "resnet20"), ("LeNet", "lenet"), ("vgg", "the models are lenet, resnet8")],
)
def test_unknown_name_is_refused_with_a_hint(name, message):
    with pytest.raises(ValueError, match=message):
        models.build(name)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: models.build("lenet", num_classes=0), "num_classes must be at least 1, got 0"),
        (lambda: option_a_resnet(18), "6n.2 .* got 18"),
        (lambda: option_a_resnet(2), "6n.2 .* got 2"),
        (lambda: bn_shortcut_resnet(7), "multiple of 3, got 7"),
        (lambda: bn_shortcut_resnet(0), "multiple of 3, got 0"),
        (lambda: models.IdentityResNet(2, 0, 2, 2), r"at least 1 block, got \(2, 0, 2, 2\)"),
    ],
)
def test_impossible_sizes_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()


def test_stages_need_one_number_each():
    with pytest.raises(ValueError, match=r"one number a stage, got \(8, 8\), \(1,\), \(1, 2\)"):
        models.ResNet(
            stem=conv3x3(3, 8), widths=(8, 8), blocks=(1,), strides=(1, 2), shortcut=SubsampleAndPad
        )


def test_option_a_takes_every_second_pixel_and_pads_channels_on_both_sides():
    x = np.random.default_rng(0).standard_normal((2, 4, 5, 7))
    y = SubsampleAndPad(4, 7, stride=2)(tinynet.from_numpy(x)).numpy()
    expected = np.zeros((2, 7, 3, 4))
    expected[:, 1:5] = x[:, :, ::2, ::2]
    np.testing.assert_array_equal(y, expected)


@pytest.mark.parametrize("share_weights", [True, False])
def test_identity_resnet_repeats_one_block_after_the_opening_one(share_weights):
    """The forms: of a stage's blocks, those after the opening one are one module, or as many as there are."""
    model = models.IdentityResNet(4, 5, 1, 3, share_weights=share_weights)
    distinct = [len({id(block) for block in stage}) for stage in (model.layer1, model.layer2)]
    assert distinct == ([1, 2] if share_weights else [4, 5])
    stages = (model.layer1, model.layer2, model.layer3, model.layer4)
    assert [len(stage) for stage in stages] == [4, 5, 1, 3]
    assert [stage[0].shortcut is None for stage in stages] == [True, False, False, False]


def test_shared_weights_load_into_the_distinct_network_and_compute_the_same():
    shared = models.IdentityResNet(2, 3, 1, 3, share_weights=True).eval()
    distinct = models.IdentityResNet(2, 3, 1, 3, share_weights=False).eval()
    distinct.load_state_dict(shared.state_dict())
    x = tinynet.randn(2, 3, 9, 12)
    with tinynet.no_grad():
        np.testing.assert_array_equal(distinct(x).numpy(), shared(x).numpy())


def test_a_shared_block_gets_the_sum_of_the_gradients_of_its_places():
    shared = models.IdentityResNet(3, 1, 1, 1, share_weights=True).double()
    distinct = models.IdentityResNet(3, 1, 1, 1, share_weights=False).double()
    distinct.load_state_dict(shared.state_dict())
    x, upstream = (tinynet.randn(*shape, dtype=tinynet.float64) for shape in ((2, 3, 9, 12), (2, 10)))
    for model in (shared, distinct):
        model(x).backward(upstream)
    for name in ("conv1.weight", "bn1.weight", "bn2.bias", "conv2.weight"):
        parts = [block.get_parameter(name).grad.numpy() for block in distinct.layer1]
        found = shared.layer1[0].get_parameter(name).grad.numpy()
        np.testing.assert_allclose(found, sum(parts), rtol=1e-9, atol=1e-12)
        assert np.any(found)


def test_vgg_starts_with_signals_of_one_size():
    """Kaiming-normal keeps the spread of the logits near that of the images, through eleven layers."""
    model = models.build("vgg-a")
    with tinynet.no_grad():
        logits = model(tinynet.randn(8, 3, 32, 32)).numpy()
    assert 0.1 < np.abs(logits).mean() < 10
    assert not np.any(model.features[0].bias.detach().numpy())


@pytest.mark.parametrize("name", ["resnet18", "resnet34-steps-faithful"])
def test_convolutions_start_kaiming_normal_fan_out_and_batch_norm_as_identity(name):
    model = models.build(name)
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            weight = module.weight.detach().numpy()
            out_channels, _, KH, KW = weight.shape
            assert weight.std() == pytest.approx((2 / (out_channels * KH * KW)) ** 0.5, rel=0.1)
            assert abs(weight.mean()) < 4 * weight.std() / weight.size**0.5
        if isinstance(module, nn.BatchNorm2d):
            assert np.all(module.weight.detach().numpy() == 1)
            assert np.all(module.bias.detach().numpy() == 0)


@pytest.mark.parametrize("name", ["lenet", "resnet8"])
def test_initial_weights_follow_the_seed(name):
    def weights(seed):
        tinynet.manual_seed(seed)
        return {key: value.numpy() for key, value in models.build(name).state_dict().items()}

    first, again, other = weights(1), weights(1), weights(2)
    assert all(np.array_equal(first[key], again[key]) for key in first)
    key = next(key for key in first if key.endswith("conv1.weight"))
    assert not np.array_equal(first[key], other[key])
