"""One pass for all figures, and their schema."""

import json

import numpy as np

from ssd_tf.evaluation import (
    CocoEvaluator,
    ErrorBreakdown,
    EvaluatedImage,
    Measurement,
    VocEvaluator,
    format_result,
    measurement,
)

NAMES = tuple("abcd")
SIZE = (256, 512)


def evaluated(arrays, crowd):
    """An image of powers of two: pixels are exact in float32."""
    gt_boxes, gt_labels, difficult, boxes, scores, labels = arrays
    return EvaluatedImage(
        image_id="x",
        size=SIZE,
        gt_boxes=np.float32(gt_boxes / (SIZE * 2)),
        gt_labels=gt_labels,
        gt_is_difficult=difficult,
        gt_is_crowd=crowd,
        gt_areas=np.full(len(gt_labels), 2.0**-8),
        boxes=np.float32(boxes / (SIZE * 2)),
        scores=np.float32(scores),
        classes=labels,
    )


def test_figures_are_those_of_the_evaluators(random_images, monkeypatch):
    """Each image is checked once for all three."""
    checked = []
    check = measurement.make_record

    def counting(*args, **options):
        checked.append(args)
        return check(*args, **options)

    monkeypatch.setattr(measurement, "make_record", counting)
    evaluators = (
        VocEvaluator(NAMES),
        CocoEvaluator(NAMES),
        ErrorBreakdown(NAMES),
    )
    together = Measurement(NAMES)
    images = random_images(4)
    for arrays in images:
        crowd = np.arange(len(arrays[0])) % 5 == 0
        together.add(evaluated(arrays, crowd))
        *others, scores, labels = arrays
        for evaluator in evaluators:
            evaluator.update(
                *(*others, np.float32(scores), labels),
                gt_is_crowd=crowd,
                gt_areas=np.full(len(crowd), 512.0),
            )
    assert len(checked) == len(images)
    voc, coco, errors = (evaluator.result() for evaluator in evaluators)
    assert 0.1 < voc["mAP"] < 0.9 and errors["total"]["ignored"] > 5
    figures = together.figures()
    best = evaluators[0].threshold_sweep().best()
    by_class = {
        name: sweep.best()
        for name, sweep in evaluators[0].threshold_sweeps().items()
    }
    assert set(by_class) == set("abc")
    assert figures == {
        "best_f1": {**best, "per_class": by_class},
        "mAP": voc["mAP"],
        "AP": voc["AP"],
        "absent_classes": ["d"],
        "num_images": len(images),
        "coco": coco,
        "voc": voc,
        "errors": errors,
    }
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures
    result = together.result()
    assert set(result.pop("curves")) == set("abc")
    assert result == figures


def test_nothing_to_be_found():
    """The table has no mean where there is nothing to take it of."""
    together = Measurement(NAMES)
    rng = np.random.default_rng(0)
    none = np.zeros(0, int)
    boxes = np.sort(rng.uniform(0, 256, (3, 2, 2)), axis=1).reshape(3, 4)
    objects = np.zeros((0, 4)), none, none > 0
    found = boxes, np.ones(3), np.ones(3, int)
    together.add(evaluated((*objects, *found), none > 0))
    figures = together.figures()
    assert (figures["mAP"], figures["coco"]["mAP"]) == (0.0, 0.0)
    assert figures["absent_classes"] == list(NAMES)
    table = format_result(figures, title="nothing").splitlines()
    assert [line.split()[:3] for line in table if line.startswith("all")] == [
        ["all", "none", "none"]
    ]
    assert table[-2] == "mAP@0.5  none"
    assert table[-1].startswith("COCO AP  none  AP50 -")
