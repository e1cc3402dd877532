"""Confusion between classes, by hand and against the kinds of errors."""

import numpy as np
import pytest

from ssd_tf.evaluation import ErrorBreakdown
from ssd_tf.evaluation.confusion import ConfusionMatrix

CAT, DOG = 1, 2
LEFT, RIGHT = [0, 0, 10, 10], [0, 20, 10, 30]


def count(gt, found, **marks):
    """A matrix of objects and detections, (label, box) and (.., score)."""
    matrix = ConfusionMatrix(("cat", "dog"), score_threshold=0.4)
    matrix.update(
        [box for _, box in gt],
        [label for label, _ in gt],
        marks.get("difficult"),
        [box for _, box, _ in found],
        [score for _, _, score in found],
        [label for label, _, _ in found],
        gt_is_crowd=marks.get("crowd"),
    )
    return matrix.counts.tolist()


@pytest.mark.parametrize(
    "found, expected",
    [
        # rows: nothing, cat, dog
        ([], [[0, 0, 0], [1, 0, 0], [1, 0, 0]]),
        ([(CAT, LEFT, 0.9)], [[0, 0, 0], [0, 1, 0], [1, 0, 0]]),
        ([(DOG, LEFT, 0.9)], [[0, 0, 0], [0, 0, 1], [1, 0, 0]]),
        # Too little score, and a second one of the same object.
        ([(CAT, LEFT, 0.3)], [[0, 0, 0], [1, 0, 0], [1, 0, 0]]),
        (
            [(CAT, LEFT, 0.9), (CAT, LEFT, 0.8)],
            [[0, 1, 0], [0, 1, 0], [1, 0, 0]],
        ),
        # What is correct takes its object, though another has a better score.
        (
            [(CAT, LEFT, 0.5), (DOG, LEFT, 0.9)],
            [[0, 0, 1], [0, 1, 0], [1, 0, 0]],
        ),
        ([(DOG, [50, 50, 60, 60], 0.5)], [[0, 0, 1], [1, 0, 0], [1, 0, 0]]),
    ],
)
def test_by_hand(found, expected):
    assert count([(CAT, LEFT), (DOG, RIGHT)], found) == expected


@pytest.mark.parametrize("mark", ["difficult", "crowd"])
def test_what_nobody_has_to_find_counts_neither_way(mark):
    counts = count([(CAT, LEFT)], [(CAT, LEFT, 0.9)], **{mark: [True]})
    assert counts == [[0, 0, 0]] * 3


def test_sums_are_those_of_the_errors(random_images):
    names = tuple("abcd")
    matrix = ConfusionMatrix(names, score_threshold=0.4)
    errors = ErrorBreakdown(names, score_threshold=0.4)
    for seed in range(3):
        for image in random_images(seed):
            matrix.update(*image)
            errors.update(*image)
    counts = matrix.counts
    for label, name in enumerate(names, start=1):
        of_class = errors.result()["per_class"][name]
        assert counts[label].sum() == of_class["num_objects"]
        assert counts[label, label] >= of_class["correct"]
        detections = sum(
            of_class[key]
            for key in ("correct", "wrong_class", "poor_localisation")
            + ("duplicate", "background")
        )
        assert counts[:, label].sum() == detections
    assert np.trace(counts) > 0
