"""Images that calibrate; the exports themselves are in test_litert.py."""

import numpy as np
import pytest

from ssd_tf import serving
from ssd_tf.data import images


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
