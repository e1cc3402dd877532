"""Images for an export: of a split, as far as they decode."""

import numpy as np
import pytest
import tensorflow as tf

from ssd_tf import InputError, serving
from ssd_tf.data import images
from ssd_tf.serving import warmup
from tests.data.toy_source import ToySource, to_example


@pytest.mark.parametrize(
    "count, indices",
    [(2, [0, 3]), (3, [0, 2, 4]), (4, [0, 1, 2, 3]), (100, [*range(6)])],
)
def test_representative_images(shapes_source, count, indices):
    found = serving.representative_images(
        shapes_source, "train", image_size=20, count=count
    )
    everything = [
        images.resize(images.decode(example["image"]), 20)
        for example in shapes_source.dataset("train")
    ]
    np.testing.assert_array_equal(found, [everything[i] for i in indices])
    assert found[0].shape == (20, 20, 3) and found[0].dtype == np.float32


def source_of(images):
    return ToySource(to_example(image, "?") for image in images)


def test_real_images(pictures):
    """Those that TF Serving would stumble over are left out."""
    noise = np.random.default_rng(0).integers(0, 256, (700, 700, 3))
    large = tf.io.encode_png(noise.astype(np.uint8)).numpy()
    assert len(large) > 1 << 20
    source = source_of([b"junk", large, *pictures])
    assert warmup.real_images(source, "train") == pictures
    many = source_of(pictures * 3)
    assert warmup.real_images(many, "train") == (pictures * 2)[:8]
    with pytest.raises(
        InputError,
        match="none of the first 64 images of split 'train' of toy decodes",
    ):
        warmup.real_images(source_of([b"junk"]), "train")
