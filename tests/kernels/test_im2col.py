"""Windows and their sum: shapes, contents and adjointness."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tinynet.kernels.generic.im2col import col2im, im2col, output_size

GEOMETRIES = [
    {"kernel": (3, 2), "stride": (1, 1), "padding": (0, 0), "dilation": (1, 1)},
    {"kernel": (2, 3), "stride": (2, 1), "padding": (1, 2), "dilation": (1, 1)},
    {"kernel": (3, 3), "stride": (2, 3), "padding": (1, 1), "dilation": (2, 1)},
    {"kernel": (1, 1), "stride": (2, 2), "padding": (0, 0), "dilation": (1, 1)},
]


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_im2col_equals_torch_unfold(geometry: dict[str, tuple[int, int]], rng: np.random.Generator) -> None:
    x = rng.standard_normal((2, 3, 6, 7))
    columns = im2col(x, **geometry)
    options = {"kernel_size": geometry["kernel"], **{k: v for k, v in geometry.items() if k != "kernel"}}
    expected = torch.nn.functional.unfold(torch.tensor(x), **options).numpy()
    N, OH, OW, KH, KW, C = columns.shape
    assert output_size(x.shape[2:], **geometry) == (OH, OW)
    np.testing.assert_array_equal(
        columns.transpose(0, 5, 3, 4, 1, 2).reshape(N, C * KH * KW, OH * OW), expected
    )


@pytest.mark.parametrize("geometry", GEOMETRIES)
def test_col2im_is_the_adjoint_of_im2col(
    geometry: dict[str, tuple[int, int]], rng: np.random.Generator
) -> None:
    """<im2col(x), columns> = <x, col2im(columns)> for every x and columns."""
    x = rng.standard_normal((2, 3, 6, 7))
    windows = im2col(x, **geometry)
    columns = rng.standard_normal(windows.shape)
    options = {k: v for k, v in geometry.items() if k != "kernel"}
    image = col2im(columns, x.shape[2:], **options)
    assert image.shape == x.shape
    np.testing.assert_allclose((windows * columns).sum(), (x * image).sum(), rtol=1e-12)
