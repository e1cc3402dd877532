"""Random images that reach the corners of the matching rules."""

import numpy as np
import pytest


def _boxes(rng, count: int) -> np.ndarray:
    corner = rng.integers(0, 120, (count, 2))
    sides = rng.integers(4, 120, (count, 2))
    return np.hstack([corner, corner + sides]).astype(float)


def _image(rng, num_classes: int, num_detections: int):
    num_objects = int(rng.integers(0, 9))
    gt_boxes = _boxes(rng, num_objects)
    # The last class never occurs among the objects.
    gt_labels = rng.integers(1, num_classes, num_objects)
    difficult = rng.random(num_objects) < 0.25
    boxes = _boxes(rng, num_detections)
    labels = rng.integers(1, num_classes + 1, num_detections)
    for row in range(num_detections // 2 if num_objects else 0):
        source = rng.integers(num_objects)
        boxes[row] = gt_boxes[source]
        boxes[row, 2:] += rng.integers(-2, 9, 2)
        if rng.random() < 0.8:
            labels[row] = gt_labels[source]
    # Few digits make equal scores; whole pixels make equal IoUs.
    scores = rng.random(num_detections).round(2)
    return gt_boxes, gt_labels, difficult, boxes, scores, labels


@pytest.fixture
def random_images():
    """Returns a function that makes a list of arguments of `update`."""

    def make(seed, *, num_images=25, num_classes=4, num_detections=40):
        rng = np.random.default_rng(seed)
        return [
            _image(rng, num_classes, num_detections) for _ in range(num_images)
        ]

    return make
