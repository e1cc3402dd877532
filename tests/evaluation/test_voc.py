import json

import numpy as np
import pytest

from ssd_tf.evaluation import VocEvaluator

A = [0, 0, 10, 10]
B = [20, 20, 30, 30]
FAR = [50, 50, 60, 60]


def evaluate(*images, names=("cat",), **options):
    evaluator = VocEvaluator(names, **options)
    for image in images:
        evaluator.update(*image)
    return evaluator


def two_images():
    """Four objects, one difficult; six detections of all kinds."""
    first = ([A, B], [1, 1], [0, 0], [A, A, B], [0.9, 0.8, 0.4], [1, 1, 1])
    second = ([A, B], [1, 1], [0, 1], [B, A, FAR], [0.7, 0.6, 0.5], [1, 1, 1])
    return first, second


def test_curve_by_hand():
    curve = evaluate(*two_images()).curves()["cat"]
    np.testing.assert_allclose(curve.scores, [0.9, 0.8, 0.6, 0.5, 0.4])
    np.testing.assert_allclose(curve.precision, [1, 1 / 2, 2 / 3, 2 / 4, 3 / 5])
    np.testing.assert_allclose(curve.recall, [1 / 3, 1 / 3, 2 / 3, 2 / 3, 1])


@pytest.mark.parametrize(
    "method, expected",
    [
        ("area", (1 + 2 / 3 + 0.6) / 3),
        ("voc07", (4 + 3 * 2 / 3 + 4 * 0.6) / 11),
    ],
)
def test_average_precision_by_hand(method, expected):
    result = evaluate(*two_images(), method=method).result()
    assert result["AP"] == {"cat": pytest.approx(expected, abs=1e-12)}
    assert result["mAP"] == pytest.approx(expected, abs=1e-12)
    assert result["num_objects"] == {"cat": 3}
    assert result["num_detections"] == {"cat": 6}
    assert result["num_images"] == 2


@pytest.mark.parametrize(
    "num_found, num_points",
    [(1, 2), (2, 3), (3, 3), (4, 5), (5, 6), (6, 7), (7, 8), (8, 9), (9, 10)],
)
@pytest.mark.parametrize("repeats", [1, 3])
def test_voc07_at_recalls_of_exactly_tenths(num_found, num_points, repeats):
    """MATLAB's 0:0.1:1 has 0.30000000000000004, which 3/10 does not reach."""
    gt_boxes = [[0, 20 * i, 10, 20 * i + 10] for i in range(10 * repeats)]
    count = num_found * repeats
    scores = np.linspace(0.9, 0.1, count)
    labels = [1] * len(gt_boxes)
    image = (gt_boxes, labels, None, gt_boxes[:count], scores, labels[:count])
    result = evaluate(image, method="voc07").result()
    assert result["mAP"] == pytest.approx(num_points / 11, abs=1e-12)


@pytest.mark.parametrize("boxes, expected", [([A, FAR], 1.0), ([FAR, A], 0.5)])
def test_equal_scores_keep_their_order(boxes, expected):
    image = ([A], [1], None, boxes, [0.5, 0.5], [1, 1])
    assert evaluate(image).result()["mAP"] == expected


def test_iou_equal_to_the_threshold_is_a_hit():
    image = ([A], [1], None, [[0, 0, 10, 5]], [0.5], [1])
    assert evaluate(image).result()["mAP"] == 1.0
    assert evaluate(image, iou_threshold=0.51).result()["mAP"] == 0.0


def test_plus_one_rule():
    # With the last pixel 50 / 100, without 36 / 81.
    image = ([[0, 0, 9, 9]], [1], None, [[0, 0, 9, 4]], [0.5], [1])
    assert evaluate(image, plus_one=True).result()["mAP"] == 1.0
    assert evaluate(image, plus_one=False).result()["mAP"] == 0.0


def test_second_best_object_is_not_a_way_out():
    # The second box overlaps both objects, most the one that is taken.
    gt_boxes = [[0, 0, 10, 10], [0, 2, 10, 12]]
    boxes = [[0, 0, 10, 10], [0, 0.5, 10, 10.5]]
    image = (gt_boxes, [1, 1], None, boxes, [0.9, 0.8], [1, 1])
    assert evaluate(image).result()["mAP"] == 0.5


def test_detection_beside_a_difficult_object_is_false():
    image = ([A, B], [1, 1], [1, 0], [FAR, B], [0.9, 0.8], [1, 1])
    assert evaluate(image).result()["mAP"] == 0.5


