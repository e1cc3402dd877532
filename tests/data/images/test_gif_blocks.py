"""The first image of a GIF, without those that follow."""

import numpy as np
import pytest
from PIL import Image

from ssd_tf.data import images
from ssd_tf.data.images import gif_blocks
from tests.data.toy_source import encode

RNG = np.random.default_rng(0)
NOISE = [
    Image.fromarray(RNG.integers(0, 256, (40, 60, 3), np.uint8)).quantize(64)
    for _ in range(3)
]
ALONE = encode(NOISE[0], "GIF")
KINDS = {
    "alone": ALONE,
    "with a comment": encode(NOISE[0], "GIF", comment="a;,!" * 99),
    "with transparency": encode(NOISE[0], "GIF", transparency=3),
    "interlaced": encode(NOISE[0], "GIF", interlace=True),
    "animated": encode(
        NOISE[0], "GIF", save_all=True, append_images=NOISE[1:], loop=0
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_but_the_first_image_is_left(kind):
    file = KINDS[kind]
    alone = gif_blocks.first_image_alone(file).numpy()
    assert alone.endswith(b"\0;")
    assert len(alone) == len(file) or kind == "animated"
    assert len(alone) < 1.3 * len(ALONE)
    np.testing.assert_array_equal(
        images.decode(file),
        (
            np.asarray(NOISE[0].convert("RGB"))
            if kind != "with transparency"
            else images.decode(alone)
        ),
    )


def test_the_first_image_may_be_larger_than_the_canvas():
    file = bytearray(ALONE)
    place = file.index(b",\0\0\0\0" + bytes([60, 0, 40, 0]))
    file[place + 5 : place + 9] = b"\xff\xff\xff\xff"
    assert int(gif_blocks.first_image_pixels(bytes(file))) == 65535**2
    assert int(gif_blocks.first_image_pixels(ALONE)) == 60 * 40


@pytest.mark.parametrize("length", [4, 12, 13, 20, 300, 900, 1500])
def test_a_damaged_file_is_left_as_it_is(length):
    file = ALONE[:length]
    assert gif_blocks.first_image_alone(file).numpy() == file
    assert int(gif_blocks.first_image_pixels(file)) in (0, 60 * 40)
