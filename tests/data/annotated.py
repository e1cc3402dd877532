"""Annotated images in memory."""

import numpy as np

from ssd_tf.data.sources.base import RawImage, RawObject
from tests.data.toy_source import encode


def noise(fmt, **options):
    """An image file of 100 x 50 that does not compress to nothing."""
    rng = np.random.default_rng(0)
    return encode(rng.integers(0, 255, (50, 100, 3), np.uint8), fmt, **options)


def raw_image(*objects, encoded=b"", size=(50.0, 100.0), **changes):
    """An image of 100 x 50; objects are (class, ymin, xmin, ymax, xmax)."""
    values = {
        "image_id": "a.jpg",
        "location": "a.xml",
        "image_path": "images/a.jpg",
        "encoded": encoded,
        "declared_size": size,
        "objects": tuple(
            RawObject(name, tuple(box), f"box {i}")
            for i, (name, *box) in enumerate(objects, start=1)
        ),
    }
    return RawImage(**{**values, **changes})
