from __future__ import annotations

import numpy as np
import pytest
import torch

import tinynet
from tinynet import nn

LAYERS = {
    "size": lambda nn: nn.Upsample(7),
    "sizes": lambda nn: nn.Upsample((7, 3)),
    "factor": lambda nn: nn.Upsample(scale_factor=2),
    "factors": lambda nn: nn.Upsample(scale_factor=(1.5, 3), mode="bilinear"),
    "aligned": lambda nn: nn.Upsample(scale_factor=2, mode="bilinear", align_corners=True),
    "recomputed": lambda nn: nn.Upsample(scale_factor=1.7, mode="bicubic", recompute_scale_factor=True),
    "nearest": lambda nn: nn.UpsamplingNearest2d(scale_factor=3),
    "bilinear": lambda nn: nn.UpsamplingBilinear2d((5, 6)),
    "shuffle": lambda nn: nn.PixelShuffle(2),
    "unshuffle": lambda nn: nn.PixelUnshuffle(2),
    "channels": lambda nn: nn.ChannelShuffle(2),
    "unfold": lambda nn: nn.Unfold((3, 2), 1, 1, 2),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_equal_torch(name, dtype, draw, same_layer):
    same_layer(LAYERS[name], draw((2, 4, 4, 6), dtype))


def test_fold_equals_torch(dtype, draw, same_layer):
    same_layer(lambda nn: nn.Fold((4, 5), 2), draw((2, 12, 12), dtype))


@pytest.mark.parametrize("name", LAYERS)
def test_text_is_torchs(name):
    assert repr(LAYERS[name](nn)) == repr(LAYERS[name](torch.nn))


def test_text_of_fold_is_torchs():
    assert repr(nn.Fold((4, 5), 2, 1, 1)) == repr(torch.nn.Fold((4, 5), 2, 1, 1))


def test_signals_equal_torch(dtype, draw, same_layer):
    same_layer(lambda nn: nn.Upsample(scale_factor=2.5, mode="linear"), draw((2, 3, 5), dtype))


@pytest.mark.parametrize("mode", ["nearest", "bilinear", "bicubic", "area"])
def test_an_infinite_pixel_reaches_its_neighbours_only(mode, same_function):
    x = np.ones((1, 1, 6, 7))
    x[0, 0, 2, 3] = np.inf
    same_function(lambda lib, x: lib.nn.functional.interpolate(x, (4, 5), mode=mode), x)


def test_half_precision_sums_in_float32(draw):
    x = draw((1, 2, 5, 6), "float16")
    for mode in ("bilinear", "bicubic", "area"):
        half, single = (
            nn.functional.interpolate(tinynet.Tensor(x.astype(kind)), (7, 4), mode=mode).numpy()
            for kind in ("float16", "float32")
        )
        assert half.dtype == np.float16
        np.testing.assert_array_equal(half, single.astype("float16"))


def test_upsample_says_that_it_is_out_of_date(draw):
    x = tinynet.Tensor(draw((1, 1, 2, 3)))
    with pytest.warns(UserWarning, match="deprecated"):
        y = nn.functional.upsample(x, scale_factor=2)
    np.testing.assert_array_equal(y.numpy(), nn.functional.interpolate(x, scale_factor=2).numpy())


def test_what_is_lacking_is_refused(draw):
    x = tinynet.Tensor(draw((1, 1, 2, 3)))
    with pytest.raises(NotImplementedError, match="antialias"):
        nn.functional.interpolate(x, 2, mode="bilinear", antialias=True)
    with pytest.raises(NotImplementedError, match=r"\[1, 1, 1, 2, 3\]"):
        nn.functional.interpolate(x.unsqueeze(0), 2)
    with pytest.raises(RuntimeError, match="floating point, got int64"):
        nn.functional.interpolate(tinynet.ones(1, 1, 2, 2, dtype=tinynet.int64), 2)


@pytest.mark.parametrize(
    ("function", "shape"), [("pixel_shuffle", (0, 8, 2, 3)), ("pixel_unshuffle", (0, 2, 4, 6))]
)
def test_an_empty_batch_is_shuffled(function, shape):
    """Torch 2.13 returns the input's own shape."""
    y = getattr(nn.functional, function)(tinynet.zeros(*shape), 2)
    assert y.shape == {"pixel_shuffle": (0, 2, 4, 6), "pixel_unshuffle": (0, 8, 2, 3)}[function]
