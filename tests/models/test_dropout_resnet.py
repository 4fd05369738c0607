from __future__ import annotations

import numpy as np
import pytest
import torch

import tinynet
from reference import convert
from reference import models as torch_models
from reference.compare_gradients import worst
from tinynet import models

PLACES = ("conv1.weight", "conv1.bias", "bn1.weight", "bn1.bias", "shortcut.weight", "shortcut.bias")


def build(name):
    return models.build(name).double()


def test_a_group_shares_its_layers_after_the_block_that_changes_the_shape():
    model = build("dropout-resnet")
    groups = [model.layer1, model.layer2, model.layer3, model.layer4]
    assert [len({id(block) for block in group}) for group in groups] == [1, 2, 2, 2]
    for group in groups:
        assert all(block.bn2 is block.bn1 for block in group)
        assert group[-1].conv2 is group[-1].conv1
    assert [group[0].conv2 is group[0].conv1 for group in groups] == [True, False, False, False]
    assert [group[0].conv1.stride for group in groups] == [(1, 1), (2, 2), (2, 2), (2, 2)]


def test_distinct_blocks_share_nothing():
    model = build("dropout-resnet-distinct")
    layers = [
        layer
        for group in (model.layer1, model.layer2, model.layer3, model.layer4)
        for block in group
        for layer in (block.conv1, block.bn1, block.conv2, block.bn2, block.shortcut)
    ]
    assert len({id(layer.weight) for layer in layers}) == len(layers) == 5 * 12


def test_running_statistics_of_a_shared_normalisation_move_at_every_application():
    model = build("dropout-resnet").train()
    with tinynet.no_grad():
        model(tinynet.randn(2, 3, 9, 12, dtype=tinynet.float64))
    blocks = (model.layer1[0], model.layer2[0], model.layer2[1], model.layer4[1])
    assert [block.bn1.num_batches_tracked.item() for block in blocks] == [4, 2, 6, 2]


@pytest.fixture
def pair():
    """The network of shared weights, and the distinct one with these weights in every place."""
    shared, distinct = build("dropout-resnet"), build("dropout-resnet-distinct")
    distinct.load_state_dict(shared.state_dict())
    return shared, distinct


def test_shared_weights_load_into_the_distinct_network_and_compute_the_same(pair):
    x = tinynet.randn(2, 3, 28, 20, dtype=tinynet.float64)
    with tinynet.no_grad():
        shared, distinct = (model.eval()(x).numpy() for model in pair)
    np.testing.assert_array_equal(distinct, shared)


def test_a_shared_weight_gets_the_sum_of_the_gradients_of_its_places(pair):
    x, upstream = (tinynet.randn(*shape, dtype=tinynet.float64) for shape in ((2, 3, 9, 12), (2, 10)))
    for model in pair:
        model.eval()(x).backward(upstream)
    shared, distinct = (model.layer2[1:] for model in pair)
    for name in PLACES:
        places = [name, name.replace("1", "2")] if "1" in name else [name]
        parts = [block.get_parameter(place).grad.numpy() for block in distinct for place in places]
        found = shared[0].get_parameter(name).grad.numpy()
        np.testing.assert_allclose(found, sum(parts), rtol=1e-9, atol=1e-12)
        assert np.any(found)


@pytest.mark.parametrize("name", ["dropout-resnet", "dropout-resnet-distinct"])
def test_gradients_equal_torch_where_the_same_elements_drop(name, rng):
    model, twin = build(name), torch_models.build(name).double()
    twin.load_state_dict(convert.to_torch(model.state_dict()))
    masks = []

    def record(layer, inputs, output):
        x, y = inputs[0].detach().numpy(), output.detach().numpy()
        masks.append(np.where(x > 0, y / np.where(x > 0, x, 1), 0))

    model.dropout.register_forward_hook(record)
    twin.dropout.register_forward_hook(lambda layer, inputs, output: inputs[0] * torch.from_numpy(masks[0]))
    x, upstream = rng.standard_normal((4, 3, 13, 10)), rng.standard_normal((4, 10))
    ours, theirs = model(tinynet.from_numpy(x)), twin(torch.from_numpy(x))
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-9)
    ours.backward(tinynet.from_numpy(upstream))
    theirs.backward(torch.from_numpy(upstream))
    gradients = [
        {key: parameter.grad.numpy() for key, parameter in network.named_parameters()}
        for network in (model, twin)
    ]
    assert worst(*gradients).value < 1e-9

    assert np.all(np.isclose(masks[0], 0) | np.isclose(masks[0], 4 / 3))
    kept = np.count_nonzero(masks[0]) / 0.75  # of the elements above 0, which are some half of all
    assert 0.4 < kept / masks[0].size < 0.6
