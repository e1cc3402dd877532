"""Matching by two thresholds: RPN of Faster R-CNN, and RetinaNet."""

import dataclasses

import tensorflow as tf

from ssd_tf.matchers import base, overlaps


class _TwoThresholdMatcher(base.Matcher):
    """Positive above one IoU, background below another, between ignored."""

    positive_iou: float
    negative_iou: float
    allow_low_quality_matches: bool = True

    def __post_init__(self):
        base.check_range("positive_iou", self.positive_iou, 0, 1)
        base.check_range(
            "negative_iou", self.negative_iou, 0, self.positive_iou
        )

    def __call__(self, gt_boxes, gt_labels, anchors) -> base.MatchResult:
        boxes = base.matchable_boxes(gt_boxes, gt_labels)  # [M, 4]
        iou = overlaps.anchor_iou(boxes, anchors)  # [A, M]
        best_iou = tf.reduce_max(iou, axis=1)  # [A]
        # An anchor that overlaps nothing is background at any thresholds.
        overlapping = best_iou > 0
        positive = (best_iou >= self.positive_iou) & overlapping
        if self.allow_low_quality_matches:
            positive |= overlaps.is_best_of_an_object(iou)
        index = base.match_best_object(iou, positive)  # [A]
        between = ~positive & (best_iou >= self.negative_iou) & overlapping
        return base.MatchResult(
            tf.where(between, base.IGNORED, index), best_iou
        )


@dataclasses.dataclass(frozen=True)
class RpnMatcher(_TwoThresholdMatcher):
    """Faster R-CNN's rule (py-faster-rcnn, anchor_target_layer.py).

    Positive are anchors that overlap an object enough, and for each object
    those that overlap it most, all of several that do so equally. A positive
    anchor takes its own best object, even if it was another's best anchor. As
    SSD keeps anchors that cross the border and mines its negatives, neither
    is done as in Faster R-CNN.

    Attributes:
      positive_iou: lowest IoU of a match.
      negative_iou: below it an anchor is background, above it ignored.
    """

    positive_iou: float = 0.7
    negative_iou: float = 0.3


@dataclasses.dataclass(frozen=True)
class RetinanetMatcher(_TwoThresholdMatcher):
    """RetinaNet's two thresholds (arXiv:1708.02002, section 4.1).

    The paper has no forced match. Implementations have: with
    `allow_low_quality_matches` the best anchors of each object, ties
    included, are positive whatever their IoU, and take their own best object
    (torchvision, detection/_utils.py, Matcher; ATSS, retinanet/loss.py).

    Attributes:
      positive_iou: lowest IoU of a match.
      negative_iou: below it an anchor is background, above it ignored.
      allow_low_quality_matches: force the best anchors of each object.
    """

    positive_iou: float = 0.5
    negative_iou: float = 0.4
    allow_low_quality_matches: bool = False
