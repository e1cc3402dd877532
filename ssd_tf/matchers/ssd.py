"""SSD's matching: greedy one-to-one, then everything above a threshold."""

import dataclasses

import tensorflow as tf

from ssd_tf.errors import InputError
from ssd_tf.matchers import base, bipartite, overlaps


@dataclasses.dataclass(frozen=True)
class SsdMatcher(base.Matcher):
    """Caffe's rule (weiliu89/caffe, bbox_util.cpp, MatchBBox).

    The pair of object and anchor with the largest IoU is matched and both are
    removed, until no pair overlaps; then each remaining anchor takes its best
    object if their IoU reaches the threshold. Ties go to the lower anchor,
    then to the lower object.

    Two older behaviours, for comparison with earlier work:

    * `iou_threshold=0, forced_match="none"`: any overlap counts and nothing
      is forced (balancap/SSD-Tensorflow, tf_ssd_bboxes_encode).
    * `forced_match="last_wins"`: each object takes its best anchor, and of
      several objects that take one anchor the last keeps it, so another may
      be left without (amdegroot/ssd.pytorch, box_utils.py, match).

    Attributes:
      iou_threshold: lowest IoU of a match in the second step.
      forced_match: "bipartite", "last_wins" or "none".
    """

    iou_threshold: float = 0.5
    forced_match: str = "bipartite"

    def __post_init__(self):
        base.check_range("iou_threshold", self.iou_threshold, 0, 1)
        if self.forced_match not in _FORCED:
            raise InputError(
                f"forced_match must be one of {', '.join(_FORCED)}, "
                f"got {self.forced_match!r}"
            )

    def __call__(self, gt_boxes, gt_labels, anchors) -> base.MatchResult:
        """Matches; see `ssd_tf.matchers.base` for shapes."""
        boxes = base.matchable_boxes(gt_boxes, gt_labels)  # [M, 4]
        iou = overlaps.anchor_iou(boxes, anchors)  # [A, M]
        best_iou = tf.reduce_max(iou, axis=1)  # [A]
        index = base.match_best_object(
            iou, (best_iou >= self.iou_threshold) & (best_iou > 0)
        )  # [A]
        return _FORCED[self.forced_match](iou, best_iou, index)


def _keep(iou, best_iou, index) -> base.MatchResult:
    del iou
    return base.MatchResult(index, best_iou)


def _force_bipartite(iou, best_iou, index) -> base.MatchResult:
    # Written last: a forced pair replaces what the threshold gave its anchor.
    anchor, claimed_iou = bipartite.match(iou)  # [M], [M]
    objects = tf.where(anchor != bipartite.NO_ANCHOR)  # [F, 1]
    rows = tf.gather_nd(anchor, objects)[:, None]  # [F, 1]
    return base.MatchResult(
        tf.tensor_scatter_nd_update(
            index, rows, tf.cast(objects[:, 0], tf.int32)
        ),
        tf.tensor_scatter_nd_update(
            best_iou, rows, tf.gather_nd(claimed_iou, objects)
        ),
    )


def _force_last(iou, best_iou, index) -> base.MatchResult:
    anchor, claimed_iou = overlaps.best_anchor(iou)  # [M], [M]
    # A negative segment is dropped.
    forced = tf.math.unsorted_segment_max(
        tf.range(tf.shape(anchor)[0]),
        tf.where(claimed_iou > 0, anchor, -1),
        iou.shape[0],
    )  # [A], the lowest int32 where nothing is forced
    index = tf.where(forced >= 0, forced, index)
    return base.with_quality(iou, best_iou, index)


_FORCED = {
    "bipartite": _force_bipartite,
    "last_wins": _force_last,
    "none": _keep,
}
