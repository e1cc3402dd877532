"""Anchors that are ignored because of predictions."""

import numpy as np
import tensorflow as tf

from ssd_tf import box_ops, matchers


def objects(rng, batch, count):
    corner = rng.uniform(0, 0.6, (batch, count, 2))
    side = rng.uniform(0.1, 0.4, (batch, count, 2))
    return np.concatenate([corner, corner + side], -1).astype(np.float32)


def test_equals_a_loop():
    rng = np.random.default_rng(0)
    boxes, decoded = objects(rng, 3, 4), objects(rng, 3, 50)
    labels = rng.integers(0, 3, (3, 4)).astype(np.int32)
    boxes[0, 0] = np.nan
    gclasses = rng.integers(0, 2, (3, 50)).astype(np.int32)
    ignored = matchers.ignore_by_prediction(
        decoded, boxes, labels, gclasses, 0.3
    ).numpy()
    expected = np.zeros_like(ignored)
    for b in range(3):
        for m in range(4):
            if labels[b, m] > 0 and not np.isnan(boxes[b, m, 0]):
                iou = box_ops.pairwise_iou(decoded[b], boxes[b, m : m + 1])
                expected[b] |= iou.numpy()[:, 0] > 0.3
    expected &= gclasses == 0
    np.testing.assert_array_equal(ignored, expected)
    assert ignored.any() and not ignored.all()


def test_the_threshold_itself_is_not_above():
    box = np.float32([[[0, 0, 0.5, 0.5]]])
    half = np.float32([[[0, 0, 0.5, 0.25]]])
    args = half, box, np.int32([[1]]), np.int32([[0]])
    assert not matchers.ignore_by_prediction(*args, 0.5).numpy().any()
    assert matchers.ignore_by_prediction(*args, 0.49).numpy().all()


def test_no_objects_and_wild_predictions():
    decoded = np.float32([[[np.nan] * 4, [-1e30, -1e30, 1e30, 1e30]]])
    gclasses = np.zeros([1, 2], np.int32)
    for count in (0, 2):
        ignored = matchers.ignore_by_prediction(
            decoded,
            np.zeros([1, count, 4], np.float32),
            np.zeros([1, count], np.int32),
            gclasses,
            0.5,
        )
        assert not ignored.numpy().any()


def test_nothing_flows_back():
    decoded = tf.Variable([[[0.0, 0.0, 0.5, 0.5]]])
    with tf.GradientTape() as tape:
        ignored = matchers.ignore_by_prediction(
            decoded,
            tf.constant([[[0.0, 0.0, 0.5, 0.5]]]),
            tf.constant([[1]]),
            tf.constant([[0]]),
            0.5,
        )
        total = tf.reduce_sum(tf.cast(ignored, tf.float32))
    assert tape.gradient(total, decoded) is None
