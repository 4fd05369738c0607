from __future__ import annotations

import pytest
import torch

from tinynet import nn

ONE_AXIS = {
    "zero": lambda nn: nn.ZeroPad1d((2, 1)),
    "zero, one number": lambda nn: nn.ZeroPad1d(2),
    "constant": lambda nn: nn.ConstantPad1d((1, 3), 2.5),
    "reflection": lambda nn: nn.ReflectionPad1d((2, 3)),
    "replication": lambda nn: nn.ReplicationPad1d(2),
    "circular": lambda nn: nn.CircularPad1d((4, 1)),
}
TWO_AXES = {
    "zero": lambda nn: nn.ZeroPad2d((2, 1, 0, 3)),
    "zero, cuts": lambda nn: nn.ZeroPad2d((-1, 1, 2, -2)),
    "constant": lambda nn: nn.ConstantPad2d(1, -3.5),
    "reflection": lambda nn: nn.ReflectionPad2d((2, 3, 1, 0)),
    "replication": lambda nn: nn.ReplicationPad2d((1, 5, 0, 2)),
    "circular": lambda nn: nn.CircularPad2d((1, 2, 3, 0)),
}


@pytest.mark.parametrize("shape", [(2, 3, 5), (3, 5)], ids=str)
@pytest.mark.parametrize("name", ONE_AXIS)
def test_layers_of_signals_equal_torch(name, shape, dtype, draw, same_layer):
    same_layer(ONE_AXIS[name], draw(shape, dtype))


@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (3, 4, 5)], ids=str)
@pytest.mark.parametrize("name", TWO_AXES)
def test_layers_of_images_equal_torch(name, shape, dtype, draw, same_layer):
    same_layer(TWO_AXES[name], draw(shape, dtype))


@pytest.mark.parametrize("build", [*ONE_AXIS.values(), *TWO_AXES.values()])
def test_text_is_torchs(build):
    assert repr(build(nn)) == repr(build(torch.nn))


@pytest.mark.parametrize(
    "build", [lambda nn: nn.ReflectionPad2d(5), lambda nn: nn.ReflectionPad2d((0, 0, 4, 0))]
)
def test_a_reflection_as_wide_as_the_image_is_refused(build, draw, same_error):
    same_error(lambda lib, x: build(lib.nn)(x), draw((1, 2, 4, 5)), match="4|5")


def test_padding_of_another_length_is_refused():
    with pytest.raises(ValueError, match=r"\(1, 2, 3\)"):
        nn.ZeroPad2d((1, 2, 3))
