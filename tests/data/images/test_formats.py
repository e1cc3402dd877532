"""The table of formats against files that Pillow writes; sizes of images."""

import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from ssd_tf.data.images import (
    FORMATS,
    SUFFIXES,
    decode,
    find_format,
    header_size,
    resize,
)
from ssd_tf.errors import InputError
from tests.data.annotated import noise


def test_suffixes_in_the_order_of_the_table():
    assert SUFFIXES == (".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp")


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_begins_as_its_format_alone(name):
    encoded = noise(name)
    begun = [other for other, fmt in FORMATS.items() if fmt.begins(encoded)]
    assert begun == [name]
    assert find_format(encoded) is FORMATS[name]


@pytest.mark.parametrize("name", FORMATS)
def test_begins_in_graph_as_outside(name):
    fmt = FORMATS[name]
    in_graph = tf.function(
        fmt.begins_in_graph, input_signature=[tf.TensorSpec([], tf.string)]
    )
    files = [noise(other) for other in FORMATS]
    starts = [file[:size] for file in files for size in (0, 1, 3, 7, 9, 11)]
    for encoded in (*files, *starts, b"<html>"):
        assert in_graph(encoded).numpy() == fmt.begins(encoded)


@pytest.mark.parametrize("name", FORMATS)
def test_completeness(name):
    fmt, encoded = FORMATS[name], noise(name)
    assert fmt.is_complete(encoded)
    assert fmt.is_complete(encoded + bytes(100))
    cut = encoded[: len(encoded) // 2]
    assert not fmt.is_complete(cut)
    if name in ("JPEG", "PNG", "GIF"):  # the others tell their length
        assert not fmt.is_complete(cut + bytes(len(encoded)))


@pytest.mark.parametrize("encoded", [b"", b"\xff\xd8", b"<html>", b"RIFF"])
def test_no_format(encoded):
    assert find_format(encoded) is None


def test_riff_of_another_kind_is_refused():
    """A sound or a film; begun like a WebP."""
    encoded = noise("WebP")
    other = encoded[:8] + b"WAVE" + encoded[12:]
    assert find_format(other) is None
    with pytest.raises(tf.errors.InvalidArgumentError):
        decode(other)


def test_resize_warps_as_tensorflow_does():
    image = tf.constant([[[0, 10, 20], [100, 110, 120]]], tf.uint8)  # 1 x 2
    resized = resize(image, 4)
    assert resized.dtype == tf.float32
    expected = np.array([0, 25, 75, 100])[None, :, None] + [0, 10, 20]
    np.testing.assert_allclose(resized, np.repeat(expected, 4, axis=0))


def write(path, encoded):
    path.write_bytes(encoded)
    return path


def png_chunk(name, data):
    crc = struct.pack(">I", zlib.crc32(name + data))
    return struct.pack(">I", len(data)) + name + data + crc


@pytest.mark.parametrize("fmt", FORMATS)
def test_header_size_of_every_format(tmp_path, fmt):
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
    # Since version 13 for its size, before for want of a frame.
    with pytest.raises((OSError, Image.DecompressionBombError)) as refused:
        Image.open(path)
    with pytest.raises(InputError) as error:
        header_size(path)
    assert str(error.value) == f"{path}: image cannot be read: {refused.value}"


def test_missing_file(tmp_path):
    with pytest.raises(InputError) as error:
        header_size(tmp_path / "a.png")
    assert "a.png: image cannot be read: [Errno 2]" in str(error.value)
