"""IoU of anchors and objects, and searches along the anchors.

The hot path of target encoding. Objects are the last axis: the overlaps of an
anchor are one contiguous row, so looking up its extents and its best object
are copies and reductions of rows.
"""

import functools
import math
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from ssd_tf.anchors import Anchors

# A centre lies inside an object by more than this: the 0.01 pixels of ATSS
# (atss/loss.py) at the about 1000 pixels of its images.
_MIN_INSIDE = 1e-5


def anchor_iou(boxes, anchors: Anchors):
    """IoU of every anchor with every object.

    Equals `box_ops.pairwise_iou(anchors.boxes, boxes)` to the last bit. The
    overlap of two boxes is one along y times one along x, and each of these
    takes few values over a grid of anchors; so do the areas.

    From boxes [M, 4] float32 yxyx, finite -> [A, M] float32.
    """
    spans = _distinct_spans(anchors)
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


class _Spans(NamedTuple):
    """The distinct extents of anchors along y and along x, and their areas.

    The anchors of a grid share their extents: the 8732 of SSD300 have a few
    hundred along each axis. What depends on one axis is computed once per
    extent and looked up by groups of g anchors.

    Attributes:
      low, high: [2, U, 1] float32 ends, along y and along x.
      area: [V, 1] float32 distinct areas.
      num_groups, num_areas: groups of g ends, 2 * U / g, and areas, V / g.
      y_group, x_group, area_group: [A / g] int32 group of each g anchors;
        those along x are counted on from those along y.
    """

    low: np.ndarray
    high: np.ndarray
    area: np.ndarray
    num_groups: int
    num_areas: int
    y_group: np.ndarray
    x_group: np.ndarray
    area_group: np.ndarray


# Anchors compare by identity, so this keeps one result for each of the last
# few detectors; an eager call would otherwise sort all anchors every time.
@functools.lru_cache(maxsize=8)
def _distinct_spans(anchors: Anchors) -> _Spans:
    # The boxes of a cell come in pairs (2 + 2 per listed ratio), and to copy
    # two at a time takes half as many copies.
    group_size = 2 if len(anchors) % 2 == 0 else 1
    ymin, xmin, ymax, xmax = anchors.boxes.T
    y, y_group = _distinct(np.stack([ymin, ymax], axis=-1), group_size)
    x, x_group = _distinct(np.stack([xmin, xmax], axis=-1), group_size)
    # Both axes get as many rows, so that they are one tensor.
    rows = max(len(y), len(x))
    ends = np.stack(
        [np.pad(v, [(0, rows - len(v)), (0, 0)], "edge") for v in (y, x)]
    )  # [2, U, 2]
    area, area_group = _distinct(
        ((ymax - ymin) * (xmax - xmin))[:, None], group_size
    )
    return _Spans(
        low=ends[..., :1].copy(),
        high=ends[..., 1:].copy(),
        area=area,
        num_groups=2 * rows // group_size,
        num_areas=len(area) // group_size,
        y_group=y_group,
        x_group=x_group + np.int32(rows // group_size),
        area_group=area_group,
    )


def _distinct(values: np.ndarray, group_size: int):
    """Distinct groups of g rows: [A, D] -> [U, D], and indices [A / g]."""
    groups = values.reshape(len(values) // group_size, -1)
    distinct, index = np.unique(groups, axis=0, return_inverse=True)
    return (
        distinct.reshape(-1, values.shape[1]),
        index.reshape(-1).astype(np.int32),
    )


def iou_at(iou, anchors):
    """Values of iou [A, M] at anchors [M, N] of each object -> [M, N]."""
    # A flat index: gather copies single values faster than gather_nd.
    num_objects = tf.shape(iou)[1]
    flat = anchors * num_objects + tf.range(num_objects)[:, None]
    return tf.gather(tf.reshape(iou, [-1]), flat)


def best_anchor(iou):
    """The first anchor of each object's largest IoU, and that: [M], [M].

    An argmax along the anchors compares one value at a time. The maximum over
    blocks of anchors does not, and leaves one block per object to search.
    """
    blocks = _block_maxima(iou)  # [B, M]
    size = iou.shape[0] // blocks.shape[0]
    block = tf.argmax(blocks, axis=0, output_type=tf.int32)  # [M]
    candidates = block[:, None] * size + np.arange(size, dtype=np.int32)
    values = iou_at(iou, candidates)  # [M, A / B]
    place = tf.argmax(values, axis=1, output_type=tf.int32)  # [M]
    return block * size + place, tf.reduce_max(values, axis=1)


def top_anchors(iou, k: int):
    """The k anchors of largest IoU for each object, lower anchor first.

    From iou [A, M] -> [M, min(k, A)] int32.
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
    _, place = tf.math.top_k(iou_at(iou, candidates), min(k, iou.shape[0]))
    return tf.gather(candidates, place, batch_dims=1)


def _block_maxima(iou):
    """Largest value of each of about sqrt(A) blocks: [A, M] -> [B, M]."""
    num_anchors = iou.shape[0]
    num_blocks = next(
        n for n in range(math.isqrt(num_anchors), 0, -1) if num_anchors % n == 0
    )
    blocks = tf.reshape(iou, [num_blocks, num_anchors // num_blocks, -1])
    return tf.reduce_max(blocks, axis=1)


def is_best_of_an_object(iou):
    """Anchors that overlap an object as much as any does: [A, M] -> [A] bool.

    An object that overlaps nothing has no best anchor.
    """
    best = tf.reduce_max(iou, axis=0)  # [M]
    best = tf.where(best > 0, best, 2.0)  # no IoU equals 2
    return tf.reduce_any(iou == best, axis=1)


def centers_inside(boxes, centers):
    """True where a point cx, cy [.., 2] lies in a box [.., 4] -> [..]."""
    ymin, xmin, ymax, xmax = tf.unstack(boxes, axis=-1)
    cx, cy = tf.unstack(centers, axis=-1)
    nearest_edge = tf.minimum(
        tf.minimum(cx - xmin, xmax - cx), tf.minimum(cy - ymin, ymax - cy)
    )
    return nearest_edge > _MIN_INSIDE
