"""Seconds to evaluate 5,000 images of 200 detections each, on any CPU.

With ssd_tf installed: `python benchmarks/evaluation.py`. Prints one
JSON line; each figure is all `update` calls and `result` together, without the
making of the synthetic images.
"""

import json
import os
import resource
import time
from collections.abc import Iterator

import numpy as np
from absl import app, flags

from ssd_tf.evaluation import CocoEvaluator, ErrorBreakdown, VocEvaluator

_NUM_IMAGES = flags.DEFINE_integer("num_images", 5000, "Images.")
_NUM_DETECTIONS = flags.DEFINE_integer("num_detections", 200, "Per image.")
_NUM_CLASSES = flags.DEFINE_integer("num_classes", 20, "Object classes.")


def synthetic_images(
    num_images: int, *, num_detections: int, num_classes: int
) -> Iterator[tuple[np.ndarray, ...]]:
    """Yields arguments of `update`: 3 to 8 objects, half of the boxes near one.

    Boxes near an object have mostly its class and a higher score, as a
    detector's have.
    """
    rng = np.random.default_rng(0)
    for _ in range(num_images):
        num_objects = int(rng.integers(3, 9))
        corner = rng.uniform(0, 300, (num_objects, 2))
        gt_boxes = np.hstack(
            [corner, corner + rng.uniform(20, 200, (num_objects, 2))]
        )
        gt_labels = rng.integers(1, num_classes + 1, num_objects)
        source = rng.integers(0, num_objects, num_detections // 2)
        near = gt_boxes[source] + rng.normal(0, 8, (len(source), 4))
        num_far = num_detections - len(source)
        corner = rng.uniform(0, 300, (num_far, 2))
        far = np.hstack([corner, corner + rng.uniform(20, 200, (num_far, 2))])
        boxes = np.vstack([near, far])
        boxes = np.hstack(
            [
                np.minimum(boxes[:, :2], boxes[:, 2:]),
                np.maximum(boxes[:, :2], boxes[:, 2:]),
            ]
        )
        labels = rng.integers(1, num_classes + 1, num_detections)
        is_right = np.flatnonzero(rng.random(len(source)) < 0.8)
        labels[is_right] = gt_labels[source[is_right]]
        scores = rng.beta(1, 5, num_detections)
        scores[: len(source)] = rng.beta(3, 3, len(source))
        difficult = rng.random(num_objects) < 0.1
        yield gt_boxes, gt_labels, difficult, boxes, scores, labels


def seconds_to_evaluate(evaluator, images) -> float:
    """Seconds for `update` with every image and one `result`."""
    start = time.perf_counter()
    for image in images:
        evaluator.update(*image)
    evaluator.result()
    return time.perf_counter() - start


def main(_) -> None:
    names = [f"class {i + 1}" for i in range(_NUM_CLASSES.value)]
    images = list(
        synthetic_images(
            _NUM_IMAGES.value,
            num_detections=_NUM_DETECTIONS.value,
            num_classes=len(names),
        )
    )
    evaluators = {
        "voc_s": VocEvaluator(names),
        "coco_s": CocoEvaluator(names),
        "error_breakdown_s": ErrorBreakdown(names),
    }
    figures = {
        key: round(seconds_to_evaluate(evaluator, images), 2)
        for key, evaluator in evaluators.items()
    }
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        json.dumps(
            {
                "benchmark": "evaluation",
                **figures,
                "num_images": _NUM_IMAGES.value,
                "num_detections": _NUM_DETECTIONS.value,
                "num_classes": _NUM_CLASSES.value,
                "peak_gib": round(peak, 2),
                "cpu_cores": os.cpu_count(),
            }
        )
    )


if __name__ == "__main__":
    app.run(main)
