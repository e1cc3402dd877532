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


def test_numbers_that_coco_never_used_are_left_out():
    """Two images of three and one detections, among them two of "N/A 2"."""
    boxes = np.arange(24, dtype="f4").reshape(2, 3, 4)
    outputs = {
        "detection_boxes": tf.constant(boxes),
        "detection_scores": tf.constant([[0.9, 0.8, 0.7], [0.6, 0.0, 0.0]]),
        "detection_classes": tf.constant([[2.0, 3.0, 1.0], [2.0, 0.0, 0.0]]),
        "num_detections": tf.constant([3.0, 1.0]),
    }
    whole = serving.Predictor(
        lambda pixels: outputs, ["cat", "N/A 2", "dog"], 8
    )
    used = whole.without_unused_classes()
    assert used.class_names == ("cat", "dog") and used.image_size == 8
    one, other = used.detect_pixels([np.zeros((8, 8, 3), "u1")] * 2)
    np.testing.assert_array_equal(one.classes, [2, 1])
    np.testing.assert_array_equal(one.scores, np.float32([0.8, 0.7]))
    np.testing.assert_array_equal(one.boxes, boxes[0, 1:])
    assert len(other.classes) == 0
    assert used.without_unused_classes() is used


def assert_equal(left, right):
    for one, other in zip(left, right, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5)


@pytest.mark.parametrize("convert", [tf.constant, np.asarray])
def test_padding_is_cut_off(convert):
    """A model that knows its size gets resized images, all at once."""
    asked = []

    def detect(pixels):
        asked.append(pixels)
        return {name: convert(value) for name, value in OUTPUTS.items()}

    predictor = serving.Predictor(detect, ["cat", "dog"], 16)
    first, second = predictor.detect_pixels(
        [np.full((8, 9, 3), 7, np.uint8), np.full((20, 10, 3), 9, np.uint8)]
    )
    (pixels,) = asked
    assert pixels.shape == (2, 16, 16, 3) and pixels.dtype == tf.float32
    assert (pixels.numpy() == np.reshape([7, 9], (2, 1, 1, 1))).all()
    assert [len(values) for values in first] == [3, 3, 3]
    assert second.boxes.tolist() == [[12, 13, 14, 15]]
    assert second.scores.tolist() == [np.float32(0.6)]
    assert second.classes.tolist() == [1]
    assert first.classes.dtype == np.int32
    assert predictor.class_names == ("cat", "dog")


def test_many_images_as_one_by_one(small_module, small_export, pictures):
    of_module = serving.Predictor(small_module.detect_pixels, ())
    single = [of_module(picture) for picture in pictures]
    for predictor in (
        of_module,
        serving.predictor_of_saved_model(small_export),
    ):
        together = predictor.detect_batch(pictures)
        for one, other in zip(together, single, strict=True):
            assert len(one.boxes) > 0
            assert_equal(one, other)


@pytest.mark.parametrize("image_size", [None, 16])
def test_no_images(image_size):
    assert serving.Predictor(None, (), image_size).detect_batch([]) == []


def test_whole_images_go_one_by_one():
    asked = []

    def detect(pixels):
        asked.append(np.asarray(pixels))
        return OUTPUTS

    given = [np.full((8, 9, 3), 7, np.uint8), np.full((20, 10, 3), 9, np.uint8)]
    serving.Predictor(detect, ()).detect_pixels(given)
    for pixels, image in zip(asked, given, strict=True):
        np.testing.assert_array_equal(pixels, image[None])
        assert pixels.dtype == np.uint8


@pytest.mark.parametrize("image_size", [None, 16])
@pytest.mark.parametrize("heights", [(8, 8), (8, 9)])
def test_frames_are_what_pictures_are(heights, image_size):
    """Those of one size go to a model at once, with the same pixels."""
    asked = []

    def detect(pixels):
        asked.append(np.asarray(pixels))
        return {name: value[: len(pixels)] for name, value in OUTPUTS.items()}

    random = np.random.default_rng(0)
    frames = [random.integers(0, 255, (h, 9, 3), np.uint8) for h in heights]
    predictor = serving.Predictor(detect, (), image_size)
    assert len(predictor.detect_frames(frames)) == 2
    num_calls = len(asked)
    assert num_calls == (2 if image_size is None and heights[1] == 9 else 1)
    predictor.detect_pixels(frames)
    of_frames = [one for batch in asked[:num_calls] for one in batch]
    of_pictures = [one for batch in asked[num_calls:] for one in batch]
    for one, other in zip(of_frames, of_pictures, strict=True):
        np.testing.assert_array_equal(one, other)


def test_an_image_that_does_not_decode(small_module, pictures):
    predictor = serving.Predictor(small_module.detect_pixels, ())
    with pytest.raises(tf.errors.InvalidArgumentError):
        predictor.detect_batch([pictures[0], b"junk"])
