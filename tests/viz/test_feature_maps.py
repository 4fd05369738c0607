from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure

import tinynet
from tests.viz.looks import colours, differ
from tinynet import models, nn
from tinynet.viz import feature_maps
from tinynet.viz.feature_maps import Layer


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x):
        return x + self.inner(x)


def network():
    twice = Block()
    return nn.Sequential(
        nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.MaxPool2d(2)),
        nn.Conv2d(4, 3, 1),
        twice,
        twice,
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(3, 10),
    )  # fmt: skip


@pytest.fixture
def image(rng):
    return rng.standard_normal((3, 8, 6)).astype(np.float32)


def test_records_what_the_parts_give(image):
    model = network()
    layers = feature_maps.record(model, image)
    assert [(layer.name, layer.kind, layer.maps.shape) for layer in layers] == [
        ("0.0", "Conv2d, BatchNorm2d, ReLU", (4, 8, 6)),
        ("1", "Conv2d", (3, 4, 3)),
        ("2", "Block", (3, 4, 3)),
        ("2", "Block", (3, 4, 3)),
    ]
    model.eval()
    with tinynet.no_grad():
        x = tinynet.Tensor(image[None])
        for end, layer in zip((1, 2, 3, 4), layers, strict=True):
            y = model[0][:3](x) if end == 1 else model[:end](x)
            assert np.allclose(layer.maps, y.numpy()[0], atol=1e-6)
    assert not np.allclose(layers[2].maps, layers[3].maps)


def test_leaves_the_network_as_it_was(image):
    model = network()
    before = {name: value.numpy().copy() for name, value in model.state_dict().items()}
    feature_maps.record(model, image)
    assert model.training
    assert all(np.array_equal(value.numpy(), before[name]) for name, value in model.state_dict().items())
    assert not any(module._forward_hooks for module in model.modules())


def test_hooks_are_removed_where_the_network_fails(image):
    model = network()
    with pytest.raises(RuntimeError):
        feature_maps.record(model, image[:2])
    assert model.training
    assert not any(module._forward_hooks for module in model.modules())


@pytest.mark.parametrize(
    "name, count, last",
    [
        ("lenet", 2, "conv2"),
        ("resnet20", 10, "layer3.2"),
        ("vgg-a", 8, "features.18"),
        ("identity-resnet", 9, "layer4.1"),
    ],
)
def test_networks_of_the_package_show_their_blocks(name, count, last, rng):
    layers = feature_maps.record(models.build(name), rng.standard_normal((3, 32, 32)).astype(np.float32))
    assert len(layers) == count
    assert all(np.ptp(layer.maps) > 0 for layer in layers)
    assert layers[-1].name == last
    assert not any("Identity" in layer.kind for layer in layers)


def test_other_maps_give_another_picture(rng, tmp_path):
    image = rng.integers(0, 256, size=(3, 32, 32), dtype=np.uint8)
    layers = [
        Layer("a", "Conv2d", rng.standard_normal((3, 32, 16))),
        Layer("b", "Block", np.zeros((20, 1, 1))),
    ]
    other = [layers[0], Layer("b", "Block", rng.standard_normal((20, 2, 2)))]
    first = feature_maps.draw(image, layers, tmp_path / "a.png", "title")
    second = feature_maps.draw(image, other, tmp_path / "b.png", "title")
    assert colours(first) > 200
    assert differ(first, second)


def test_of_many_layers_some_are_shown_evenly(rng, tmp_path, monkeypatch):
    figures = []
    monkeypatch.setattr(Figure, "savefig", lambda figure, *args, **options: figures.append(figure))
    layers = [Layer(f"layer{i}", "Block", rng.standard_normal((4, 4, 4))) for i in range(39)]
    feature_maps.draw(np.zeros((1, 8, 8), np.uint8), layers, tmp_path / "a.png", "title")
    names = [axes.get_title(loc="left").split(":")[0] for axes in figures[0].axes[1:]]
    assert names == [f"layer{i}" for i in range(0, 39, 2)]
    assert figures[0].get_suptitle() == "title (20 of 39 layers)"


def test_refuses_to_draw_nothing(tmp_path):
    with pytest.raises(ValueError, match="no layer"):
        feature_maps.draw(np.zeros((3, 8, 8), np.uint8), [], tmp_path / "a.png", "title")
