"""Coverage of the objects of a data set by anchors."""

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from ssd_tf import box_ops, matchers
from ssd_tf.anchors import build_anchors
from ssd_tf.config import DetectorConfig

# Upper ends of the size classes, in pixels of the network's input.
SIZE_BINS_PX = (8, 16, 32, 64, 128, 256)
_GOOD_IOU = 0.5


class Coverage(NamedTuple):
    """The anchors that fit each of the N objects of a data set."""

    shapes: np.ndarray  # [N, 2] float32 widths, heights; relative to the image
    best_iou: np.ndarray  # [N] float32 IoU with the best anchor
    num_anchors: np.ndarray  # [N] int64 that the matcher gives the object

    @property
    def recall(self) -> float:
        """Share of objects that some anchor overlaps by half."""
        return float(np.mean(self.best_iou >= _GOOD_IOU))

    @property
    def quality(self) -> tuple[float, float]:
        """Recall, then the mean IoU: coverages are compared by it."""
        return self.recall, float(np.mean(self.best_iou))


def measure_coverage(
    config: DetectorConfig, objects: tf.data.Dataset
) -> Coverage:
    """Matches every object of a data set against a detector's anchors.

    `objects` are the labels and boxes of each image, in the order of the
    result; see `data.sources.cached_objects`.
    """
    anchors = build_anchors(config)
    matcher = matchers.build_matcher(config.matcher, config.matcher_params)

    def measure(labels, boxes):
        match = matcher(boxes, labels, anchors)
        iou = box_ops.pairwise_iou(boxes, anchors.boxes)  # [M, A]
        assigned = tf.boolean_mask(match.gt_index, match.gt_index >= 0)
        num_objects = tf.shape(labels)[0]
        counts = tf.math.bincount(
            assigned, minlength=num_objects, maxlength=num_objects
        )  # [M]
        height_width = boxes[:, 2:] - boxes[:, :2]
        return height_width[:, ::-1], tf.reduce_max(iou, axis=1), counts

    measured = objects.map(
        measure, num_parallel_calls=tf.data.AUTOTUNE
    ).as_numpy_iterator()
    columns = zip(*measured, strict=True)
    return Coverage(*(np.concatenate(column) for column in columns))


def summarize(coverage: Coverage, image_size: int) -> dict[str, Any]:
    """Numbers of a coverage, by object size in pixels of the input.

    Returns:
      {"objects", "without_anchor", "recall", "sizes": [row, ..]}; a row has
      "size_px" (from, to), "objects", "without_anchor", "anchors_mean",
      "best_iou_median", "best_iou_p10" and "recall". JSON-ready.
    """
    sides = np.sqrt(np.prod(coverage.shapes, axis=1)) * image_size  # [N]
    edges = (0, *SIZE_BINS_PX, image_size)
    rows = []
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        last = high == edges[-1]
        inside = (sides >= low) & ((sides <= high) if last else (sides < high))
        if inside.any():
            part = Coverage(*(values[inside] for values in coverage))
            rows.append({"size_px": [low, high], **_numbers(part)})
    return {**_numbers(coverage), "sizes": rows}


def _numbers(coverage: Coverage) -> dict[str, Any]:
    return {
        "objects": len(coverage.best_iou),
        "without_anchor": int(np.sum(coverage.num_anchors == 0)),
        "anchors_mean": float(np.mean(coverage.num_anchors)),
        "best_iou_p10": float(np.percentile(coverage.best_iou, 10)),
        "best_iou_median": float(np.median(coverage.best_iou)),
        "recall": coverage.recall,
    }
