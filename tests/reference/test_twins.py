from __future__ import annotations

import pytest
import torch

from reference import models as torch_models
from tinynet import models as tinynet_models


@pytest.mark.parametrize("name", tinynet_models.names())
def test_names_shapes_and_dtypes_are_the_same_in_the_same_order(name):
    ours = tinynet_models.build(name, num_classes=100)
    with torch.device("meta"):
        theirs = torch_models.build(name, num_classes=100)
    described = [(key, tuple(value.shape), str(value.dtype)) for key, value in ours.state_dict().items()]
    expected = [
        (key, tuple(value.shape), str(value.dtype).removeprefix("torch."))
        for key, value in theirs.state_dict().items()
    ]
    assert described == expected
    assert [key for key, _ in ours.named_parameters()] == [key for key, _ in theirs.named_parameters()]


def test_unknown_twin_is_refused():
    with pytest.raises(ValueError, match="no PyTorch twin of model 'vgg'"):
        torch_models.build("vgg")
