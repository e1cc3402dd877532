"""The file of detections, read as COCO's own tools read it."""

import contextlib
import io
import json

import numpy as np
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from ssd_tf import InputError
from ssd_tf.evaluation import EvaluatedImage, Measurement
from ssd_tf.evaluation.coco_results import CocoResultsWriter
from ssd_tf.evaluation.matching import yxyx_to_xywh

SIZE = (256, 512)
CATEGORY_IDS = (7, 9, 90, 5)


def evaluated(image_id, arrays):
    gt_boxes, gt_labels, difficult, boxes, scores, labels = arrays
    scale = np.float32(SIZE * 2)
    return EvaluatedImage(
        image_id=image_id,
        pixels=np.zeros((1, 1, 3), np.float32),
        size=SIZE,
        gt_boxes=np.float32(gt_boxes) / scale,
        gt_labels=gt_labels,
        gt_is_difficult=np.zeros(len(gt_labels), bool),
        gt_is_crowd=difficult,
        gt_areas=np.prod(gt_boxes[:, 2:] - gt_boxes[:, :2], axis=1)
        / np.prod(SIZE),
        boxes=np.float32(boxes) / scale,
        scores=np.float32(scores),
        classes=labels,
    )


def coco_annotations(images):
    """Ground truth of images in the form of COCO's annotation files."""
    annotations = []
    for image_id, image in enumerate(images):
        boxes = yxyx_to_xywh(image.to_pixels(image.gt_boxes))
        for k, box in enumerate(boxes.tolist()):
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_id,
                    "category_id": CATEGORY_IDS[image.gt_labels[k] - 1],
                    "bbox": box,
                    "area": box[2] * box[3],
                    "iscrowd": int(image.gt_is_crowd[k]),
                }
            )
    return {
        "images": [{"id": i} for i in range(len(images))],
        "annotations": annotations,
        "categories": [{"id": i} for i in CATEGORY_IDS],
    }


def test_pycocotools_gives_the_figures_of_the_measurement(
    random_images, tmp_path
):
    """Crowds included; the image ids are the numbers in the file."""
    images = [
        evaluated(f"{i}.jpg", arrays)
        for i, arrays in enumerate(random_images(3))
    ]
    assert any(image.gt_is_crowd.any() for image in images)
    measurement = Measurement(tuple("abcd"))
    path = tmp_path / "detections.json"
    ids = {image.image_id: i for i, image in enumerate(images)}
    with CocoResultsWriter(path, CATEGORY_IDS, image_ids=ids) as writer:
        for image in images:
            measurement.add(image)
            writer.add(image)
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = coco_annotations(images)
        truth.createIndex()
        evaluation = COCOeval(truth, truth.loadRes(str(path)), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    result = measurement.result()["coco"]
    assert result["mAP"] > 0.1
    assert result["mAP"] == pytest.approx(evaluation.stats[0], abs=1e-9)
    assert result["AR_100"] == pytest.approx(evaluation.stats[8], abs=1e-9)


NOTHING = np.zeros((0, 4)), np.zeros(0, int), np.zeros(0, bool)


def test_content(tmp_path):
    path = tmp_path / "detections.json"
    box = [[16, 32, 48, 160]]
    one = evaluated("a.jpg", (*NOTHING, box, [0.25], np.array([3])))
    other = evaluated("b.jpg", (*NOTHING, box, [0.75], np.array([1])))
    with CocoResultsWriter(path, CATEGORY_IDS, image_ids={"b.jpg": 4}) as file:
        for image in (one, other):
            file.add(image)
        assert not path.exists()
    bbox = [32.0, 16.0, 128.0, 32.0]
    assert json.loads(path.read_text()) == [
        {"image_id": "a.jpg", "category_id": 90, "bbox": bbox, "score": 0.25},
        {"image_id": 4, "category_id": 7, "bbox": bbox, "score": 0.75},
    ]
    assert list(tmp_path.iterdir()) == [path]


def test_no_detections(tmp_path):
    with CocoResultsWriter(tmp_path / "none.json", CATEGORY_IDS):
        pass
    assert json.loads((tmp_path / "none.json").read_text()) == []


def test_nothing_stays_where_it_is_stopped(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        with CocoResultsWriter(tmp_path / "detections.json", CATEGORY_IDS):
            raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_folder_that_is_not_there(tmp_path):
    path = tmp_path / "x/detections.json"
    with pytest.raises(InputError, match="x/detections.json cannot be wri"):
        with CocoResultsWriter(path, CATEGORY_IDS):
            pass
