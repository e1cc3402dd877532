"""Losses of boxes that look at how they overlap: GIoU and CIoU.

Where smooth L1 adds up four coordinates as if each stood alone, these grow
with what is lost of the IoU. In `keras.ops`, so they run on every Keras
backend. All of them and their gradients are finite for all finite boxes, those
without area or of negative sides too.
"""

import math
from typing import Any, NamedTuple

from keras import ops

# Where quotients of squares and their gradients are float32 numbers.
_FARTHEST = 1e9
_LEAST_AREA = 1e-18
# Shorter sides count as so long for the aspect, whose gradient is 1 / side.
_LEAST_SIDE = 1e-7


class _Pair(NamedTuple):
    """Two boxes and the hull, the smallest box around them, all [..]."""

    iou: Any
    union: Any
    hull_height: Any
    hull_width: Any


def giou_loss(boxes, gt_boxes):
    """1 - GIoU: what lacks to an IoU of 1, and the empty part of the hull.

    Source: Rezatofighi et al. 2019 (arXiv:1902.09630), algorithm 1.

    From boxes [.., 4] and [.., 4] yxyx -> [..] float32, 0..2.
    """
    pair = _compare(*map(_float_corners, (boxes, gt_boxes)))
    hull = pair.hull_height * pair.hull_width
    return 1.0 - pair.iou + _divide(hull - pair.union, hull)


def ciou_loss(boxes, gt_boxes):
    """1 - CIoU: 1 - IoU, the distance of the centres, and the aspect.

    Source: Zheng et al. 2020 (arXiv:1911.08287), section 3.3. No gradient
    passes through the weight of the aspect, as there.

    From boxes [.., 4] and [.., 4] yxyx -> [..] float32, from 0.
    """
    corners, gt_corners = map(_float_corners, (boxes, gt_boxes))
    pair = _compare(corners, gt_corners)
    # Twice the distance of the centres.
    dy = corners[0] + corners[2] - gt_corners[0] - gt_corners[2]
    dx = corners[1] + corners[3] - gt_corners[1] - gt_corners[3]
    distance = _divide(
        (ops.square(dy) + ops.square(dx)) / 4.0,
        ops.square(pair.hull_height) + ops.square(pair.hull_width),
    )
    turn = _angle(gt_corners) - _angle(corners)
    aspect = 4.0 / math.pi**2 * ops.square(turn)
    lost = 1.0 - pair.iou
    weight = ops.stop_gradient(_divide(aspect, lost + aspect))
    return lost + distance + weight * aspect


OVERLAP_LOSSES = {"giou": giou_loss, "ciou": ciou_loss}


def _float_corners(boxes):
    """ymin, xmin, ymax, xmax [..] float32 of boxes [.., 4]."""
    # Squares of sides underflow half precision.
    boxes = ops.clip(ops.cast(boxes, "float32"), -_FARTHEST, _FARTHEST)
    return ops.unstack(boxes, 4, axis=-1)


def _compare(a, b) -> _Pair:
    height = _length(ops.maximum(a[0], b[0]), ops.minimum(a[2], b[2]))
    width = _length(ops.maximum(a[1], b[1]), ops.minimum(a[3], b[3]))
    intersection = height * width
    union = _area(a) + _area(b) - intersection
    return _Pair(
        _divide(intersection, union),
        union,
        _length(ops.minimum(a[0], b[0]), ops.maximum(a[2], b[2])),
        _length(ops.minimum(a[1], b[1]), ops.maximum(a[3], b[3])),
    )


def _area(corners):
    ymin, xmin, ymax, xmax = corners
    return _length(ymin, ymax) * _length(xmin, xmax)


def _angle(corners):
    """arctan(width / height), 0..pi/2."""
    ymin, xmin, ymax, xmax = corners
    return ops.arctan2(
        ops.maximum(xmax - xmin, _LEAST_SIDE),
        ops.maximum(ymax - ymin, _LEAST_SIDE),
    )


def _length(low, high):
    return ops.maximum(high - low, 0.0)


def _divide(a, b):
    """a / b, and zero with a gradient of zero where b is as good as that."""
    is_some = b > _LEAST_AREA
    return ops.where(is_some, a, 0.0) / ops.where(is_some, b, 1.0)
