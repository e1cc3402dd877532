import json

import numpy as np
import pytest

from ssd_tf.evaluation import ErrorBreakdown, Measurement, VocEvaluator

A = [0, 0, 10, 10]
B = [20, 20, 30, 30]
C = [40, 40, 50, 50]
FAR = [70, 70, 80, 80]
NAMES = ("cat", "dog")
ERRORS = ("wrong_class", "poor_localisation", "duplicate", "background")


def test_one_of_each():
    breakdown = ErrorBreakdown(NAMES, score_threshold=0.3)
    breakdown.update(
        [A, B, C, [100, 100, 110, 110]],
        [1, 2, 1, 1],
        [0, 0, 1, 0],
        [
            A,  # correct
            A,  # duplicate
            B,  # a dog called a cat
            [0, 0, 10, 1],  # IoU .1 with A
            C,  # ignored: difficult
            FAR,  # background
            [100, 100, 110, 110],  # too low a score
            [0, 0, 10, 0.9],  # IoU .09 with A, so background
        ],
        [0.9, 0.8, 0.7, 0.6, 0.5, 0.3, 0.29, 0.4],
        [1] * 8,
    )
    result = breakdown.result()
    cat = {
        "correct": 1,
        "wrong_class": 1,
        "poor_localisation": 1,
        "duplicate": 1,
        "background": 2,
        "ignored": 1,
        "missed": 1,
        "num_objects": 2,
    }
    dog = dict.fromkeys(cat, 0) | {"missed": 1, "num_objects": 1}
    assert result["per_class"] == {
        "cat": {**cat, "confused_with": {"dog": 1}},
        "dog": {**dog, "confused_with": {}},
    }
    assert result["total"] == {key: cat[key] + dog[key] for key in cat}
    assert result["score_threshold"] == 0.3
    assert json.loads(json.dumps(result, allow_nan=False)) == result


def test_the_higher_score_is_correct_whatever_the_order():
    breakdown = ErrorBreakdown(NAMES)
    breakdown.update([A], [1], None, [A, A, A], [0.5, 0.9, 0.7], [1, 1, 1])
    cat = breakdown.result()["per_class"]["cat"]
    assert (cat["correct"], cat["duplicate"], cat["missed"]) == (1, 2, 0)


def test_wrong_class_wins_over_poor_localisation():
    breakdown = ErrorBreakdown(NAMES)
    near = [0, 4, 10, 14]  # IoU 3 / 7 with A.
    breakdown.update([A, near], [1, 2], None, [near], [0.9], [1])
    cat = breakdown.result()["per_class"]["cat"]
    assert (cat["wrong_class"], cat["poor_localisation"]) == (1, 0)


def test_crowds_are_ignored():
    crowd = [100, 100, 200, 200]
    objects = [crowd, [0, 100, 100, 200], [100, 100, 110, 110], A]
    boxes = [
        [150, 150, 160, 160],  # ignored: a hundredth of the crowd
        crowd,  # ignored
        [95, 150, 105, 160],  # ignored: half of it in the crowd
        [94, 150, 104, 160],  # background: too much outside
        [100, 100, 110, 110],  # correct: the object in the crowd
        [100, 100, 110, 109],  # duplicate of it
        [100, 100, 110, 104],  # ignored: IoU .4 with it, so the crowd's
        A,  # correct
    ]
    breakdown = ErrorBreakdown(NAMES)
    breakdown.update(
        objects,
        [1, 2, 1, 1],
        None,
        boxes,
        np.linspace(0.9, 0.5, len(boxes)),
        [1] * len(boxes),
        gt_is_crowd=[1, 1, 0, 0],
    )
    assert breakdown.result()["per_class"]["cat"] == {
        "correct": 2,
        "wrong_class": 0,
        "poor_localisation": 0,
        "duplicate": 1,
        "background": 1,
        "ignored": 4,
        "missed": 0,
        "num_objects": 2,
        "confused_with": {},
    }
    assert breakdown.result()["per_class"]["dog"]["num_objects"] == 0


@pytest.mark.parametrize(
    "crowd_label, outcome", [(1, "ignored"), (2, "wrong_class")]
)
def test_crowd_of_its_class_wins_over_wrong_class(crowd_label, outcome):
    crowd = [0, 0, 100, 100]
    breakdown = ErrorBreakdown(NAMES)
    breakdown.update(
        [crowd, B],
        [crowd_label, 2],
        None,
        [B],
        [0.9],
        [1],
        gt_is_crowd=[True, False],
    )
    assert breakdown.result()["per_class"]["cat"][outcome] == 1


def test_crowd_of_another_class_is_background():
    breakdown = ErrorBreakdown(NAMES)
    breakdown.update([A], [2], None, [A], [0.9], [1], gt_is_crowd=[True])
    assert breakdown.result()["per_class"]["cat"]["background"] == 1


@pytest.mark.parametrize("images", [[], [([], [], None, [], [], [])]])
def test_nothing_at_all(images):
    breakdown = ErrorBreakdown(NAMES)
    for image in images:
        breakdown.update(*image)
    assert set(breakdown.result()["total"].values()) == {0}


@pytest.mark.parametrize("score_threshold", [0.0, 0.3, 0.7])
@pytest.mark.parametrize("plus_one", [False, True])
@pytest.mark.parametrize("share_of_crowds", [0, 0.3])
def test_sums_are_those_of_the_voc_curve(
    score_threshold, plus_one, share_of_crowds, random_images
):
    names = tuple("abcd")
    voc = VocEvaluator(names, plus_one=plus_one)
    breakdown = ErrorBreakdown(
        names, score_threshold=score_threshold, plus_one=plus_one
    )
    rng = np.random.default_rng(6)
    for image in random_images(6):
        crowd = rng.random(len(image[0])) < share_of_crowds
        voc.update(*image, gt_is_crowd=crowd)
        breakdown.update(*image, gt_is_crowd=crowd)
    for name, curve in voc.curves().items():
        counts = breakdown.result()["per_class"][name]
        last = np.sum(curve.scores >= score_threshold) - 1
        hits = round(curve.recall[last] * counts["num_objects"])
        assert counts["correct"] == hits
        assert sum(counts[error] for error in ERRORS) == last + 1 - hits
        assert sum(counts["confused_with"].values()) == counts["wrong_class"]
        assert counts["num_objects"] == voc.result()["num_objects"][name]


def test_the_default_score_threshold_is_one():
    assert ErrorBreakdown(NAMES).score_threshold == 0.4
    assert Measurement(NAMES).errors.score_threshold == 0.4
