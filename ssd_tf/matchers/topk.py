"""The k anchors that overlap each object most."""

import dataclasses

import tensorflow as tf

from ssd_tf.matchers import base, overlaps


@dataclasses.dataclass(frozen=True)
class TopkMatcher(base.Matcher):
    """Each object takes the k anchors of largest IoU, over all levels.

    An anchor that several objects take goes to the one it overlaps more. The
    baseline of ATSS (sfzhang15/ATSS, atss/loss.py, "TOPK", k = 9) also asks
    for the anchor's centre to lie in the object, after the choice of the k.

    Attributes:
      k: anchors per object.
      center_rule: drop anchors whose centre lies outside the object.
    """

    k: int = 9
    center_rule: bool = False

    def __post_init__(self):
        base.check_range("k", self.k, 1, tf.int32.max)

    def __call__(self, gt_boxes, gt_labels, anchors) -> base.MatchResult:
        boxes = base.matchable_boxes(gt_boxes, gt_labels)  # [M, 4]
        iou = overlaps.anchor_iou(boxes, anchors)  # [A, M]
        top = overlaps.top_anchors(iou, self.k)  # [M, k]
        score = overlaps.iou_at(iou, top)  # [M, k]
        if self.center_rule:
            centers = tf.gather(anchors.cxcywh[:, :2], top)  # [M, k, 2]
            inside = overlaps.centers_inside(boxes[:, None], centers)
            score = tf.where(inside, score, 0.0)
        index = base.match_best_claim(top, score, len(anchors))  # [A]
        return base.with_quality(iou, tf.reduce_max(iou, axis=1), index)
