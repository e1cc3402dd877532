"""Turning images upright by their Exif orientation, in graph."""

import io

import numpy as np
import pytest
from PIL import Image, ImageOps

from ssd_tf.data import images
from tests.data.toy_source import encode

# Two rows of three colours, magnified so that JPEG keeps them apart.
PICTURE = np.kron(
    np.array([[[250, 0, 0], [0, 250, 0], [0, 0, 250]], [[0] * 3] * 3], "u1"),
    np.ones((16, 16, 1), np.uint8),
)


def exif(orientation, *, endian="<", **tags):
    block = Image.Exif()
    block.endian = endian
    block[0x0112] = orientation
    for tag, value in tags.items():
        block[int(tag[1:], 16)] = value
    return block


def decoded(file):
    return images.decode(file).numpy().astype(int)


@pytest.mark.parametrize("endian", ["<", ">"])
@pytest.mark.parametrize("orientation", range(11))
def test_exif_orientation(orientation, endian):
    block = exif(orientation, endian=endian, x010f="maker" * 50)
    file = encode(PICTURE, "JPEG", exif=block)
    assert {"<": b"Exif\0\0II", ">": b"Exif\0\0MM"}[endian] in file
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(file)))
    expected = np.asarray(upright).astype(int)
    assert decoded(file).shape == expected.shape
    # Two JPEG decoders; a wrong turn differs by 250.
    assert np.abs(decoded(file) - expected).max() < 30


@pytest.mark.parametrize("endian", ["<", ">"])
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_exif_orientation_of_lossless_formats(kind, orientation, endian):
    options = {"lossless": True} if kind == "WEBP" else {}
    block = exif(orientation, endian=endian)
    file = encode(PICTURE, kind, exif=block, **options)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(file)))
    np.testing.assert_array_equal(decoded(file), np.asarray(upright))
    assert (
        orientation == 1
        or (decoded(file).shape != PICTURE.shape)
        or (decoded(file) != PICTURE).any()
    )


@pytest.mark.parametrize("kind, mark", [("PNG", b"eXIf"), ("WEBP", b"EXIF")])
def test_the_name_of_a_chunk_alone_is_no_orientation(kind, mark):
    options = {"lossless": True} if kind == "WEBP" else {}
    file = encode(PICTURE, kind, **options)
    for tail in (mark, mark + b"\0", mark + b"\0\0\0\0II", mark * 3):
        np.testing.assert_array_equal(decoded(file + tail), PICTURE)


def test_orientation_6_by_hand():
    """Row 0 is the right side of what is seen: Exif 2.3, 4.6.4."""
    file = encode(PICTURE, "JPEG", exif=exif(6), quality=95)
    pixels = decoded(file)
    assert pixels.shape == (48, 32, 3)
    for row, channel in ((8, 0), (24, 1), (40, 2)):
        assert pixels[row, 24].argmax() == channel
        assert pixels[row, 24].max() > 200
    assert pixels[:, 4].max() < 60


def test_damaged_exif_is_no_orientation():
    file = encode(PICTURE, "JPEG", exif=exif(6))
    at = file.index(b"Exif\0\0") + 6
    stored = decoded(encode(PICTURE, "JPEG"))
    for position in (*range(10), 10, 11):
        for byte in (b"\0", b"\x7f", b"\xff"):
            broken = file[: at + position] + byte + file[at + position + 1 :]
            assert decoded(broken).size == stored.size
    for offset in (b"\xff" * 4, b"\0\x40\0\0", b"\x08\0\1\0"):
        broken = file[: at + 4] + offset + file[at + 8 :]
        np.testing.assert_array_equal(decoded(broken), stored)


def test_exif_text_in_a_png_is_not_exif():
    file = encode(PICTURE) + b"Exif\0\0II*\0\x08\0\0\0"
    np.testing.assert_array_equal(decoded(file), PICTURE)
