"""SSD's matching: greedy one-to-one, then everything above a threshold."""

import dataclasses

import tensorflow as tf

from ssd_tf.errors import InputError
from ssd_tf.matchers import base, overlaps

NO_ANCHOR = -1
# Caffe keeps pairs above this overlap only (bbox_util.cpp, MatchBBox).
_MIN_IOU = 1e-6


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
    anchor, claimed_iou = match_one_to_one(iou)  # [M], [M]
    objects = tf.where(anchor != NO_ANCHOR)  # [F, 1]
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


def match_one_to_one(iou):
    """Matches the largest remaining pair again and again.

    That gives the one stable matching in which both sides prefer the larger
    IoU, so it can be found by proposals: every object claims its best anchor,
    an anchor keeps its best claim, and an object that lost claims the best
    anchor on which it beats the present holder. Most images have no
    collision; for them this is one argmax.

    From iou [A, M > 0] -> [M] int32 anchor of each object, `NO_ANCHOR` for one
    left without, and [M] float32 IoU with it.
    """
    anchor, claimed_iou = _claim(iou)  # [M], [M]
    claims = tf.gather_nd(anchor, tf.where(anchor != NO_ANCHOR))
    return tf.cond(
        tf.size(tf.unique(claims).y) < tf.size(claims),
        lambda: _resolve_collisions(iou, anchor, claimed_iou),
        lambda: (anchor, claimed_iou),
    )


def _resolve_collisions(iou, anchor, claimed_iou):
    """Lets objects claim again until no two claim the same anchor."""

    def claim_again(anchor, claimed_iou, lost):
        losers = tf.cast(tf.where(lost)[:, 0], tf.int32)  # [L]
        anchor = tf.where(lost, NO_ANCHOR, anchor)
        claim, claim_iou = _claim(
            _iou_where_better(iou, losers, anchor, claimed_iou)
        )  # [L], [L]
        rows = losers[:, None]
        anchor = tf.tensor_scatter_nd_update(anchor, rows, claim)
        claimed_iou = tf.tensor_scatter_nd_update(claimed_iou, rows, claim_iou)
        return anchor, claimed_iou, _lost(anchor, claimed_iou)

    # Ends, as an anchor passes on to a better claim only.
    anchor, claimed_iou, _ = tf.while_loop(
        lambda anchor, claimed_iou, lost: tf.reduce_any(lost),
        claim_again,
        (anchor, claimed_iou, _lost(anchor, claimed_iou)),
    )
    return anchor, claimed_iou


def _claim(iou):
    """Each object's best anchor and their IoU: [A, N] -> [N], [N]."""
    best, best_iou = overlaps.best_anchor(iou)
    return tf.where(best_iou > _MIN_IOU, best, NO_ANCHOR), best_iou


def _lost(anchor, claimed_iou):
    """Objects whose claim another object's claim beats: [M], [M] -> [M]."""
    order = tf.range(tf.shape(anchor)[0])
    larger = claimed_iou[None, :] > claimed_iou[:, None]  # [M, M]
    equal = claimed_iou[None, :] == claimed_iou[:, None]
    beats = larger | (equal & (order[None, :] < order[:, None]))
    same = (anchor[None, :] == anchor[:, None]) & (anchor[:, None] != NO_ANCHOR)
    return tf.reduce_any(beats & same, axis=1)


def _iou_where_better(iou, losers, anchor, claimed_iou):
    """Columns of losers [L], -1 where an anchor's holder is better: [A, L]."""
    columns = tf.gather(iou, losers, axis=1)  # [A, L]
    holders = tf.where(anchor != NO_ANCHOR)  # [H, 1]
    held = tf.cast(tf.gather_nd(anchor, holders), tf.int64)  # [H]
    held_iou = tf.gather_nd(claimed_iou, holders)[:, None]  # [H, 1]
    rival = tf.gather(columns, held)  # [H, L]
    better = (rival > held_iou) | (
        (rival == held_iou) & (losers < tf.cast(holders, tf.int32))
    )
    blocked = tf.where(~better)  # [N, 2] of holder and loser
    place = tf.stack(
        [tf.gather(held, blocked[:, 0]), blocked[:, 1]], axis=1
    )  # [N, 2] of anchor and loser
    return tf.tensor_scatter_nd_update(
        columns, place, tf.fill([tf.shape(place)[0]], -1.0)
    )
