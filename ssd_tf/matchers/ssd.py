"""SSD's matching: greedy one-to-one, then everything above a threshold."""

import dataclasses

import tensorflow as tf

from ssd_tf import box_ops
from ssd_tf.matchers import base

# Caffe keeps pairs above this overlap only (bbox_util.cpp, MatchBBox).
_MIN_IOU = 1e-6
_NO_ANCHOR = -1


@dataclasses.dataclass(frozen=True)
class SsdMatcher:
    """Caffe's rule (weiliu89/caffe, bbox_util.cpp, MatchBBox).

    The pair of object and anchor with the largest IoU is matched and both are
    removed, until no pair overlaps; then each remaining anchor takes its best
    object if their IoU reaches the threshold. Ties go to the lower anchor,
    then to the lower object.

    Attributes:
      iou_threshold: lowest IoU of a match in the second step.
    """

    iou_threshold: float = 0.5

    def __call__(self, gt_boxes, gt_labels, anchors) -> base.MatchResult:
        """Matches; see `ssd_tf.matchers.base` for shapes."""
        boxes = base.matchable_boxes(gt_boxes, gt_labels)  # [M, 4]
        iou = box_ops.pairwise_iou(
            box_ops.to_vectors(boxes), base.anchor_vectors(anchors)
        )  # [M, A]
        best_iou = tf.reduce_max(iou, axis=0)  # [A]
        index = base.match_best_object(
            iou, best_iou, best_iou >= self.iou_threshold
        )  # [A]
        forced_anchor = bipartite_match(iou)  # [M]
        objects = tf.cast(
            tf.where(forced_anchor != _NO_ANCHOR)[:, 0], tf.int32
        )  # [F]
        columns = tf.gather(forced_anchor, objects)[:, None]  # [F, 1]
        forced_iou = tf.gather_nd(
            iou, tf.concat([objects[:, None], columns], axis=1)
        )  # [F]
        return base.MatchResult(
            tf.tensor_scatter_nd_update(index, columns, objects),
            tf.tensor_scatter_nd_update(best_iou, columns, forced_iou),
        )


def bipartite_match(iou):
    """Greedy one-to-one matching of objects to anchors.

    Taking the largest remaining pair again and again gives the one stable
    matching in which both sides prefer the larger IoU, so it can be found by
    proposals: every object claims its best anchor, an anchor keeps its best
    claim, and an object that lost claims the best anchor on which it beats
    the present holder. Without a collision this is one argmax.

    Args:
      iou: [M, A] float32, M > 0.

    Returns:
      [M] int32 anchor of each object, -1 for one that is left without.
    """
    anchor = _claim(iou)  # [M]
    claimed_iou = _iou_at(iou, anchor)  # [M]

    def some_lost(anchor, claimed_iou):
        return tf.reduce_any(_lost(anchor, claimed_iou))

    def claim_again(anchor, claimed_iou):
        lost = _lost(anchor, claimed_iou)  # [M]
        losers = tf.cast(tf.where(lost)[:, 0], tf.int32)  # [L]
        anchor = tf.where(lost, _NO_ANCHOR, anchor)
        open_iou = _iou_where_better(iou, losers, anchor, claimed_iou)
        claim = _claim(open_iou)  # [L]
        rows = losers[:, None]
        return (
            tf.tensor_scatter_nd_update(anchor, rows, claim),
            tf.tensor_scatter_nd_update(
                claimed_iou, rows, _iou_at(open_iou, claim)
            ),
        )

    anchor, _ = tf.while_loop(some_lost, claim_again, (anchor, claimed_iou))
    return anchor


def _claim(iou):
    """Each row's best anchor, or -1 where nothing overlaps: [N, A] -> [N]."""
    best = tf.argmax(iou, axis=1, output_type=tf.int32)
    return tf.where(_iou_at(iou, best) > _MIN_IOU, best, _NO_ANCHOR)


def _iou_at(iou, anchor):
    """Values of iou [N, A] at one anchor per row [N] -> [N]."""
    return tf.gather(iou, tf.maximum(anchor, 0), axis=1, batch_dims=1)


def _lost(anchor, claimed_iou):
    """Objects whose claim another object's claim beats: [M], [M] -> [M]."""
    order = tf.range(tf.shape(anchor)[0])
    larger = claimed_iou[None, :] > claimed_iou[:, None]  # [M, M]
    equal = claimed_iou[None, :] == claimed_iou[:, None]
    beats = larger | (equal & (order[None, :] < order[:, None]))
    same = (anchor[None, :] == anchor[:, None]) & (anchor != _NO_ANCHOR)
    return tf.reduce_any(beats & same, axis=1)


def _iou_where_better(iou, losers, anchor, claimed_iou):
    """Rows of the losers, with -1 where an anchor's holder is better.

    Args:
      iou: [M, A] float32.
      losers: [L] int32 objects to claim again.
      anchor: [M] int32 anchor each object holds, or -1.
      claimed_iou: [M] float32 IoU with it.

    Returns:
      [L, A] float32.
    """
    num_anchors = tf.shape(iou)[1]
    holders = tf.cast(tf.where(anchor != _NO_ANCHOR)[:, 0], tf.int32)  # [H]
    held = tf.gather(anchor, holders)[:, None]  # [H, 1]
    held_iou = tf.tensor_scatter_nd_update(
        tf.fill([num_anchors], -1.0), held, tf.gather(claimed_iou, holders)
    )  # [A]
    holder = tf.tensor_scatter_nd_update(
        tf.fill([num_anchors], tf.shape(iou)[0]), held, holders
    )  # [A]
    rows = tf.gather(iou, losers)  # [L, A]
    better = (rows > held_iou) | (
        (rows == held_iou) & (losers[:, None] < holder)
    )
    return tf.where(better, rows, -1.0)
