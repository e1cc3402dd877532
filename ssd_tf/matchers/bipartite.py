"""Greedy one-to-one matching of objects to anchors."""

import tensorflow as tf

from ssd_tf.matchers import overlaps

NO_ANCHOR = -1
# Caffe keeps pairs above this overlap only (bbox_util.cpp, MatchBBox).
_MIN_IOU = 1e-6


def match(iou):
    """Matches the largest remaining pair again and again.

    That gives the one stable matching in which both sides prefer the larger
    IoU, so it can be found by proposals: every object claims its best anchor,
    an anchor keeps its best claim, and an object that lost claims the best
    anchor on which it beats the present holder. Most images have no
    collision; for them this is one argmax.

    Args:
      iou: [A, M] float32, M > 0.

    Returns:
      [M] int32 anchor of each object, `NO_ANCHOR` for one left without, and
      [M] float32 IoU with it.
    """
    anchor, claimed_iou = _claim(iou)  # [M], [M]
    return tf.cond(
        _has_collision(anchor),
        lambda: _resolve(iou, anchor, claimed_iou),
        lambda: (anchor, claimed_iou),
    )


def _has_collision(anchor):
    """True if two objects claim one anchor: [M] -> bool scalar."""
    claims = tf.gather_nd(anchor, tf.where(anchor != NO_ANCHOR))
    return tf.size(tf.unique(claims).y) < tf.size(claims)


def _resolve(iou, anchor, claimed_iou):
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
    """Columns of the losers, with -1 where an anchor's holder is better.

    Args:
      iou: [A, M] float32.
      losers: [L] int32 objects to claim again.
      anchor: [M] int32 anchor each object holds, or `NO_ANCHOR`.
      claimed_iou: [M] float32 IoU with it.

    Returns:
      [A, L] float32.
    """
    columns = tf.gather(iou, losers, axis=1)  # [A, L]
    holders = tf.where(anchor != NO_ANCHOR)  # [H, 1]
    held = tf.gather_nd(anchor, holders)  # [H]
    held_iou = tf.gather_nd(claimed_iou, holders)[:, None]  # [H, 1]
    rival = tf.gather(columns, held)  # [H, L]
    better = (rival > held_iou) | (
        (rival == held_iou) & (losers < tf.cast(holders, tf.int32))
    )
    blocked = tf.where(~better)  # [N, 2] of holder and loser
    place = tf.stack(
        [
            tf.gather(tf.cast(held, tf.int64), blocked[:, 0]),
            blocked[:, 1],
        ],
        axis=1,
    )
    return tf.tensor_scatter_nd_update(
        columns, place, tf.fill([tf.shape(place)[0]], -1.0)
    )
