"""NMS across looks at one picture, and the mean of two looks."""

import numpy as np
import pytest
import tensorflow as tf

from ssd_tf import serving
from ssd_tf.evaluation import ImageDetections, split_outputs
from ssd_tf.serving.merging import (
    average,
    class_agnostic,
    flip_averaged,
    join_outputs,
    suppress,
)

LEFT, RIGHT = (0.0, 0.0, 1.0, 0.5), (0.0, 0.5, 1.0, 1.0)


def detections(*rows):
    """From (box, score, class) each."""
    boxes, scores, classes = zip(*rows) if rows else ([], [], [])
    return ImageDetections(
        np.array(boxes, np.float32).reshape(-1, 4),
        np.array(scores, np.float32),
        np.array(classes, np.int32),
    )


def rows_of(found):
    return [
        (
            tuple(round(float(v), 4) for v in box),
            round(float(score), 4),
            int(label),
        )
        for box, score, label in zip(*found, strict=True)
    ]


def test_suppression_is_by_class_and_above_the_threshold():
    # IoU of the halves with the whole is 1/2, of another class 1.
    whole = (0.0, 0.0, 1.0, 1.0)
    found = detections((LEFT, 0.6, 1), (whole, 0.9, 1), (whole, 0.7, 2))
    left = suppress(found, iou_threshold=0.5)
    assert rows_of(left) == [(whole, 0.9, 1), (whole, 0.7, 2), (LEFT, 0.6, 1)]
    left = suppress(found, iou_threshold=0.49)
    assert rows_of(left) == [(whole, 0.9, 1), (whole, 0.7, 2)]
    left = suppress(found, iou_threshold=0.49, agnostic=True)
    assert rows_of(left) == [(whole, 0.9, 1)]
    for value, again in zip(left, found, strict=True):
        assert value.dtype == again.dtype


def test_suppression_is_that_of_tensorflow():
    rng = np.random.default_rng(0)
    low = rng.uniform(0, 0.8, (200, 2))
    boxes = np.concatenate([low, low + rng.uniform(0.05, 0.3, (200, 2))], 1)
    found = ImageDetections(
        boxes.astype(np.float32),
        rng.permutation(200).astype(np.float32) / 200,
        np.ones(200, np.int32),
    )
    for threshold in (0.0, 0.3, 0.7, 1.0):
        kept = tf.image.non_max_suppression(
            found.boxes, found.scores, 200, iou_threshold=threshold
        ).numpy()
        left = suppress(found, iou_threshold=threshold)
        np.testing.assert_array_equal(left.scores, found.scores[kept])
        np.testing.assert_array_equal(left.boxes, found.boxes[kept])


def test_parts_stand_behind_wholes():
    part, whole = (0.0, 0.0, 0.2, 0.2), (0.0, 0.0, 1.0, 1.0)
    apart = (0.0, 0.9, 0.2, 1.1)  # half of it lies in the whole
    found = detections((part, 0.99, 1), (whole, 0.5, 1), (apart, 0.8, 1))
    left = suppress(
        found, iou_threshold=0.45, is_cut=np.array([True, False, True])
    )
    assert rows_of(left) == [(whole, 0.5, 1)]
    # A part that no whole accounts for stays, with its score.
    left = suppress(
        found, iou_threshold=0.55, is_cut=np.array([True, False, True])
    )
    assert [score for _, score, _ in rows_of(left)] == [0.8, 0.5]
    # Without marks the surer one would win and both would stay.
    assert len(suppress(found, iou_threshold=0.45).scores) == 3


def test_nothing_and_boxes_without_area():
    assert rows_of(suppress(detections(), iou_threshold=0.5)) == []
    point = detections(((0.5,) * 4, 0.5, 1), ((0.5,) * 4, 0.4, 1))
    assert len(suppress(point, iou_threshold=0.0).scores) == 2


