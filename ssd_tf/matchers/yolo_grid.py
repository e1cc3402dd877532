"""Parts of YOLOv2 and YOLOv3: an object's cell, shape IoU, ignored anchors."""

import dataclasses

import numpy as np
import tensorflow as tf

from ssd_tf import box_ops
from ssd_tf.matchers import base, overlaps


class YoloMatcher(base.Matcher):
    """Ignores what overlaps an object much; the claims are the subclass'.

    Attributes:
      ignore_iou: other anchors are ignored if their box overlaps an object
        more; None ignores none. In training the box is the predicted one.
      static_ignore: ignore by the anchors' own boxes, where no predictions
        are known.
    """

    ignore_iou: float | None
    static_ignore: bool

    @property
    def prediction_ignore_iou(self) -> float | None:  # type: ignore[override]
        """See `Matcher`."""
        return self.ignore_iou

    def in_training(self) -> "YoloMatcher":
        """See `Matcher`; the training step knows the predictions."""
        return dataclasses.replace(self, static_ignore=False)  # type: ignore

    def match_claims(
        self, gt_boxes, claimed, score, anchors
    ) -> base.MatchResult:
        """Resolves claims; ignores other anchors that overlap an object much.

        Args:
          gt_boxes: [M, 4] float32 yxyx.
          claimed: [M, N] int32 anchors.
          score: [M, N] float32 shape IoUs.
          anchors: A anchors.
        """
        iou = overlaps.anchor_iou(gt_boxes, anchors)  # [A, M]
        match = base.with_quality(
            iou,
            tf.reduce_max(iou, axis=1),
            base.match_best_claim(claimed, score, len(anchors)),
        )
        if self.ignore_iou is None or not self.static_ignore:
            return match
        ignored = (match.gt_index == base.UNMATCHED) & (
            match.quality > self.ignore_iou
        )
        return match._replace(
            gt_index=tf.where(ignored, base.IGNORED, match.gt_index)
        )


def shape_iou(boxes, shapes):
    """IoU of boxes and shapes with equal corners, so without positions.

    Args:
      boxes: [M, 4] float32 yxyx.
      shapes: [S, 2] array of widths and heights.

    Returns:
      [M, S] float32; zero for a box without area.
    """
    shapes = shapes.astype(np.float32)
    height, width = tf.split(boxes[:, 2:] - boxes[:, :2], 2, axis=1)  # [M, 1]
    intersection = tf.minimum(width, shapes[:, 0]) * tf.minimum(
        height, shapes[:, 1]
    )  # [M, S]
    union = width * height + shapes[:, 0] * shapes[:, 1] - intersection
    return tf.math.divide_no_nan(intersection, union)


def anchor_of_shape(boxes, shape, levels):
    """Finds the anchor of a shape in the cell that holds each box's centre.

    Args:
      boxes: [M, 4] float32 yxyx.
      shape: [M] int32 index into the shapes of all `levels`.
      levels: grids.

    Returns:
      [M] int32 anchors.
    """
    count = [level.boxes_per_cell for level in levels]
    step = np.repeat([level.step for level in levels], count)
    size = np.repeat([level.feature_size for level in levels], count)
    first = np.concatenate(
        [level.start + np.arange(level.boxes_per_cell) for level in levels]
    ).astype(np.int32)
    ymin, xmin, ymax, xmax = tf.unstack(boxes, axis=-1)
    cells = tf.gather(size.astype(np.int32), shape)  # [M]
    # 3 steps of 100 pixels end at 300, but a centre may lie there.
    last = tf.cast(cells - 1, tf.float32)
    column, row = (
        tf.cast(
            tf.clip_by_value(
                tf.floor(center / tf.gather(step.astype(np.float32), shape)),
                0.0,
                last,
            ),
            tf.int32,
        )
        for center in ((xmin + xmax) / 2, (ymin + ymax) / 2)
    )  # [M], [M]
    boxes_per_cell = tf.gather(np.repeat(count, count).astype(np.int32), shape)
    return tf.gather(first, shape) + (row * cells + column) * boxes_per_cell


def ignore_by_prediction(
    decoded_boxes, gt_boxes, gt_labels, gclasses, threshold: float
):
    """Finds anchors to ignore because their prediction overlaps an object.

    The rule of YOLOv2 and YOLOv3 in training (pjreddie/darknet,
    region_layer.c and yolo_layer.c): a prediction that overlaps any object
    more than the threshold is no background. No gradient passes.

    Args:
      decoded_boxes: [B, A, 4] float32 yxyx predicted boxes.
      gt_boxes: [B, M, 4] float32 yxyx.
      gt_labels: [B, M] integers; 0 is padding.
      gclasses: [B, A] int32; positives are never ignored.
      threshold: IoU above which a prediction counts.

    Returns:
      [B, A] bool.
    """
    valid = base.valid_objects(gt_boxes, gt_labels)  # [B, M]
    boxes = tf.where(valid[..., None], gt_boxes, 0.0)
    predicted = tf.stop_gradient(decoded_boxes)
    iou = box_ops.pairwise_iou(boxes, predicted)  # [B, M, A]
    return tf.reduce_any(iou > threshold, axis=1) & (gclasses <= 0)
