"""IoU of anchors and objects, and searches along the anchors.

The hot path of target encoding. Objects are the last axis: the overlaps of an
anchor are one contiguous row, so looking up its extents and its best object
are copies and reductions of rows.
"""

import math

import numpy as np
import tensorflow as tf

from ssd_tf.anchors import Anchors


def anchor_iou(boxes, anchors: Anchors):
    """IoU of every anchor with every object.

    Equals `box_ops.pairwise_iou(anchors.boxes, boxes)` to the last bit. The
    overlap of two boxes is one along y times one along x, and each of these
    takes few values over a grid of anchors; so do the areas.

    Args:
      boxes: [M, 4] float32 yxyx, finite.
      anchors: A anchors.

    Returns:
      [A, M] float32.
    """
    spans = anchors.spans
    low, high = tf.unstack(
        tf.reshape(tf.transpose(boxes), [2, 2, 1, -1])
    )  # [2, 1, M], along y and along x
    overlap = tf.nn.relu(
        tf.minimum(spans.high, high) - tf.maximum(spans.low, low)
    )  # [2, U, M]
    overlap = tf.reshape(overlap, [spans.num_groups, -1])  # [2 U / g, g * M]
    side = high - low  # [2, 1, M]
    both_areas = tf.reshape(
        spans.area + tf.reduce_prod(side, axis=0), [spans.num_areas, -1]
    )  # [V / g, g * M]
    intersection = tf.gather(overlap, spans.y_group) * tf.gather(
        overlap, spans.x_group
    )  # [A / g, g * M]
    union = tf.gather(both_areas, spans.area_group) - intersection
    iou = tf.math.divide_no_nan(intersection, union)
    return tf.reshape(iou, [len(anchors), -1])


def iou_at(iou, anchor, objects):
    """Single values of iou [A, M]; `anchor` and `objects` broadcast."""
    # A flat index: gather copies single values faster than gather_nd.
    flat = anchor * tf.shape(iou)[1] + objects
    return tf.gather(tf.reshape(iou, [-1]), flat)


def best_anchor(iou):
    """The first anchor of each object's largest value, and that value.

    An argmax along the anchors compares one value at a time. The maximum over
    blocks of anchors does not, and leaves one block per object to search.

    Args:
      iou: [A, M] float32.

    Returns:
      [M] int32 and [M] float32.
    """
    blocks = _block_maxima(iou)  # [B, M]
    size = iou.shape[0] // blocks.shape[0]
    block = tf.argmax(blocks, axis=0, output_type=tf.int32)  # [M]
    candidates = block[:, None] * size + np.arange(size, dtype=np.int32)
    values = iou_at(
        iou, candidates, tf.range(tf.shape(iou)[1])[:, None]
    )  # [M, A / B]
    place = tf.argmax(values, axis=1, output_type=tf.int32)  # [M]
    return block * size + place, tf.reduce_max(values, axis=1)


def top_anchors(iou, k: int):
    """The k anchors of largest value for each object, lower anchor first.

    Args:
      iou: [A, M] float32.
      k: how many.

    Returns:
      [M, min(k, A)] int32 anchors.
    """
    blocks = _block_maxima(iou)  # [B, M]
    num_blocks, size = blocks.shape[0], iou.shape[0] // blocks.shape[0]
    # The k largest values lie in the k blocks of largest maxima.
    _, block = tf.math.top_k(tf.transpose(blocks), min(k, num_blocks))
    block = tf.sort(block, axis=1)  # the order among equal values
    candidates = tf.reshape(
        block[:, :, None] * size + np.arange(size, dtype=np.int32),
        [-1, block.shape[1] * size],
    )  # [M, N]
    objects = tf.range(tf.shape(iou)[1])
    _, place = tf.math.top_k(
        iou_at(iou, candidates, objects[:, None]), min(k, iou.shape[0])
    )
    return tf.gather(candidates, place, batch_dims=1)


def _block_maxima(iou):
    """Largest value of each of about sqrt(A) blocks: [A, M] -> [B, M]."""
    num_anchors = iou.shape[0]
    num_blocks = next(
        n for n in range(math.isqrt(num_anchors), 0, -1) if num_anchors % n == 0
    )
    blocks = tf.reshape(
        iou,
        [num_blocks, num_anchors // num_blocks, -1],
    )
    return tf.reduce_max(blocks, axis=1)


def is_best_of_an_object(iou):
    """Anchors that overlap an object as much as any does, ties included.

    Args:
      iou: [A, M] float32.

    Returns:
      [A] bool; an object that overlaps nothing has no best anchor.
    """
    best = tf.reduce_max(iou, axis=0)  # [M]
    best = tf.where(best > 0, best, 2.0)  # no IoU equals 2
    return tf.reduce_any(iou == best, axis=1)


def centers_inside(boxes, centers):
    """How far points lie inside boxes, at the nearest edge.

    Args:
      boxes: [.., 4] float32 yxyx.
      centers: [.., 2] float32 cx, cy; broadcasts against the boxes.

    Returns:
      [..] float32, negative outside.
    """
    ymin, xmin, ymax, xmax = tf.unstack(boxes, axis=-1)
    cx, cy = tf.unstack(centers, axis=-1)
    return tf.minimum(
        tf.minimum(cx - xmin, xmax - cx), tf.minimum(cy - ymin, ymax - cy)
    )
