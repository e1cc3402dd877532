"""The assignment of YOLOv3."""

import dataclasses

import numpy as np
import tensorflow as tf

from ssd_tf.matchers import base, yolo_grid


@dataclasses.dataclass(frozen=True)
class Yolov3Matcher(yolo_grid.YoloMatcher):
    """YOLOv3 (arXiv:1804.02767; pjreddie/darknet, yolo_layer.c).

    Of the shapes of all levels an object takes the one most like its own, in
    the cell of that level that holds its centre: one anchor per object. One
    that several objects claim goes to the one most like it in shape.

    Attributes:
      ignore_iou: other anchors are ignored if their box overlaps an object
        more; None ignores none. In training the box is the predicted one.
        0.5 as in the paper; yolov3.cfg has 0.7.
      static_ignore: ignore by the anchors' own boxes, where no predictions
        are known; training turns it off.
    """

    ignore_iou: float | None = 0.5
    static_ignore: bool = True

    def __post_init__(self):
        base.check_range("ignore_iou", self.ignore_iou, 0, 1)

    def __call__(self, gt_boxes, gt_labels, anchors) -> base.MatchResult:
        """Matches; see `ssd_tf.matchers.base` for shapes."""
        boxes = base.matchable_boxes(gt_boxes, gt_labels)  # [M, 4]
        levels = base.grids(anchors, "yolov3")
        shapes = np.concatenate([level.shapes for level in levels])  # [S, 2]
        score = yolo_grid.shape_iou(boxes, shapes)  # [M, S]
        best = tf.argmax(score, axis=1, output_type=tf.int32)  # [M]
        claimed = yolo_grid.anchor_of_shape(boxes, best, levels)  # [M]
        return self.match_claims(
            boxes,
            claimed[:, None],
            tf.reduce_max(score, axis=1, keepdims=True),
            anchors,
        )