def test_difficult_object_forgives_any_number_of_detections():
    image = ([A, B], [1, 1], [1, 0], [A, A, B], [0.9, 0.8, 0.7], [1, 1, 1])
    assert evaluate(image).result()["mAP"] == 1.0


CROWD = [0, 100, 100, 200]
OBJECT = [0, 100, 10, 110]  # In the crowd's corner.


def with_crowd(boxes, *, labels=None, crowd_label=1, difficult=None, **options):
    """Detections in falling score; objects are A, `OBJECT` and a crowd."""
    evaluator = VocEvaluator(("cat", "dog"), **options)
    evaluator.update(
        [CROWD, A, OBJECT],
        [crowd_label, 1, 1],
        difficult,
        boxes,
        np.linspace(0.9, 0.1, len(boxes)),
        labels or [1] * len(boxes),
        gt_is_crowd=[1, 0, 0],
    )
    return evaluator


def test_crowd_forgives_any_number_and_is_not_to_be_found():
    # IoU .01 with the crowd, and all of it inside.
    inside = [50, 150, 60, 160]
    evaluator = with_crowd([inside, inside, CROWD, A, OBJECT])
    result = evaluator.result()
    assert result["AP"] == {"cat": 1.0}
    assert result["num_objects"] == {"cat": 2, "dog": 0}
    assert result["num_detections"] == {"cat": 5, "dog": 0}
    np.testing.assert_allclose(evaluator.curves()["cat"].scores, [0.3, 0.1])


@pytest.mark.parametrize("right, counted", [(109, [0.5]), (110, [])])
def test_overlap_with_a_crowd_is_the_share_of_the_detection(right, counted):
    # Ten of 19 and of 20 columns lie left of the crowd.
    box = [50, 90, 60, right]
    curve = with_crowd([box, A], iou_threshold=0.5).curves()["cat"]
    assert len(curve.scores) == 1 + len(counted)


def test_plus_one_rule_with_a_crowd():
    # With the last pixel 1 of 11 columns is in the crowd, without none.
    box = [50, 90, 60, 100]
    for plus_one, precision in ((True, [1]), (False, [0, 1 / 2])):
        curve = with_crowd(
            [box, A], plus_one=plus_one, iou_threshold=1 / 11
        ).curves()["cat"]
        np.testing.assert_allclose(curve.precision, precision)


def test_crowd_of_another_class_forgives_nothing():
    boxes = [[50, 150, 60, 160], A, OBJECT]
    result = with_crowd(boxes, crowd_label=2).result()
    assert result["AP"] == {"cat": pytest.approx(2 / 3)}
    assert result["absent_classes"] == ["dog"]


def test_object_in_a_crowd_comes_first():
    # A crowd covers all the detections; the object has IoU 1, .8 and .4.
    boxes = [[0, 100, 10, 108], OBJECT, [0, 100, 10, 104], A]
    curve = with_crowd(boxes).curves()["cat"]
    # A hit, its duplicate, ignored below the threshold, a hit.
    np.testing.assert_allclose(curve.precision, [1, 1 / 2, 2 / 3])
    np.testing.assert_allclose(curve.recall, [1 / 2, 1 / 2, 1])


def test_difficult_crowd_is_a_crowd():
    inside = [50, 150, 60, 160]
    evaluator = with_crowd([inside, A, OBJECT], difficult=[1, 0, 1])
    np.testing.assert_allclose(evaluator.curves()["cat"].scores, [0.5])
    assert evaluator.result()["AP"] == {"cat": 1.0}


def test_crowd_alone_makes_no_class():
    evaluator = VocEvaluator(("cat",))
    evaluator.update([A], [1], None, [A], [0.9], [1], gt_is_crowd=[True])
    assert evaluator.result()["absent_classes"] == ["cat"]
    assert evaluator.result()["num_objects"] == {"cat": 0}


def test_padded_crowd_forgives_nothing():
    evaluator = VocEvaluator(("cat",))
    evaluator.update(
        [CROWD, A],
        [0, 1],
        None,
        [CROWD, A],
        [0.9, 0.8],
        [1, 1],
        gt_is_crowd=[True, False],
    )
    assert evaluator.result()["mAP"] == 0.5


