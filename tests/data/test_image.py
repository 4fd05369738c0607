"""Picture files as network inputs."""

from __future__ import annotations

import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from tinynet.data import DataError
from tinynet.data.image import load_image

PIXELS = np.random.default_rng(0).integers(0, 256, (32, 32, 3), dtype=np.uint8)


def test_a_picture_of_the_right_size_keeps_its_pixels(tmp_path):
    Image.fromarray(PIXELS).save(tmp_path / "a.png")
    image = load_image(tmp_path / "a.png")
    assert image.dtype == np.uint8
    assert image.flags.c_contiguous
    assert np.array_equal(image, PIXELS.transpose(2, 0, 1))
    assert np.array_equal(load_image(str(tmp_path / "a.png")), image)


@pytest.mark.parametrize(("width", "height"), [(96, 32), (64, 200), (1, 1), (500, 333)])
def test_other_sizes_are_scaled_and_cut_in_the_centre(width, height, tmp_path):
    columns = (
        np.clip(np.arange(width) - (width - height) / 2, 0, height - 1)
        if width > height
        else np.arange(width)
    )
    gradient = np.broadcast_to(255 * columns / max(1, min(width, height) - 1), (height, width)).astype(
        np.uint8
    )
    Image.fromarray(gradient).save(tmp_path / "a.png")
    image = load_image(tmp_path / "a.png")
    assert image.shape == (3, 32, 32)
    if min(width, height) > 1:
        assert np.abs(image[0, 16] - np.linspace(0, 255, 32)).max() < 12
    assert load_image(tmp_path / "a.png", size=8).shape == (3, 8, 8)


@pytest.mark.parametrize("name", ["a.jpg", "a.webp", "a.bmp"])
def test_other_formats_are_read(name, tmp_path):
    Image.new("RGB", (40, 40), (200, 100, 50)).save(tmp_path / name, quality=95)
    assert np.abs(load_image(tmp_path / name)[:, 5, 5].astype(int) - (200, 100, 50)).max() <= 4


@pytest.mark.parametrize(
    ("mode", "value", "expected"),
    [
        ("L", 7, (7, 7, 7)),
        ("1", 1, (255, 255, 255)),
        ("I;16", 257 * 40, (40, 40, 40)),
        ("RGBA", (10, 20, 30, 255), (10, 20, 30)),
        ("RGBA", (10, 20, 30, 0), (255, 255, 255)),
        ("LA", (9, 0), (255, 255, 255)),
        ("P", 0, (0, 0, 0)),
    ],
)
def test_every_mode_becomes_rgb(mode, value, expected, tmp_path):
    Image.new(mode, (32, 32), value).save(tmp_path / "a.png")
    assert load_image(tmp_path / "a.png")[:, 3, 3].tolist() == list(expected)


def test_the_orientation_tag_is_obeyed(tmp_path):
    picture = Image.fromarray(PIXELS)
    exif = picture.getexif()
    exif[0x0112] = 3  # turned by 180 degrees
    picture.save(tmp_path / "a.png", exif=exif)
    assert np.array_equal(load_image(tmp_path / "a.png"), PIXELS[::-1, ::-1].transpose(2, 0, 1))


def _float_picture(path, value):
    pixels = np.full((32, 32), 0.5, dtype=np.float32)
    pixels[3, 4] = value
    Image.fromarray(pixels).save(path)


def _png_of_size(width, height):
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n\x00\x00\x00\r" + header + struct.pack(">I", zlib.crc32(header))


@pytest.mark.parametrize(
    ("write", "match"),
    [
        (lambda path: None, "there is no image file"),
        (lambda path: path.mkdir(), "cannot read .*a.png as an image"),
        (lambda path: path.write_bytes(b""), "cannot read .*a.png as an image"),
        (lambda path: path.write_text("hello"), "give a PNG or JPEG"),
        (lambda path: path.write_bytes(_png_of_size(32, 32)), "cannot read .*a.png as an image"),
        (lambda path: path.write_bytes(_png_of_size(100_000, 100_000)), "cannot read .*a.png as an image"),
        (lambda path: _float_picture(path.with_suffix(".tiff"), np.nan), "1 of 1024 are NaN or infinite"),
        (lambda path: _float_picture(path.with_suffix(".tiff"), -np.inf), "1 of 1024 are NaN or infinite"),
        (
            lambda path: _float_picture(path.with_suffix(".tiff"), 0.1),
            "floating-point pixels; save it as an 8-bit",
        ),
    ],
)
def test_unusable_files_are_refused(write, match, tmp_path):
    write(tmp_path / "a.png")
    tiff = tmp_path / "a.tiff"
    with pytest.raises(DataError, match=match):
        load_image(tiff if tiff.exists() else tmp_path / "a.png")


def test_large_pictures_are_read_in_silence_and_larger_ones_refused(tmp_path, monkeypatch):
    Image.fromarray(PIXELS).save(tmp_path / "a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 600)  # Pillow warns above it, and refuses above its double
    assert load_image(tmp_path / "a.png").shape == (3, 32, 32)
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 500)
    with pytest.raises(DataError, match=r"a\.png is too large .*1024 pixels.*; scale it down"):
        load_image(tmp_path / "a.png")


def test_the_first_picture_of_an_animation_counts(tmp_path):
    colours = [Image.new("RGB", (32, 32), colour) for colour in ("red", "blue")]
    colours[0].save(tmp_path / "a.gif", save_all=True, append_images=colours[1:])
    assert load_image(tmp_path / "a.gif")[:, 3, 3].tolist() == [255, 0, 0]


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_truncated_pictures_are_refused(name, tmp_path):
    Image.fromarray(PIXELS).save(tmp_path / name)
    content = (tmp_path / name).read_bytes()
    for length in range(4, len(content) - 20, 97):
        (tmp_path / name).write_bytes(content[:length])
        with pytest.raises(DataError, match="cannot read"):
            load_image(tmp_path / name)
