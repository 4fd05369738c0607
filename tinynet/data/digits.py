"""The handwritten digits of scikit-learn: 1,797 images of 8x8 pixels, without a download."""

from __future__ import annotations

import numpy as np

from tinynet.data.stratified import stratified
from tinynet.errors import DataError

CLASSES = tuple("0123456789")
_TEST_IMAGES = 360  # a fifth


def read_digits() -> tuple[tuple[np.ndarray, np.ndarray], tuple[np.ndarray, np.ndarray]]:
    """Read the digits, of which a fixed fifth of every class is for tests.

    Shapes:  ((images, labels), (images, labels)); images uint8 (N, 1, 8, 8), 0..16 scaled to 0..255; labels
             int64 (N,)
    Raises:  DataError: scikit-learn is not installed
    Source:  Alpaydin and Kaynak 1998, "Optical recognition of handwritten digits" (the test set), UCI
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise DataError(
            "the digits come with scikit-learn, which is not installed: pip install scikit-learn"
        ) from error
    digits = load_digits()
    images = np.rint(digits.images * (255 / 16)).astype(np.uint8)[:, np.newaxis]
    labels = digits.target.astype(np.int64)
    chosen = np.zeros(len(labels), dtype=bool)
    chosen[stratified(labels, _TEST_IMAGES, "digits-test", seed=0)] = True
    return (images[~chosen], labels[~chosen]), (images[chosen], labels[chosen])
