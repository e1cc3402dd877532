"""The matching of RetinaNet."""

import dataclasses

from ssd_tf.matchers import base
from ssd_tf.matchers.rpn import TwoThresholdMatcher


@dataclasses.dataclass(frozen=True)
class RetinanetMatcher(TwoThresholdMatcher):
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

    def __call__(self, gt_boxes, gt_labels, anchors) -> base.MatchResult:
        """Matches; see `ssd_tf.matchers.base` for shapes."""
        return self.match(
            gt_boxes,
            gt_labels,
            anchors,
            force_best=self.allow_low_quality_matches,
        )
