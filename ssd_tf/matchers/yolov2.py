"""The assignment of YOLOv2."""

import dataclasses

import tensorflow as tf

from ssd_tf.errors import InputError
from ssd_tf.matchers import base, yolo_grid


@dataclasses.dataclass(frozen=True)
class Yolov2Matcher(yolo_grid.YoloMatcher):
    """YOLOv2 (pjreddie/darknet, region_layer.c, yolov2.cfg).

    An object goes to the cell that holds its centre, there to the anchor
    whose shape is most like its own. YOLOv2 has one grid; so one level is
    used, or each as if it were the only one. An anchor that several objects
    claim goes to the one most like it in shape (darknet: the last).

    Attributes:
      level: the level to use, 0 the finest; None uses each. Level 2 has
        10x10 cells at 300 pixels, the nearest to YOLOv2's 13x13.
      ignore_iou: other anchors are ignored if their box overlaps an object
        more; None ignores none. In training the box is the predicted one.
      static_ignore: ignore by the anchors' own boxes, where no predictions
        are known; training turns it off.
    """

    level: int | None = 2
    ignore_iou: float | None = 0.6
    static_ignore: bool = True

    def __post_init__(self):
        base.check_range("ignore_iou", self.ignore_iou, 0, 1)
        base.check_range("level", self.level, 0, tf.int32.max)

    def __call__(self, gt_boxes, gt_labels, anchors) -> base.MatchResult:
        """Matches; see `ssd_tf.matchers.base` for shapes."""
        boxes = base.matchable_boxes(gt_boxes, gt_labels)  # [M, 4]
        levels = base.grids(anchors, "yolov2")
        if self.level is not None:
            if self.level >= len(levels):
                raise InputError(
                    f"level must be below {len(levels)}, the number of "
                    f"levels, got {self.level}"
                )
            levels = levels[self.level : self.level + 1]
        claimed, scores = [], []
        for level in levels:
            score = yolo_grid.shape_iou(boxes, level.shapes)  # [M, A_k]
            best = tf.argmax(score, axis=1, output_type=tf.int32)  # [M]
            claimed.append(yolo_grid.anchor_of_shape(boxes, best, (level,)))
            scores.append(tf.reduce_max(score, axis=1))
        return self.match_claims(
            boxes,
            tf.stack(claimed, axis=1),
            tf.stack(scores, axis=1),
            anchors,
        )
