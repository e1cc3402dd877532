"""Pixels by the header, before anything is decoded."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from ssd_tf.data import images
from ssd_tf.data.images import pixel_counts
from tests.data.toy_source import encode

WIDTH, HEIGHT = 37, 21
PICTURE = Image.new("RGB", (WIDTH, HEIGHT))
FILES = {
    "jpeg": encode(PICTURE, "JPEG"),
    "progressive jpeg": encode(PICTURE, "JPEG", progressive=True),
    "png": encode(PICTURE),
    "gif": encode(PICTURE, "GIF"),
    "bmp": encode(PICTURE, "BMP"),
    "webp": encode(PICTURE, "WEBP"),
    "lossless webp": encode(PICTURE, "WEBP", lossless=True),
    "animated webp": encode(
        PICTURE,
        "WEBP",
        save_all=True,
        append_images=[Image.new("RGB", (WIDTH, HEIGHT), "red")],
    ),
}


@pytest.mark.parametrize("kind", FILES)
def test_a_limit_is_met_or_exceeded(kind):
    count = WIDTH * HEIGHT
    pixels = images.decode(FILES[kind], max_pixels=count)
    assert pixels.shape == (HEIGHT, WIDTH, 3)
    with pytest.raises(tf.errors.InvalidArgumentError) as error:
        images.decode(FILES[kind], max_pixels=count - 1)
    assert images.reason(error.value) == (
        f"the image has {count} pixels by its header; expected at most"
        f" {count - 1}"
    )


@pytest.mark.parametrize("kind", FILES)
def test_in_a_dataset_too(kind):
    def decode(file):
        return images.decode(file, max_pixels=WIDTH * HEIGHT - 1)

    dataset = tf.data.Dataset.from_tensors(FILES[kind]).map(decode)
    with pytest.raises(tf.errors.InvalidArgumentError) as error:
        next(iter(dataset))
    message = images.reason(error.value)
    assert message.startswith("the image has 777 pixels by its header; expect")
    assert message.endswith("at most 776")


def test_a_height_from_top_to_bottom_is_negative():
    file = bytearray(FILES["bmp"])
    file[22:26] = (-HEIGHT).to_bytes(4, "little", signed=True)
    assert int(pixel_counts.bmp(bytes(file))) == WIDTH * HEIGHT


@pytest.mark.parametrize("name", ["png", "gif", "bmp", "webp", "unknown"])
def test_no_header_has_no_end_to_read_beyond(name):
    count = getattr(pixel_counts, name)(b"\x89")
    assert count.dtype == tf.int64 and count.shape == ()


def test_largest_png_header():
    head = bytearray(FILES["png"])
    head[16:24] = (2**31 - 1).to_bytes(4, "big") * 2
    assert np.int64(pixel_counts.png(bytes(head))) == (2**31 - 1) ** 2
