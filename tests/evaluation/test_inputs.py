import re

import numpy as np
import pytest

from ssd_tf.evaluation import CocoEvaluator, ErrorBreakdown, VocEvaluator

GOOD = {
    "gt_boxes": [[0, 0, 10, 10]],
    "gt_labels": [1],
    "gt_is_difficult": [False],
    "boxes": [[0, 0, 10, 10], [0, 0, 5, 5]],
    "scores": [0.9, 0.8],
    "labels": [1, 2],
}
EVALUATORS = [VocEvaluator, CocoEvaluator, ErrorBreakdown]


@pytest.mark.parametrize("evaluator", EVALUATORS)
@pytest.mark.parametrize(
    "change, message",
    [
        ({"gt_boxes": [[0, 0, 10]]}, "gt_boxes must be [N, 4], got (1, 3)"),
        ({"boxes": np.zeros((1, 2, 4))}, "boxes must be [N, 4], got (1, 2, 4)"),
        ({"boxes": [0, 0, 1, 1]}, "boxes must be [N, 4], got (4,)"),
        ({"gt_labels": [1, 2]}, "gt_labels must be [1], one per box, got (2,)"),
        ({"scores": [0.5]}, "scores must be [2], one per box, got (1,)"),
        ({"labels": [[1], [2]]}, "labels must be [2], one per box, got (2, 1)"),
        ({"gt_is_difficult": [0, 0]}, "gt_is_difficult must be [1]"),
        ({"gt_is_crowd": [0, 0]}, "gt_is_crowd must be [1], one per box"),
        ({"labels": [1, 3]}, "labels must be whole numbers 0..2, got 3"),
        ({"gt_labels": [-1]}, "gt_labels must be whole numbers 0..2, got -1"),
        ({"labels": [1, 1.5]}, "labels must be whole numbers 0..2, got 1.5"),
        ({"scores": [0.5, np.nan]}, "scores must be finite, got nan"),
        ({"scores": ["a", "b"]}, "scores must be numbers, got ['a', 'b']"),
        ({"gt_boxes": [[5, 0, 4, 9]]}, "got [5. 0. 4. 9.]"),
        ({"boxes": [[0, 0, 1, 1], [0, 0, np.inf, 1]]}, "got [ 0.  0. inf  1.]"),
    ],
)
def test_update_names_what_is_wrong(evaluator, change, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        evaluator(("cat", "dog")).update(**(GOOD | change))


@pytest.mark.parametrize("evaluator", EVALUATORS)
def test_failed_update_changes_nothing(evaluator):
    measured = evaluator(("cat", "dog"))
    before = measured.result()
    with pytest.raises(ValueError):
        measured.update(**(GOOD | {"scores": [0.5, np.nan]}))
    assert measured.result() == before


@pytest.mark.parametrize("evaluator", EVALUATORS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32])
def test_any_array_type(evaluator, dtype):
    measured, expected = evaluator(("cat", "dog")), evaluator(("cat", "dog"))
    expected.update(**GOOD)
    arrays = {key: np.asarray(value) for key, value in GOOD.items()}
    for key in ("gt_boxes", "gt_labels", "boxes", "labels"):
        arrays[key] = arrays[key].astype(dtype)
    measured.update(**arrays)
    assert measured.result() == expected.result()


@pytest.mark.parametrize("evaluator", EVALUATORS)
@pytest.mark.parametrize("names", [(), "cat", ("cat", "cat"), (1, 2)])
def test_class_names_are_checked(evaluator, names):
    with pytest.raises(ValueError, match="class_names.*got"):
        evaluator(names)


def test_settings_are_checked():
    with pytest.raises(
        ValueError, match="method must be one of .* got 'voc12'"
    ):
        VocEvaluator(("cat",), method="voc12")
    for threshold in (0.0, 1.5):
        with pytest.raises(ValueError, match=f"iou_threshold.*{threshold}"):
            VocEvaluator(("cat",), iou_threshold=threshold)
        with pytest.raises(ValueError, match=f"iou_threshold.*{threshold}"):
            ErrorBreakdown(("cat",), iou_threshold=threshold)
    with pytest.raises(ValueError, match="score_threshold.*-0.1"):
        ErrorBreakdown(("cat",), score_threshold=-0.1)


def test_gt_areas_are_checked():
    evaluator = CocoEvaluator(("cat", "dog"))
    with pytest.raises(ValueError, match=r"gt_areas must be \[1\]"):
        evaluator.update(**GOOD, gt_areas=[1, 2])
