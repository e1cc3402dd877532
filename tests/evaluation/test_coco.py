import contextlib
import io
import json

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from ssd_tf.evaluation import CocoEvaluator, VocEvaluator

A = [0, 0, 40, 40]
FAR = [100, 100, 140, 140]
STATS = (
    "mAP AP50 AP75 AP_small AP_medium AP_large AR_1 AR_10 AR_100 AR_small "
    "AR_medium AR_large"
).split()


def evaluate(*images, names=("cat",)):
    evaluator = CocoEvaluator(names)
    for image in images:
        evaluator.update(*image)
    return evaluator


def xywh(box):
    return [box[1], box[0], box[3] - box[1], box[2] - box[0]]


def pycocotools_by_hand(images, num_classes, areas=None):
    """The evaluation as everybody runs it, from JSON-like dicts."""
    annotations, results = [], []
    for i, (gt_boxes, gt_labels, crowd, boxes, scores, labels) in enumerate(
        images
    ):
        for j, box in enumerate(gt_boxes.tolist()):
            x, y, width, height = xywh(box)
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": i,
                    "category_id": int(gt_labels[j]),
                    "bbox": [x, y, width, height],
                    "area": areas[i][j] if areas else width * height,
                    "iscrowd": int(crowd[j]),
                }
            )
        results += [
            {
                "image_id": i,
                "category_id": label,
                "bbox": xywh(box),
                "score": score,
            }
            for box, score, label in zip(
                boxes.tolist(), scores.tolist(), labels.tolist()
            )
        ]
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = {
            "info": {},
            "images": [{"id": i} for i in range(len(images))],
            "categories": [{"id": k + 1} for k in range(num_classes)],
            "annotations": annotations,
        }
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(results), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation


def assert_identical(result, evaluation, names):
    precision = evaluation.eval["precision"][:, :, :, 0, 2]  # [T, 101, C]
    for name, expected in zip(STATS, evaluation.stats):
        assert result[name] == expected, name
    for k, name in enumerate(names):
        if name in result["absent_classes"]:
            assert (precision[:, :, k] == -1).all()
        else:
            assert result["AP"][name] == np.mean(precision[:, :, k])
            assert result["AP50_by_class"][name] == np.mean(precision[0, :, k])


@pytest.mark.parametrize("seed", range(4))
def test_exactly_pycocotools(seed, random_images):
    names = tuple("abcd")
    images = random_images(seed)
    result = evaluate(*images, names=names).result()
    assert 0.1 < result["mAP"] < 0.9
    assert result["absent_classes"] == ["d"]
    assert_identical(result, pycocotools_by_hand(images, 4), names)


def test_exactly_pycocotools_beyond_100_detections(random_images):
    names = tuple("ab")
    images = random_images(9, num_images=4, num_classes=2, num_detections=400)
    assert max((image[5] == 1).sum() for image in images) > 100
    result = evaluate(*images, names=names).result()
    assert_identical(result, pycocotools_by_hand(images, 2), names)


def test_exactly_pycocotools_with_areas_of_masks(random_images):
    names = tuple("abcd")
    images = random_images(5)
    rng = np.random.default_rng(5)
    areas = [rng.uniform(100, 20_000, len(image[1])) for image in images]
    evaluator = CocoEvaluator(names)
    for image, gt_areas in zip(images, areas):
        evaluator.update(*image, gt_areas=gt_areas)
    result = evaluator.result()
    assert (
        result["AP_small"]
        != evaluate(*images, names=names).result()["AP_small"]
    )
    assert_identical(result, pycocotools_by_hand(images, 4, areas), names)


def test_by_hand():
    # IoU .64 is a hit at .5, .55 and .6 of the ten thresholds.
    image = ([A], [1], None, [[0, 0, 32, 32]], [0.5], [1])
    result = evaluate(image).result()
    assert result["mAP"] == pytest.approx(0.3)
    assert result["AP50"] == pytest.approx(1.0)
    assert result["AP75"] == 0.0
    assert result["AP_small"] is None
    assert result["AP_medium"] == pytest.approx(0.3)
    assert result["AP_large"] is None
    assert result["AR_1"] == pytest.approx(0.3)
    assert result["AP"] == {"cat": pytest.approx(0.3)}
    assert result["AP50_by_class"] == {"cat": pytest.approx(1.0)}


def test_crowd_is_not_to_be_found_and_forgives():
    # The second box lies on the crowd: its whole area is inside.
    crowd = [100, 100, 300, 300]
    boxes = [FAR, A, FAR]
    image = ([A, crowd], [1, 1], [0, 1], boxes, [0.9, 0.8, 0.7], [1, 1, 1])
    assert evaluate(image).result()["mAP"] == pytest.approx(1.0)


def test_crowds_and_difficult_objects_are_alike(random_images):
    names = tuple("abcd")
    images = random_images(7)
    evaluator = CocoEvaluator(names)
    for gt_boxes, gt_labels, ignored, *found in images:
        even = np.arange(len(ignored)) % 2 == 0
        evaluator.update(
            gt_boxes,
            gt_labels,
            ignored & even,
            *found,
            gt_is_crowd=ignored & ~even,
        )
    assert evaluator.result() == evaluate(*images, names=names).result()


