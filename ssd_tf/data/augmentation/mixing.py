"""Training images that are made of several pictures."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import tensorflow as tf

from ssd_tf.data.augmentation import geometry
from ssd_tf.data.images import resize

# Caffe's canvas, as under a zoom-out.
_FILL_RGB = (123.0, 117.0, 104.0)
# Of the share of one of two pictures: near a half, so that all objects can be
# seen and count as others do (ultralytics, data/augment.py, MixUp).
_BETA = 32.0


class Partner(NamedTuple):
    """Another picture of the data set.

    Attributes:
      load: () -> [H, W, 3] uint8 RGB; decodes it.
      gt_labels: [M] int32; 0 for crowds.
      gt_boxes: [M, 4] float32 yxyx.
    """

    load: Callable[[], tf.Tensor]
    gt_labels: tf.Tensor
    gt_boxes: tf.Tensor


def mosaic(pictures: Sequence[Partner], *, size: int, seed):
    """Four pictures around a point of a canvas, cut by its borders.

    The canvas has twice the side of the input, and each picture once; the
    point lies in the middle half of it (Bochkovskiy et al. 2020,
    arXiv:2004.10934; ultralytics, data/augment.py, Mosaic). Objects stay
    whose centre does.

    Returns:
      [2 size, 2 size, 3] uint8 RGB, labels [N] and boxes [N, 4].
    """
    joint = tf.random.stateless_uniform(
        [2], seed, minval=size // 2, maxval=2 * size - size // 2, dtype=tf.int32
    )
    labels, boxes, rows = [], [], []
    for is_lower in (False, True):
        row = []
        for is_right in (False, True):
            picture = pictures[2 * is_lower + is_right]
            far = tf.constant([is_lower, is_right])
            quadrant_px = tf.where(far, 2 * size - joint, joint)  # [2] h, w
            row.append(_cut(picture.load(), size, quadrant_px, far))
            corner_px = tf.where(far, joint, joint - size)  # of the picture
            shown_labels, shown_boxes = _objects(
                picture,
                place=_fractions(corner_px, corner_px + size, 2 * size),
                quadrant=_fractions(
                    tf.where(far, joint, 0),
                    tf.where(far, 2 * size, joint),
                    2 * size,
                ),
            )
            labels.append(shown_labels)
            boxes.append(shown_boxes)
        rows.append(tf.concat(row, axis=1))
    canvas = tf.round(tf.concat(rows, axis=0))
    canvas = tf.ensure_shape(canvas, [2 * size, 2 * size, 3])
    return (
        tf.cast(canvas, tf.uint8),
        tf.concat(labels, axis=0),
        tf.concat(boxes, axis=0),
    )


def _fractions(low_px, high_px, side_px: int):
    """A rectangle [4] of a canvas from its corners [2] in pixels."""
    corners = tf.concat([low_px, high_px], axis=0)
    return tf.cast(corners, tf.float32) / side_px


def _cut(image, size: int, quadrant_px, is_far):
    """A picture in its quadrant, [h, w, 3] float32.

    It touches the joint: with its far corner, or, where `is_far` on an axis,
    with its near one.
    """
    pixels = resize(image, size) - tf.constant(_FILL_RGB)  # [S, S, 3]
    shown = tf.minimum(quadrant_px, size)  # [2]
    begin = tf.where(is_far, 0, size - shown)
    pixels = tf.slice(
        pixels, tf.concat([begin, [0]], 0), tf.concat([shown, [3]], 0)
    )
    missing = quadrant_px - shown
    before = tf.where(is_far, 0, missing)
    around = tf.stack([before, missing - before], axis=1)  # [2, 2]
    around = tf.concat([around, [[0, 0]]], axis=0)
    return tf.pad(pixels, around) + tf.constant(_FILL_RGB)


def _objects(picture: Partner, *, place, quadrant):
    """Labels [N] and boxes [N, 4] of a picture that lies at a place [4]."""
    boxes = geometry.compose(place, picture.gt_boxes)
    boxes, keep = geometry.visible_boxes(boxes, quadrant)
    return (
        tf.boolean_mask(picture.gt_labels, keep),
        tf.boolean_mask(geometry.compose(quadrant, boxes), keep),
    )


def mixup(image, gt_labels, gt_boxes, other: Partner, *, seed):
    """Two pictures through one another, with the objects of both.

    Zhang et al. 2018 (arXiv:1710.09412); for detection, with the geometry of
    both kept and without weights of the objects, Zhang et al. 2019
    (arXiv:1902.04103).

    Args:
      image: [S, S, 3] float32 RGB 0..255.
      gt_labels, gt_boxes: of its objects.
      other: the whole of which is seen.
      seed: [2] int32.

    Returns:
      image [S, S, 3], labels [M + N] and boxes [M + N, 4].
    """
    draw = tf.random.stateless_gamma([2], seed, alpha=_BETA)
    share = draw[0] / (draw[0] + draw[1])  # Beta
    pixels = resize(other.load(), image.shape[0])
    return (
        share * image + (1.0 - share) * pixels,
        tf.concat([gt_labels, other.gt_labels], axis=0),
        tf.concat([gt_boxes, other.gt_boxes], axis=0),
    )
