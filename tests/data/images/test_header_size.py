"""Sizes of image files by their headers."""

import struct
import zlib

import pytest
from PIL import Image

from ssd_tf.data.images import header_size
from ssd_tf.errors import InputError
from tests.data.annotated import noise

FORMATS = ["JPEG", "PNG", "GIF", "BMP", "WebP"]


def write(path, encoded):
    path.write_bytes(encoded)
    return path


def png_chunk(name, data):
    crc = struct.pack(">I", zlib.crc32(name + data))
    return struct.pack(">I", len(data)) + name + data + crc


@pytest.mark.parametrize("fmt", FORMATS)
def test_formats(tmp_path, fmt):
    assert header_size(write(tmp_path / "a", noise(fmt))) == (100, 50)


@pytest.mark.parametrize("fmt", ["JPEG", "PNG", "WebP"])
@pytest.mark.parametrize(
    "orientation, size",
    [
        (4, (100, 50)),
        (5, (50, 100)),
        (8, (50, 100)),
        (9, (100, 50)),
        (200, (100, 50)),
    ],
)
def test_orientations(tmp_path, fmt, orientation, size):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = write(tmp_path / "a", noise(fmt, exif=exif))
    assert header_size(path) == size


def test_orientation_of_xmp_does_not_count(tmp_path):
    xmp = b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    path = write(tmp_path / "a.jpg", noise("JPEG", xmp=xmp))
    # Pillow reads it, decoding does not.
    with Image.open(path) as image:
        assert image.getexif()[0x0112] == 6
    assert header_size(path) == (100, 50)


@pytest.mark.parametrize("size", [(10000, 9000), (20000, 10000)])
def test_sizes_that_pillow_warns_of_or_refuses(tmp_path, size):
    header = struct.pack(">IIBBBBB", *size, 8, 2, 0, 0, 0)
    chunks = png_chunk(b"IHDR", header) + png_chunk(b"IDAT", b"")
    path = write(tmp_path / "a.png", b"\x89PNG\r\n\x1a\n" + chunks)
    assert header_size(path) == size


@pytest.mark.parametrize("encoded", [b"", b"<html>", noise("TIFF")])
def test_no_image(tmp_path, encoded):
    path = write(tmp_path / "a.png", encoded)
    with pytest.raises(InputError) as error:
        header_size(path)
    assert str(error.value) == (
        f"{path}: image cannot be read: none of JPEG, PNG, GIF, BMP, WebP, or"
        " damaged"
    )


def test_truncated_header(tmp_path):
    path = write(tmp_path / "a.png", noise("PNG")[:20])
    with pytest.raises(InputError) as error:
        header_size(path)
    start = f"{path}: image cannot be read: "
    assert str(error.value) == f"{start}Truncated File Read"


def test_webp_that_pillow_refuses(tmp_path):
    # The canvas is 16383 x 16383.
    side = (16382).to_bytes(3, "little")
    chunk = b"VP8X" + struct.pack("<I", 10) + bytes(4) + side * 2
    riff = b"RIFF" + struct.pack("<I", len(chunk) + 4) + b"WEBP" + chunk
    path = write(tmp_path / "a.webp", riff)
    with pytest.raises(InputError) as error:
        header_size(path)
    start = f"{path}: image cannot be read: Image size (268402689 pixels)"
    assert str(error.value).startswith(start)


def test_missing_file(tmp_path):
    with pytest.raises(InputError) as error:
        header_size(tmp_path / "a.png")
    assert "a.png: image cannot be read: [Errno 2]" in str(error.value)
