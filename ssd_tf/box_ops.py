"""Operations on boxes.

A box is ymin, xmin, ymax, xmax, normalised to the image, float32; boxes are
one tensor [.., 4].
"""

import tensorflow as tf


def area(boxes):
    """Areas of boxes [.., 4] -> [..]; negative sides count as zero."""
    ymin, xmin, ymax, xmax = tf.unstack(boxes, axis=-1)
    return tf.maximum(ymax - ymin, 0.0) * tf.maximum(xmax - xmin, 0.0)


def pairwise_iou(boxes_a, boxes_b):
    """IoU of every pair, without Caffe's +1; zero where both are empty.

    From boxes [.., N, 4] and [.., M, 4] yxyx -> [.., N, M] float32.
    """
    a = tf.convert_to_tensor(boxes_a, tf.float32)[..., :, None, :]
    b = tf.convert_to_tensor(boxes_b, tf.float32)[..., None, :, :]
    a_ymin, a_xmin, a_ymax, a_xmax = tf.unstack(a, axis=-1)  # [.., N, 1]
    b_ymin, b_xmin, b_ymax, b_xmax = tf.unstack(b, axis=-1)  # [.., 1, M]
    height = tf.minimum(a_ymax, b_ymax) - tf.maximum(a_ymin, b_ymin)
    width = tf.minimum(a_xmax, b_xmax) - tf.maximum(a_xmin, b_xmin)
    intersection = tf.nn.relu(height) * tf.nn.relu(width)  # [.., N, M]
    union = area(a) + area(b) - intersection
    return tf.math.divide_no_nan(intersection, union)


def yxyx_to_cxcywh(boxes):
    """Corners [.., 4] yxyx -> centre form [.., 4] cx, cy, w, h."""
    ymin, xmin, ymax, xmax = tf.unstack(boxes, axis=-1)
    return tf.stack(
        [(xmin + xmax) / 2, (ymin + ymax) / 2, xmax - xmin, ymax - ymin],
        axis=-1,
    )


def cxcywh_to_yxyx(boxes):
    """Centre form [.., 4] cx, cy, w, h -> corners [.., 4] yxyx."""
    cx, cy, w, h = tf.unstack(boxes, axis=-1)
    return tf.stack([cy - h / 2, cx - w / 2, cy + h / 2, cx + w / 2], axis=-1)


def clip(boxes):
    """Clips boxes [.., 4] to the image, [0, 1]."""
    return tf.clip_by_value(boxes, 0.0, 1.0)


def is_valid(boxes):
    """True where a box [.., 4] is finite and has an area above zero -> [..]."""
    finite = tf.reduce_all(tf.math.is_finite(boxes), axis=-1)
    ymin, xmin, ymax, xmax = tf.unstack(boxes, axis=-1)
    return finite & (ymax > ymin) & (xmax > xmin)


def flip_left_right(boxes):
    """Mirrors boxes [.., 4] as the image is mirrored left to right."""
    ymin, xmin, ymax, xmax = tf.unstack(boxes, axis=-1)
    return tf.stack([ymin, 1.0 - xmax, ymax, 1.0 - xmin], axis=-1)


def flip_up_down(boxes):
    """Mirrors boxes [.., 4] as the image is turned upside down."""
    ymin, xmin, ymax, xmax = tf.unstack(boxes, axis=-1)
    return tf.stack([1.0 - ymax, xmin, 1.0 - ymin, xmax], axis=-1)


def transpose(boxes):
    """Swaps y and x of boxes [.., 4] as rows and columns are swapped."""
    return tf.gather(boxes, [1, 0, 3, 2], axis=-1)
