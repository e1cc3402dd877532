"""Evaluated images as bytes, there and back."""

import numpy as np
import pytest

from ssd_tf.evaluation import EvaluatedImage
from ssd_tf.evaluation.image_archive import pack_images, unpack_images


def image(name, num_objects, num_detections):
    rng = np.random.default_rng(len(name))
    return EvaluatedImage(
        name,
        (480, 640),
        rng.random((num_objects, 4), np.float32),
        rng.integers(1, 4, num_objects).astype(np.int32),
        rng.random(num_objects) < 0.5,
        rng.random(num_objects) < 0.5,
        rng.random(num_objects, np.float32),
        rng.random((num_detections, 4), np.float32),
        rng.random(num_detections, np.float32),
        rng.integers(1, 4, num_detections).astype(np.int32),
        position=7,
    )


@pytest.mark.parametrize(
    "images",
    [
        [],
        [image("a.jpg", 0, 0)],
        [image("a.jpg", 3, 5), image("größer/犬.png", 0, 2), image("", 2, 0)],
    ],
)
def test_there_and_back(images):
    found = unpack_images(pack_images(images))
    assert len(found) == len(images)
    for one, other in zip(images, found, strict=True):
        assert other[:2] == one[:2] and other.position == 7
        for name in EvaluatedImage._fields[2:-2]:
            before, after = getattr(one, name), getattr(other, name)
            np.testing.assert_array_equal(before, after, strict=True)


@pytest.mark.parametrize("damage", [b"", b"PK\x03\x04", "half"])
def test_a_damaged_archive_is_refused(damage):
    content = pack_images([image("a.jpg", 3, 5)])
    content = content[: len(content) // 2] if damage == "half" else damage
    with pytest.raises(ValueError, match="not evaluated images"):
        unpack_images(content)
