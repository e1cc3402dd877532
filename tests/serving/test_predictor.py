"""Predictors: one image, many images, tensors and arrays."""

import numpy as np
import pytest
import tensorflow as tf

from ssd_tf import serving

OUTPUTS = {
    "detection_boxes": np.arange(24, dtype=np.float32).reshape(2, 3, 4),
    "detection_scores": np.float32([[0.9, 0.8, 0.7], [0.6, 0.0, 0.0]]),
    "detection_classes": np.float32([[2, 1, 2], [1, 0, 0]]),
    "num_detections": np.float32([3, 1]),
}


def assert_equal(left, right):
    for one, other in zip(left, right, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("convert", [tf.constant, np.asarray])
def test_padding_is_cut_off(convert):
    asked = []

    def detect(encoded):
        asked.append(encoded)
        return {name: convert(value) for name, value in OUTPUTS.items()}

    predictor = serving.Predictor(detect, ["cat", "dog"])
    first, second = predictor.detect_batch([b"one", b"two"])
    assert asked[0].dtype == tf.string
    assert asked[0].numpy().tolist() == [b"one", b"two"]
    assert [len(values) for values in first] == [3, 3, 3]
    assert second.boxes.tolist() == [[12, 13, 14, 15]]
    assert second.scores.tolist() == [np.float32(0.6)]
    assert second.classes.tolist() == [1]
    assert first.classes.dtype == np.int32
    assert predictor.class_names == ("cat", "dog")


def test_many_images_as_one_by_one(small_module, small_export, pictures):
    of_module = serving.predictor_of_module(small_module, ())
    single = [of_module(picture) for picture in pictures]
    for predictor in (
        of_module,
        serving.predictor_of_saved_model(small_export),
    ):
        together = predictor.detect_batch(pictures)
        for one, other in zip(together, single, strict=True):
            assert len(one.boxes) > 0
            assert_equal(one, other)


def test_no_images(small_module):
    predictor = serving.predictor_of_module(small_module, ())
    assert predictor.detect_batch([]) == []


def test_an_image_that_does_not_decode(small_module, pictures):
    predictor = serving.predictor_of_module(small_module, ())
    with pytest.raises(tf.errors.InvalidArgumentError):
        predictor.detect_batch([pictures[0], b"junk"])
