from __future__ import annotations

import pytest

from reference import models as torch_models
from tinynet import models as tinynet_models


@pytest.mark.parametrize("num_classes", [10, 100])
@pytest.mark.parametrize("name", tinynet_models.names())
def test_state_dicts_have_the_same_names_shapes_and_dtypes_in_the_same_order(name, num_classes):
    ours = tinynet_models.build(name, num_classes).state_dict()
    theirs = torch_models.build(name, num_classes).state_dict()
    describe = [(key, tuple(value.shape), str(value.dtype)) for key, value in ours.items()]
    expected = [
        (key, tuple(value.shape), str(value.dtype).removeprefix("torch.")) for key, value in theirs.items()
    ]
    assert describe == expected


@pytest.mark.parametrize("name", tinynet_models.names())
def test_parameters_come_in_the_same_order(name):
    ours = [key for key, _ in tinynet_models.build(name).named_parameters()]
    theirs = [key for key, _ in torch_models.build(name).named_parameters()]
    assert ours == theirs


def test_unknown_twin_is_refused():
    with pytest.raises(ValueError, match="no PyTorch twin of model 'vgg'"):
        torch_models.build("vgg")
