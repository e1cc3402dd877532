"""What YOLOv2 and YOLOv3 share: an object's cell, and shape IoU."""

import numpy as np
import tensorflow as tf

from ssd_tf import box_ops
from ssd_tf.matchers import base, overlaps


def shape_iou(boxes, shapes):
    """IoU of boxes and shapes with equal corners, so without positions.

    Args:
      boxes: [M, 4] float32 yxyx.
      shapes: [S, 2] float32 widths and heights.

    Returns:
      [M, S] float32; zero for a box without area.
    """
    height, width = tf.split(boxes[:, 2:] - boxes[:, :2], 2, axis=1)  # [M, 1]
    intersection = tf.minimum(width, shapes[:, 0]) * tf.minimum(
        height, shapes[:, 1]
    )  # [M, S]
    union = width * height + shapes[:, 0] * shapes[:, 1] - intersection
    return tf.math.divide_no_nan(intersection, union)


def anchor_of_shape(boxes, shape, levels):
    """The anchor of a shape in the cell that holds each box's centre.

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


def match_claims(
    gt_boxes, claimed, score, anchors, *, ignore_iou: float | None
) -> base.MatchResult:
    """Resolves claims; ignores other anchors that overlap an object much.

    Args:
      gt_boxes: [M, 4] float32 yxyx.
      claimed: [M, N] int32 anchors.
      score: [M, N] float32 shape IoUs.
      anchors: A anchors.
      ignore_iou: an anchor without an object is ignored if its IoU with any
        is above; None ignores none.
    """
    iou = overlaps.anchor_iou(gt_boxes, anchors)  # [A, M]
    match = base.with_quality(
        iou,
        tf.reduce_max(iou, axis=1),
        base.match_best_claim(claimed, score, len(anchors)),
    )
    if ignore_iou is None:
        return match
    ignored = (match.gt_index == base.UNMATCHED) & (match.quality > ignore_iou)
    return match._replace(
        gt_index=tf.where(ignored, base.IGNORED, match.gt_index)
    )


def ignore_by_prediction(
    decoded_boxes, gt_boxes, gt_labels, gclasses, threshold: float
):
    """Anchors to ignore because their prediction overlaps an object.

    The rule of YOLOv2 and YOLOv3 in training (pjreddie/darknet,
    region_layer.c and yolo_layer.c): a prediction that overlaps any object
    more than the threshold is not told to be background. Nothing flows back
    through the answer.

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
    ymin, xmin, ymax, xmax = (
        v[:, None] for v in tf.unstack(predicted, axis=-1)
    )  # [B, 1, A]
    gt_ymin, gt_xmin, gt_ymax, gt_xmax = (
        v[..., None] for v in tf.unstack(boxes, axis=-1)
    )  # [B, M, 1]
    height = tf.minimum(ymax, gt_ymax) - tf.maximum(ymin, gt_ymin)
    width = tf.minimum(xmax, gt_xmax) - tf.maximum(xmin, gt_xmin)
    intersection = tf.nn.relu(height) * tf.nn.relu(width)  # [B, M, A]
    union = (
        box_ops.area(predicted)[:, None]
        + box_ops.area(boxes)[..., None]
        - intersection
    )
    iou = tf.math.divide_no_nan(intersection, union)  # [B, M, A]
    return tf.reduce_any(iou > threshold, axis=1) & (gclasses <= 0)
