"""Pictures that nobody tests with, and batches of any size.

In a session, as TF Serving runs the export; see `stand_in_server.Model`.
"""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from ssd_tf import serving, training
from tests.data.toy_source import encode
from tests.serving.stand_in_server import Model


@pytest.fixture(scope="module")
def serve(small_export):
    """Encoded images -> outputs of serving_default."""
    model = Model(small_export, "shapes")
    signature = model.signature("shapes", "serving_default")
    yield lambda batch: model.run(signature, {"input_tensor": batch})
    model.close()


def flat(height, width, *channels):
    return np.full((height, width, *channels), 200, np.uint8)


def assert_equal(found, expected):
    assert found.keys() == expected.keys()
    for name, value in found.items():
        if name == "detection_class_names":
            assert value.tolist() == expected[name].tolist()
        else:
            np.testing.assert_allclose(value, expected[name], atol=1e-5)


@pytest.mark.parametrize(
    "picture",
    [
        encode(flat(1, 1, 3)),
        encode(flat(1, 1, 3), "JPEG"),
        encode(flat(1, 300, 3)),
        encode(flat(300, 1, 3), "JPEG"),
        encode(flat(6000, 8000, 3), "JPEG"),
    ],
    ids=["1x1 PNG", "1x1 JPEG", "row", "column", "8000x6000"],
)
def test_one_colour_of_any_size_is_that_colour(serve, picture):
    """Resizing leaves it the picture that a small square of it is."""
    found, expected = serve([picture]), serve([encode(flat(64, 64, 3))])
    assert_equal(found, expected)
    assert found["num_detections"][0] > 0
    numbers = [v for v in found.values() if v.dtype == np.float32]
    assert len(numbers) == 4 and all(np.isfinite(v).all() for v in numbers)


@pytest.mark.parametrize("fmt", ["PNG", "JPEG"])
def test_grayscale_is_equal_red_green_and_blue(serve, fmt):
    gray = np.arange(0, 240, 4, np.uint8).reshape(6, 10)
    gray = gray.repeat(16, axis=0).repeat(16, axis=1)
    colour = encode(np.stack([gray] * 3, axis=-1))
    assert_equal(serve([encode(gray, fmt, **QUALITY[fmt])]), serve([colour]))


QUALITY = {"PNG": {}, "JPEG": {"quality": 100}}


@pytest.mark.parametrize("batch_size", [1, 2, 5, 32])
def test_batches_equal_one_by_one(serve, pictures, batch_size):
    batch = list(itertools.islice(itertools.cycle(pictures), batch_size))
    single = [serve([picture]) for picture in batch]
    expected = {
        name: np.concatenate([outputs[name] for outputs in single])
        for name in single[0]
    }
    assert_equal(serve(batch), expected)


@pytest.mark.parametrize(
    "junk, message",
    [
        (b"", "Input is empty."),
        (b"<html>", "Unknown image file format. One of JPEG, "),
        (b"\xff\xd8\xff\xe0 cut", "Invalid JPEG data"),
        (b"\x89PNG\r\n\x1a\n", "Invalid PNG"),
    ],
)
def test_undecodable_picture_in_a_batch(serve, pictures, junk, message):
    before = serve(pictures[:2])
    with pytest.raises(tf.errors.InvalidArgumentError, match=message):
        serve([pictures[0], junk])
    assert_equal(serve(pictures[:2]), before)


def with_size_of_14000(file):
    """A PNG whose header tells of 14000 x 14000; its pixels are not there."""
    return file[:16] + (14_000).to_bytes(4, "big") * 2 + file[24:]


def test_too_many_pixels_are_refused_by_the_header(serve, pictures):
    bomb = with_size_of_14000(encode(flat(9, 9, 4)))
    with pytest.raises(
        tf.errors.InvalidArgumentError,
        match="has 196000000 pixels by its header; expected at most 50000000",
    ):
        serve([pictures[0], bomb])


def test_the_limit_is_a_choice_of_the_export(small_run, small_model):
    config, _ = training.RunDir(small_run).read_configs()
    module = serving.DetectionModule(config, small_model, max_megapixels=1)
    module.detect_bytes(tf.constant([encode(flat(1000, 1000, 3))]))
    with pytest.raises(tf.errors.InvalidArgumentError, match="at most 1000000"):
        module.detect_bytes(tf.constant([encode(flat(1000, 1001, 3))]))
