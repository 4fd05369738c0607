"""Make the packaged sample from the official files: `python -m tinynet.data.make_sample --data-dir D`.

The choice of images is random, class-balanced and fixed by the seed; training images come from the official
training files, test images from the official test file. The pixels are kept exactly (lossless WebP).
"""

from __future__ import annotations

import argparse
import hashlib
import io
import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tinynet.data.cifar import CIFAR10
from tinynet.data.datasets import ArrayDataset, Splits, load
from tinynet.data.records import encode_records
from tinynet.data.sample_reader import INDEX_NAME, pack_sheet
from tinynet.data.stratified import stratified
from tinynet.errors import DataError

COLUMNS = 50
LIMIT_BYTES = 8_000_000


def make_sample(splits: Splits, folder: Path, *, train: int, test: int, seed: int, effort: int = 6) -> int:
    """Write the sheets and their index into `folder` and return the bytes written.

    Args:    train, test: images of each part, multiples of 50 (columns of a sheet)
             effort: 0..6, of the WebP encoder; the default needs a minute and makes the smallest sheets
    Raises:  DataError: a size that does not fill its sheet or exceeds the data; more than 8 MB;
             nothing is written then
    """
    sheets, index = {}, _describe_source(seed)
    for part, dataset, size in (("train", splits.train, train), ("test", splits.test, test)):
        if size < COLUMNS or size % COLUMNS or size > len(dataset):
            raise DataError(f"{size} {part} images: choose a multiple of {COLUMNS} up to {len(dataset)}")
        chosen = stratified(dataset.labels, size, f"sample-{part}", seed)
        sheets[f"{part}.webp"], index[part] = _encode_part(
            dataset.subset(chosen), f"{part}.webp", chosen, effort
        )
    total = sum(len(content) for content in sheets.values())
    if total > LIMIT_BYTES:
        raise DataError(f"the sheets need {total:,} bytes, the limit is {LIMIT_BYTES:,}: take fewer images")
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in sheets.items():
        (folder / name).write_bytes(content)
    (folder / INDEX_NAME).write_text(json.dumps(index) + "\n")
    return total


def _describe_source(seed: int) -> dict[str, Any]:
    """Start the index: where the images come from and how they were chosen."""
    return {"dataset": "cifar10-sample", "seed": seed, "source_sha256": dict(CIFAR10.sha256)}


def _encode_part(
    images: ArrayDataset, sheet: str, positions: np.ndarray, effort: int
) -> tuple[bytes, dict[str, Any]]:
    """Encode one part as a sheet and describe it."""
    buffer = io.BytesIO()
    picture = Image.fromarray(pack_sheet(images.images, COLUMNS))
    picture.save(buffer, "WEBP", lossless=True, quality=100 * effort // 6, method=effort)
    return buffer.getvalue(), {
        "sheet": sheet,
        "sheet_sha256": hashlib.sha256(buffer.getvalue()).hexdigest(),
        "records_sha256": hashlib.sha256(encode_records(images.images, images.labels)).hexdigest(),
        "columns": COLUMNS,
        "positions": positions.tolist(),
        "labels": images.labels.tolist(),
    }


def main(argv: list[str] | None = None) -> int:
    """Run the command line and return its exit code: 0, or 2 for unusable data."""
    parser = argparse.ArgumentParser(prog="python -m tinynet.data.make_sample", description=__doc__)
    parser.add_argument("--data-dir", help="folder of the official files (default: as for tinynet.train)")
    parser.add_argument(
        "--out", type=Path, default=Path(__file__).parent / "sample", help="folder to write into"
    )
    parser.add_argument("--train", type=int, default=3500, help="training images (default: %(default)s)")
    parser.add_argument("--test", type=int, default=1000, help="test images (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the choice (default: %(default)s)")
    args = parser.parse_args(argv)
    try:
        splits = load("cifar10", data_dir=args.data_dir)
        total = make_sample(splits, args.out, train=args.train, test=args.test, seed=args.seed)
    except DataError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{args.train:,} training and {args.test:,} test images, {total:,} bytes, in {args.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
