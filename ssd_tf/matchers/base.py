"""What every matcher takes and returns.

A matcher is a frozen dataclass whose fields are its parameters. It is called
as `matcher(gt_boxes, gt_labels, anchors)` with

  gt_boxes:  [M, 4] float32 yxyx, normalised to the image
  gt_labels: [M] int32, 1..C; 0 is padding
  anchors:   `ssd_tf.anchors.Anchors` of A anchors

and returns a `MatchResult`. Invalid objects - padding, boxes that are not
finite or have no area - never match, nor does an anchor that does not overlap
an object at all.
"""

from typing import NamedTuple, Protocol

import tensorflow as tf

from ssd_tf import box_ops
from ssd_tf.anchors import Anchors

UNMATCHED = -1  # background
IGNORED = -2  # neither in the loss nor in the mining


class MatchResult(NamedTuple):
    """Which object each anchor answers for.

    Attributes:
      gt_index: [A] int32 index into the objects, `UNMATCHED` or `IGNORED`.
      quality: [A] float32 IoU with the assigned object; for the other anchors
        the best IoU with any object.
    """

    gt_index: tf.Tensor
    quality: tf.Tensor


class Matcher(Protocol):
    """A label-assignment strategy."""

    def __call__(
        self, gt_boxes: tf.Tensor, gt_labels: tf.Tensor, anchors: Anchors
    ) -> MatchResult: ...


def anchor_vectors(anchors: Anchors) -> box_ops.BoxVectors:
    """The anchors' corners and areas as constant vectors, each [A]."""
    ymin, xmin, ymax, xmax = (
        anchors.boxes[:, i].copy() for i in range(4)
    )  # contiguous
    area = (ymax - ymin) * (xmax - xmin)
    return box_ops.BoxVectors(
        *(tf.constant(v) for v in (ymin, xmin, ymax, xmax, area))
    )


def valid_objects(gt_boxes, gt_labels):
    """True for objects that may match: [M, 4], [M] -> [M] bool."""
    return (gt_labels > 0) & box_ops.is_valid(gt_boxes)


def matchable_boxes(gt_boxes, gt_labels):
    """Boxes with those of invalid objects replaced by zeros.

    A box without area overlaps nothing, so it needs no further mask; one such
    row stands in where there are no objects, because a reduction over nothing
    has no value.

    Args:
      gt_boxes: [M, 4] float32 yxyx.
      gt_labels: [M] int32.

    Returns:
      [max(M, 1), 4] float32.
    """
    valid = valid_objects(gt_boxes, gt_labels)
    boxes = tf.where(valid[:, None], gt_boxes, tf.zeros_like(gt_boxes))
    missing = tf.maximum(1 - tf.shape(boxes)[0], 0)
    return tf.pad(boxes, [[0, missing], [0, 0]])


def match_best_object(iou, best_iou, is_positive):
    """Gives each positive anchor its best object; ties go to the first.

    Args:
      iou: [M, A] float32.
      best_iou: [A] float32, `iou` reduced over the objects.
      is_positive: [A] bool; `best_iou` must be above zero there.

    Returns:
      [A] int32 object indices, `UNMATCHED` elsewhere.
    """
    # Positives are few: only their columns are searched for the best object.
    columns = tf.cast(tf.where(is_positive)[:, 0], tf.int32)  # [P]
    index = tf.argmax(
        tf.gather(iou, columns, axis=1), axis=0, output_type=tf.int32
    )  # [P]
    unmatched = tf.fill(tf.shape(best_iou), UNMATCHED)
    return tf.tensor_scatter_nd_update(unmatched, columns[:, None], index)
