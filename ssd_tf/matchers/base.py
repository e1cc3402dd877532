"""The contract of all matchers, and steps that several of them share.

A matcher is a frozen dataclass whose fields are its parameters. It is called
as `matcher(gt_boxes, gt_labels, anchors)` with

  gt_boxes:  [M, 4] float32 yxyx, normalised to the image
  gt_labels: [M] int32, 1..C; 0 is padding
  anchors:   `ssd_tf.anchors.Anchors` of A anchors

and returns a `MatchResult`. Invalid objects - padding, boxes that are not
finite or have no area - never match, nor does an anchor that does not overlap
an object at all. Ties go to the lower index.
"""

import abc
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from ssd_tf import box_ops
from ssd_tf.anchors import AnchorLevel, Anchors
from ssd_tf.errors import InputError

UNMATCHED = -1  # background
IGNORED = -2  # neither in the loss nor in the mining


class MatchResult(NamedTuple):
    """The object assigned to each anchor.

    Attributes:
      gt_index: [A] int32 index into the objects, `UNMATCHED` or `IGNORED`.
      quality: [A] float32 IoU with that object; without one, the best IoU.
    """

    gt_index: tf.Tensor
    quality: tf.Tensor


class Matcher(abc.ABC):
    """A label-assignment strategy.

    To add one, subclass this in a file of its own and name it in `MATCHERS`,
    or hand an instance to `TargetEncoder` or `TrainingRun`.

    Attributes:
      prediction_ignore_iou: in training, an anchor that is not positive is
        ignored if its predicted box overlaps an object more; None for never.
      centerness_weight: in training, the localisation loss of an anchor is
        weighted by `ssd_tf.matchers.centerness`.
    """

    prediction_ignore_iou: float | None = None
    centerness_weight: bool = False

    @abc.abstractmethod
    def __call__(
        self, gt_boxes: tf.Tensor, gt_labels: tf.Tensor, anchors: Anchors
    ) -> MatchResult:
        """Matches one image; shapes as in this module's text."""

    def in_training(self) -> "Matcher":
        """The matcher without what the training step decides by predictions."""
        return self


def valid_objects(gt_boxes, gt_labels):
    """True for objects that may match: [M, 4], [M] -> [M] bool."""
    return (gt_labels > 0) & box_ops.is_valid(gt_boxes)


def matchable_boxes(gt_boxes, gt_labels):
    """Boxes, zeros for those of invalid objects: [M, 4] -> [max(M, 1), 4].

    A box without area overlaps nothing, so it needs no further mask. One such
    row stands in for no objects, as a reduction over nothing has no value.
    """
    valid = valid_objects(gt_boxes, gt_labels)
    boxes = tf.where(valid[:, None], gt_boxes, 0.0)
    missing = tf.maximum(1 - tf.shape(boxes)[0], 0)
    return tf.pad(boxes, [[0, missing], [0, 0]])


def match_best_object(iou, is_positive):
    """Gives each positive anchor the object it overlaps most.

    From iou [A, M] and [A] bool -> [A] int32 objects, else `UNMATCHED`.
    """
    # Positives are few: only their rows are searched for the best object.
    rows = tf.where(is_positive)  # [P, 1]
    index = tf.argmax(
        tf.gather_nd(iou, rows), axis=1, output_type=tf.int32
    )  # [P]
    unmatched = np.full(is_positive.shape, UNMATCHED, np.int32)
    return tf.tensor_scatter_nd_update(unmatched, rows, index)


def match_best_claim(claimed, score, num_anchors):
    """Gives each anchor to the object that claims it with the largest score.

    From claimed anchors and scores of the claims, both [M, N], of which those
    above zero count -> [A] int32 objects, else `UNMATCHED`.
    """
    score = tf.where(score > 0, score, -1.0)
    best = tf.math.unsorted_segment_max(score, claimed, num_anchors)  # [A]
    wins = (score > 0) & (score == tf.gather(best, claimed))  # [M, N]
    winners = tf.where(wins)  # [P, 2] of object and place
    objects = tf.cast(winners[:, 0], tf.int32)  # [P]
    index = tf.math.unsorted_segment_min(
        objects, tf.gather_nd(claimed, winners), num_anchors
    )  # [A], the largest int32 where nothing is claimed
    return tf.where(index < tf.int32.max, index, UNMATCHED)


def with_quality(iou, best_iou, gt_index) -> MatchResult:
    """Completes a match [A], by iou [A, M]; drops pairs that do not overlap.

    Rules about centres and shapes may pair an object with an anchor it does
    not touch, for which there is nothing to learn.
    """
    rows = tf.where(gt_index >= 0)  # [P, 1]
    objects = tf.gather_nd(gt_index, rows)  # [P]
    matched_iou = tf.gather_nd(
        iou, tf.concat([rows, tf.cast(objects[:, None], tf.int64)], axis=1)
    )  # [P]
    objects = tf.where(matched_iou > 0, objects, UNMATCHED)
    quality = tf.where(
        matched_iou > 0, matched_iou, tf.gather_nd(best_iou, rows)
    )
    return MatchResult(
        tf.tensor_scatter_nd_update(gt_index, rows, objects),
        tf.tensor_scatter_nd_update(best_iou, rows, quality),
    )


def grids(anchors: Anchors, name: str) -> tuple[AnchorLevel, ...]:
    """The grids of anchors; raises ValueError where there are boxes alone."""
    if not anchors.levels:
        raise ValueError(
            f"matcher {name!r} needs anchors with grids (build_anchors or "
            f"Anchors.from_levels), got {len(anchors)} boxes without"
        )
    return anchors.levels


def check_range(name: str, value, low: float, high: float):
    """Raises InputError unless low <= value <= high; None passes."""
    if value is not None and not low <= value <= high:
        raise InputError(
            f"{name} must be between {low} and {high}, got {value}"
        )
