"""Files that are whole by their parts decode; the others may not."""

import io
import random

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from ssd_tf.data import images
from ssd_tf.data.images import wholeness
from tests.data.toy_source import encode

NOISE = Image.fromarray(
    np.random.default_rng(0).integers(0, 256, (40, 60, 3), np.uint8)
)
FILES = {
    "jpeg": [
        encode(NOISE, "JPEG"),
        encode(NOISE, "JPEG", progressive=True),
        encode(NOISE.convert("L"), "JPEG"),
        encode(NOISE, "JPEG") + b"what a camera adds",
        encode(NOISE, "JPEG", restart_marker_rows=1, comment=b"\xff\xd9"),
    ],
    "png": [encode(NOISE), encode(NOISE.convert("L"), optimize=True)],
    "gif": [
        encode(NOISE, "GIF", comment="a;b"),
        encode(NOISE, "GIF", save_all=True, append_images=[NOISE.rotate(90)]),
    ],
    "webp": [encode(NOISE, "WEBP"), encode(NOISE, "WEBP", lossless=True)],
}
CASES = [(kind, file) for kind, files in FILES.items() for file in files]


@pytest.mark.parametrize("kind, file", CASES)
def test_whole_files(kind, file):
    assert getattr(wholeness, kind)(file)
    images.decode(file)


@pytest.mark.parametrize("kind, file", CASES)
def test_a_cut_file_is_never_whole(kind, file):
    is_whole = getattr(wholeness, kind)
    end = len(file) - len(b"what a camera adds") * file.endswith(b"adds")
    for length in range(4, end, max(1, end // 200)):
        assert not is_whole(file[:length])


def test_a_checksum_finds_one_other_byte_of_a_png():
    file = bytearray(FILES["png"][0])
    file[len(file) // 2] ^= 1
    assert not wholeness.png(bytes(file))


def decodes(file):
    try:
        images.decode(file)
    except tf.errors.InvalidArgumentError:
        return False
    return True


def test_whole_baseline_jpegs_decode_whatever_is_written_into_them():
    rng = random.Random(0)
    counts = {True: 0, False: 0}
    for _ in range(150):
        file = bytearray(FILES["jpeg"][0])
        for _ in range(rng.randrange(1, 4)):
            file[rng.randrange(2, len(file))] = rng.randrange(256)
        is_whole = wholeness.jpeg(bytes(file))
        counts[is_whole] += 1
        if is_whole:
            assert decodes(bytes(file))
    assert min(counts.values()) > 5


def test_jpegs_that_libjpeg_refuses_are_not_whole():
    file = FILES["jpeg"][0]
    frame = file.index(b"\xff\xc0")
    for place, value in ((1, 0xC9), (4, 12), (9, 2)):  # arithmetic, bits, CC
        other = bytearray(file)
        other[frame + place] = value
        assert not wholeness.jpeg(bytes(other))


def test_a_tiff_is_nothing_of_this():
    buffer = io.BytesIO()
    NOISE.save(buffer, "TIFF")
    for kind in FILES:
        assert not getattr(wholeness, kind)(buffer.getvalue())
