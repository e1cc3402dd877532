"""The threshold of best F1, by hand and against counting."""

import numpy as np
import pytest

from ssd_tf.evaluation import VocEvaluator
from ssd_tf.evaluation.score_threshold import THRESHOLDS, sweep


def test_by_hand():
    """Three of four objects are found; one error has the second score."""
    result = sweep(
        np.array([0.9, 0.8, 0.5, 0.3, 0.2]),
        np.array([True, False, True, True, False]),
        num_objects=4,
    )
    at = {round(t, 2): k for k, t in enumerate(THRESHOLDS)}
    np.testing.assert_allclose(
        result.precision[[at[0.1], at[0.3], at[0.31], at[0.85]]],
        [3 / 5, 3 / 4, 2 / 3, 1],
    )
    assert np.isnan(result.precision[at[0.91]])
    assert result.recall[at[0.3]] == 3 / 4 and result.recall[at[0.91]] == 0
    # 3 of 4 detections from .21 to .30, whose middle it takes.
    assert result.best() == {
        "score_threshold": 0.26,
        "f1": 0.75,
        "precision": 0.75,
        "recall": 0.75,
    }


@pytest.mark.parametrize(
    "scores, correct, objects",
    [([], [], 3), ([0.5], [False], 3), ([], [], 0), ([0.5], [False], 0)],
)
def test_nothing_correct(scores, correct, objects):
    result = sweep(
        np.array(scores), np.array(correct, bool), num_objects=objects
    )
    assert result.best() is None
    assert not result.recall.any() and not result.f1.any()


def test_against_counting(random_images):
    """Precision and recall are those of the curve at the threshold."""
    evaluator = VocEvaluator(tuple("abcd"))
    for image in random_images(3):
        evaluator.update(*image)
    curves = evaluator.curves()
    sweeps = evaluator.threshold_sweeps()
    assert sweeps.keys() == curves.keys()
    for name, curve in curves.items():
        for k, threshold in enumerate(THRESHOLDS):
            last = np.sum(curve.scores >= threshold) - 1
            if last >= 0:
                assert sweeps[name].precision[k] == curve.precision[last]
                assert sweeps[name].recall[k] == curve.recall[last]
    best = evaluator.threshold_sweep().best()
    assert best and 0 < best["f1"] <= 1
    precision, recall = best["precision"], best["recall"]
    f1 = 2 * precision * recall / (precision + recall)
    assert best["f1"] == pytest.approx(f1)