def test_average_by_hand():
    one = detections((LEFT, 0.9, 1), (RIGHT, 0.4, 2))
    other = detections(
        ((0.0, 0.0, 0.8, 0.5), 0.3, 1),  # IoU .8 with the left half
        (RIGHT, 0.6, 1),  # of another class
    )
    found = average(one, other, iou_threshold=0.45)
    # (.9 * 1 + .3 * .8) / 1.2 is the end of the box.
    assert rows_of(found) == [
        ((0.0, 0.0, 0.95, 0.5), 0.6, 1),
        (RIGHT, 0.3, 1),
        (RIGHT, 0.2, 2),
    ]
    found = average(one, other, iou_threshold=0.45, agnostic=True)
    assert [label for _, _, label in rows_of(found)] == [1, 1]
    assert rows_of(one)[0] == (LEFT, 0.9, 1)  # left as it was


def test_average_with_itself_or_with_nothing():
    one = detections((LEFT, 0.9, 1), (RIGHT, 0.4, 2))
    assert rows_of(average(one, one, iou_threshold=0.45)) == rows_of(one)
    half = [(LEFT, 0.45, 1), (RIGHT, 0.2, 2)]
    assert rows_of(average(one, detections(), iou_threshold=0.45)) == half
    assert rows_of(average(detections(), one, iou_threshold=0.45)) == half
    none = average(detections(), detections(), iou_threshold=0.45)
    assert rows_of(none) == []


def test_each_box_has_one_partner():
    one = detections((LEFT, 0.8, 1))
    near = (0.0, 0.0, 1.0, 0.6)
    other = detections((near, 0.6, 1), (LEFT, 0.4, 1))
    # The nearest is its partner; the other overlaps their mean, and goes.
    assert rows_of(average(one, other, iou_threshold=0.7)) == [(LEFT, 0.6, 1)]
    assert rows_of(average(one, other, iou_threshold=0.9)) == [
        (LEFT, 0.6, 1),
        (near, 0.3, 1),
    ]


def test_outputs_joined_are_split_again():
    found = [detections((LEFT, 0.9, 1), (RIGHT, 0.4, 2)), detections()]
    outputs = join_outputs(found)
    assert outputs["detection_boxes"].shape == (2, 2, 4)
    again = split_outputs(outputs)
    assert [rows_of(one) for one in again] == [rows_of(one) for one in found]
    assert join_outputs([detections()])["detection_boxes"].shape == (1, 0, 4)


@pytest.mark.parametrize("convert", [tf.constant, np.asarray])
def test_flip_averaging_mirrors_pictures_and_boxes(convert):
    """A detector that sees bright columns, and is surer on the left."""

    def detect(pixels):
        found = []
        for one in np.asarray(pixels):
            (columns,) = np.nonzero(one[0, :, 0])
            start, end = columns[0] / 10, (columns[-1] + 1) / 10
            score = 0.9 if start < 0.5 else 0.5
            found.append(detections(((0.0, start, 1.0, end), score, 1)))
        return join_outputs(found)

    predictor = serving.Predictor(detect, ["a"], 10)
    twice = flip_averaged(predictor)
    assert (twice.class_names, twice.image_size) == (("a",), 10)
    pixels = np.zeros((2, 10, 10, 3), np.float32)
    pixels[0, :, 1:4] = pixels[1, :, 6:9] = 255.0
    one, other = split_outputs(twice.detect(convert(pixels)))
    assert rows_of(one) == [((0.0, 0.1, 1.0, 0.4), 0.7, 1)]
    assert rows_of(other) == [((0.0, 0.6, 1.0, 0.9), 0.7, 1)]


def test_one_class_per_object_of_any_predictor():
    found = detections((LEFT, 0.9, 1), (LEFT, 0.8, 2), (RIGHT, 0.4, 2))
    predictor = serving.Predictor(
        lambda pixels: join_outputs([found] * len(pixels)), ["a", "b"], 8
    )
    pictures = [np.zeros((8, 8, 3), np.uint8)] * 2
    for one in class_agnostic(predictor).detect_pixels(pictures):
        assert rows_of(one) == [(LEFT, 0.9, 1), (RIGHT, 0.4, 2)]
