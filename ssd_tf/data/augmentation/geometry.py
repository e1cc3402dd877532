"""Random geometry of training images: zoom-out, crop, boxes in a view.

A transformation never touches pixels here. It is a *view*: a rectangle yxyx
in the coordinates of the original image, which may reach beyond the image.
Zoom-out makes the view larger and a crop makes it smaller, so a single
resampling of the view, in `ssd_tf.data.images.resampling`, is all that the
pixels go through.
"""

import tensorflow as tf

from ssd_tf import box_ops

WHOLE_IMAGE = (0.0, 0.0, 1.0, 1.0)

# Samplers of the paper, section 2.2, in the order of Caffe's ssd_pascal.py:
# minimum IoU with any one object; the last is Caffe's "maximum IoU 1", which
# takes any crop. The whole image is a sampler of its own.
_MIN_IOUS = (0.1, 0.3, 0.5, 0.7, 0.9, 0.0)
_TRIALS = 50
_MIN_SCALE = 0.3
_MAX_ASPECT = 2.0


def random_expand(seed, *, max_ratio, probability=0.5):
    """A view [4] of a larger canvas on which the image lies somewhere.

    Canvas side over image side is drawn from [1, max_ratio]. Source:
    weiliu89/caffe, data_transformer.cpp, ExpandImage.
    """
    draw = tf.random.stateless_uniform([4], seed)
    ratio = tf.where(
        draw[0] < probability, 1.0 + draw[1] * (max_ratio - 1.0), 1.0
    )
    top_left = -draw[2:] * (ratio - 1.0)  # [2] y, x
    return tf.concat([top_left, top_left + ratio], axis=0)


def random_crop(seed, boxes):
    """One of the crops that the SSD samplers find.

    Seven samplers - the whole image and six with 50 trials each - look for a
    crop whose IoU with any one object reaches their minimum; one of the
    successful samplers is drawn (weiliu89/caffe, sampler.cpp). An image
    without objects stays whole.

    Returns:
      [4] float32 crop yxyx, in the coordinates of the boxes [M, 4].
    """
    seeds = tf.random.split(seed, 2)
    crops = _candidate_crops(seeds[0])  # [6, 50, 4]
    iou = box_ops.pairwise_iou(tf.reshape(crops, [-1, 4]), boxes)
    iou = tf.reshape(iou, [len(_MIN_IOUS), _TRIALS, -1])  # [6, 50, M]
    min_ious = tf.constant(_MIN_IOUS)[:, None, None]
    accepted = tf.reduce_any(iou >= min_ious, axis=-1)  # [6, 50]
    first = tf.argmax(accepted, axis=1, output_type=tf.int32)  # [6]
    found = tf.gather(crops, first, axis=1, batch_dims=1)  # [6, 4]
    options = tf.concat([tf.constant([WHOLE_IMAGE]), found], axis=0)  # [7, 4]
    success = tf.concat([[True], tf.reduce_any(accepted, axis=1)], axis=0)
    lottery = tf.random.stateless_uniform([len(_MIN_IOUS) + 1], seeds[1])
    winner = tf.argmax(tf.where(success, lottery, -1.0))
    return options[winner]


def _candidate_crops(seed):
    """[6, 50, 4] float32 crops: scale, aspect and offset drawn uniformly."""
    draw = tf.random.stateless_uniform([4, len(_MIN_IOUS), _TRIALS], seed)
    scale = _MIN_SCALE + draw[0] * (1.0 - _MIN_SCALE)
    aspect = 1 / _MAX_ASPECT + draw[1] * (_MAX_ASPECT - 1 / _MAX_ASPECT)
    # Neither side may be longer than the image's.
    aspect = tf.clip_by_value(aspect, scale**2, 1 / scale**2)
    height, width = scale / tf.sqrt(aspect), scale * tf.sqrt(aspect)
    top, left = draw[2] * (1.0 - height), draw[3] * (1.0 - width)
    return tf.stack([top, left, top + height, left + width], axis=-1)


def compose(view, inner):
    """The view that shows `inner` (relative to `view`): [4], [4] -> [4]."""
    origin, extent = view[:2], view[2:] - view[:2]
    return tf.tile(origin, [2]) + inner * tf.tile(extent, [2])


def boxes_in_view(boxes, view):
    """Boxes [M, 4] relative to a view [4], not clipped -> [M, 4]."""
    origin, extent = view[:2], view[2:] - view[:2]
    return (boxes - tf.tile(origin, [2])) / tf.tile(extent, [2])


def keep_centred(boxes):
    """Caffe's emit constraint, [M] bool: the centre is not outside."""
    centre = (boxes[:, :2] + boxes[:, 2:]) / 2
    return tf.reduce_all((centre >= 0.0) & (centre <= 1.0), axis=-1)


def visible_boxes(boxes, view):
    """Boxes [M, 4] as far as a view [4] shows them.

    Returns:
      Boxes [M, 4] relative to the view, clipped, and [M] bool: True where
      the centre is visible and an area is left. The others mean nothing.
    """
    boxes = boxes_in_view(boxes, view)
    keep = keep_centred(boxes)
    boxes = box_ops.clip(boxes)
    return boxes, keep & box_ops.is_valid(boxes)
