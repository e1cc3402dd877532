"""Encoded images of several sizes and formats."""

import io

import numpy as np
import pytest
from PIL import Image


def _encode(image, image_format):
    encoded = io.BytesIO()
    Image.fromarray(image).save(encoded, image_format)
    return encoded.getvalue()


@pytest.fixture(scope="session")
def pictures():
    """JPEG, PNG, BMP, gray PNG and gray JPEG, all of other sizes."""
    rng = np.random.default_rng(0)

    def blocks(height, width, *channels):
        coarse = rng.integers(0, 255, (height // 10, width // 10, *channels))
        return coarse.repeat(10, axis=0).repeat(10, axis=1).astype(np.uint8)

    return [
        _encode(blocks(60, 90, 3), "JPEG"),
        _encode(blocks(120, 80, 3), "PNG"),
        _encode(blocks(50, 50, 3), "BMP"),
        _encode(blocks(70, 110), "PNG"),
        _encode(blocks(40, 200), "JPEG"),
    ]