@pytest.mark.parametrize(
    "images",
    [
        [],
        [([], [], None, [], [], [])],
        [([], [], None, [A], [0.5], [1])],
        [([A], [1], [1], [A], [0.5], [1])],
    ],
)
def test_nothing_to_be_found(images):
    result = evaluate(*images).result()
    assert result["mAP"] == 0.0
    assert result["AP50"] is None
    assert result["AP"] == {}
    assert result["absent_classes"] == ["cat"]
    assert evaluate(*images).curves() == {}
    json.dumps(result, allow_nan=False)


def test_no_detections():
    result = evaluate(([A], [1], None, [], [], [])).result()
    assert result["mAP"] == result["AP50"] == result["AR_100"] == 0.0
    assert result["AP"] == {"cat": 0.0}
    assert result["absent_classes"] == []


def test_silent_and_json(random_images, capsys):
    result = evaluate(*random_images(0), names=tuple("abcd")).result()
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert capsys.readouterr() == ("", "")


def test_result_may_be_asked_for_in_between(random_images):
    images, names = random_images(2), tuple("abcd")
    evaluator = evaluate(*images[:10], names=names)
    assert evaluator.result()["num_images"] == 10
    for image in images[10:]:
        evaluator.update(*image)
    assert evaluator.result() == evaluate(*images, names=names).result()


def test_curve_holds_ap50(random_images):
    evaluator = evaluate(*random_images(3), names=tuple("abcd"))
    for name, ap50 in evaluator.result()["AP50_by_class"].items():
        assert evaluator.curves()[name].precision.mean() == ap50


def isolated_objects(seed, num_objects=40):
    """Objects that no box overlaps twice, and no difficult ones.

    VOC and COCO differ where a box overlaps two objects (VOC binds it to the
    first even if that is taken), in difficult objects (a crowd's IoU is
    another) and in how the curve is summed up (area against 101 points).
    """
    rng = np.random.default_rng(seed)
    corner = np.array([[0, 100 * i] for i in range(num_objects)])
    gt_boxes = np.hstack([corner, corner + 40])
    boxes = gt_boxes[rng.integers(0, num_objects, 60)] + rng.integers(0, 20)
    ones = np.ones(num_objects, int)
    return gt_boxes, ones, None, boxes, rng.random(60), np.ones(60, int)


@pytest.mark.parametrize("seed", range(5))
def test_ap50_is_vocs_area_for_isolated_objects(seed):
    image = isolated_objects(seed)
    voc = VocEvaluator(("cat",))
    voc.update(*image)
    ap50 = evaluate(image).result()["AP50"]
    # A falling curve's mean over 101 points is within .01 of its area.
    assert ap50 == pytest.approx(voc.result()["mAP"], abs=0.01)


def objects_and_crowds(seed, num_objects=20, num_crowds=6, num_others=60):
    """Crowds over some of the objects; no object is hit twice.

    VOC and COCO also differ in a second box on an object inside a crowd.
    """
    rng = np.random.default_rng(seed)
    corner = np.array([[0, 100 * i] for i in range(num_objects)])
    objects = np.hstack([corner, corner + 40])
    crowd_corner = rng.integers(0, [30, 100 * num_objects], (num_crowds, 2))
    sides = rng.integers(30, 200, (num_crowds, 2))
    crowds = np.hstack([crowd_corner, crowd_corner + sides])
    # Moved by up to 7 pixels a box keeps an IoU of .5.
    near = objects + rng.integers(0, 14, (num_objects, 1))
    # A quarter of an object at most, so below an IoU of .5.
    corner = rng.integers(0, [100, 100 * num_objects], (num_others, 2))
    boxes = np.vstack([near, np.hstack([corner, corner + 20])]).astype(float)
    is_crowd = np.arange(num_objects + num_crowds) >= num_objects
    scores = rng.permutation(len(boxes)) / len(boxes)  # No two are equal.
    gt_boxes = np.vstack([objects, crowds]).astype(float)
    ones = np.ones(len(gt_boxes) + len(boxes), int)
    labels, gt_labels = ones[: len(boxes)], ones[: len(gt_boxes)]
    return gt_boxes, gt_labels, is_crowd, boxes, scores, labels


@pytest.mark.parametrize("seed", range(5))
def test_voc_takes_crowds_as_pycocotools_does(seed):
    """True, false and ignored detections are the same ones at IoU .5."""
    image = objects_and_crowds(seed)
    gt_boxes, gt_labels, is_crowd, *found = image
    voc = VocEvaluator(("cat",))
    voc.update(gt_boxes, gt_labels, None, *found, gt_is_crowd=is_crowd)
    curve = voc.curves()["cat"]
    cell = pycocotools_by_hand([image], 1).evalImgs[0]
    counted = ~cell["dtIgnore"][0].astype(bool)
    correct = cell["dtMatches"][0][counted] > 0
    assert (~counted).sum() > 10 and correct.sum() > 5
    np.testing.assert_array_equal(
        curve.scores, np.array(cell["dtScores"])[counted]
    )
    np.testing.assert_allclose(curve.recall, np.cumsum(correct) / 20)


def test_ap50_gives_a_second_box_the_second_object_where_voc_does_not():
    gt_boxes = [[0, 0, 10, 10], [0, 2, 10, 12]]
    boxes = [[0, 0, 10, 10], [0, 0.5, 10, 10.5]]
    image = (gt_boxes, [1, 1], None, boxes, [0.9, 0.8], [1, 1])
    voc = VocEvaluator(("cat",))
    voc.update(*image)
    assert voc.result()["mAP"] == 0.5
    assert evaluate(image).result()["AP50"] == pytest.approx(1.0)