def test_absent_classes_stand_apart():
    image = ([A, B], [1, 2], [0, 1], [A, B, B], [0.9, 0.8, 0.7], [1, 2, 3])
    result = evaluate(image, names=("cat", "dog", "cow")).result()
    assert result["mAP"] == 1.0
    assert result["AP"] == {"cat": 1.0}
    assert result["absent_classes"] == ["dog", "cow"]
    assert result["num_objects"] == {"cat": 1, "dog": 0, "cow": 0}
    assert result["num_detections"] == {"cat": 1, "dog": 1, "cow": 1}


def test_class_without_detections_has_zero():
    result = evaluate(([A], [1], None, [], [], [])).result()
    assert result["AP"] == {"cat": 0.0}
    assert result["mAP"] == 0.0


@pytest.mark.parametrize("images", [[], [([], [], None, [], [], [])]])
def test_nothing_at_all(images):
    result = evaluate(*images).result()
    assert result["mAP"] == 0.0
    assert result["AP"] == {}
    assert result["absent_classes"] == ["cat"]


def test_padding_is_ignored():
    first, second = two_images()
    padded = (
        first[0] + [[0, 0, 0, 0]],
        first[1] + [0],
        first[2] + [0],
        first[3] + [[0, 0, 0, 0]],
        first[4] + [0.0],
        first[5] + [0],
    )
    expected = evaluate(first, second).result()
    assert evaluate(padded, second).result() == expected


def test_result_may_be_asked_for_in_between():
    first, second = two_images()
    evaluator = evaluate(first)
    assert evaluator.result()["num_objects"] == {"cat": 2}
    evaluator.update(*second)
    assert evaluator.result() == evaluate(first, second).result()


def test_json(random_images):
    evaluator = evaluate(*random_images(0), names=tuple("abcd"))
    result = evaluator.result()
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    curves = {k: c.as_dict() for k, c in evaluator.curves().items()}
    assert json.loads(json.dumps(curves, allow_nan=False)) == curves


def test_short_curve_has_the_same_area(random_images):
    names = tuple("abcd")
    evaluator = evaluate(*random_images(1), names=names)
    for name, curve in evaluator.curves().items():
        short = curve.as_dict()
        assert len(short["recall"]) < len(curve.recall)
        area = sum(
            (recall - before) * max(short["precision"][i:])
            for i, (recall, before) in enumerate(
                zip(short["recall"], [0.0] + short["recall"])
            )
        )
        assert area == pytest.approx(evaluator.result()["AP"][name])


def plain_iou(a, b):
    height = min(a[2], b[2]) - max(a[0], b[0])
    width = min(a[3], b[3]) - max(a[1], b[1])
    if height <= 0 or width <= 0:
        return 0.0
    area_a = (a[2] - a[0]) * (a[3] - a[1])
    area_b = (b[2] - b[0]) * (b[3] - b[1])
    return height * width / (area_a + area_b - height * width)


def plain_area_under_curve(images, label):
    """VOCevaldet.m, statement by statement, in loops."""
    num_objects = sum(
        int(gt_label == label and not hard)
        for image in images
        for gt_label, hard in zip(image[1], image[2])
    )
    detections = [
        (score, i, box)
        for i, image in enumerate(images)
        for box, score, found in zip(*image[3:])
        if found == label
    ]
    detections.sort(key=lambda detection: -detection[0])
    used, hits, misses, points = set(), 0, 0, [(0.0, 0.0)]
    for _, i, box in detections:
        best, best_iou = None, -1.0
        for j, gt_box in enumerate(images[i][0]):
            if images[i][1][j] == label and plain_iou(box, gt_box) > best_iou:
                best, best_iou = j, plain_iou(box, gt_box)
        if best_iou >= 0.5:
            if images[i][2][best]:
                continue
            if (i, best) in used:
                misses += 1
            else:
                hits += 1
                used.add((i, best))
        else:
            misses += 1
        points.append((hits / num_objects, hits / (hits + misses)))
    return sum(
        (points[i][0] - points[i - 1][0]) * max(p for _, p in points[i:])
        for i in range(1, len(points))
    )


@pytest.mark.parametrize("seed", range(5))
def test_agrees_with_a_plain_statement(seed, random_images):
    images = random_images(seed)
    result = evaluate(*images, names=tuple("abcd")).result()
    assert result["absent_classes"] == ["d"]
    for label, name in enumerate(("a", "b", "c"), start=1):
        expected = plain_area_under_curve(images, label)
        assert 0.1 < expected < 1.0
        assert result["AP"][name] == pytest.approx(expected, abs=1e-12)
