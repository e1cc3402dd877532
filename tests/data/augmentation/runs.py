"""Policies run over many seeds, in a graph made once for each policy."""

import functools

import numpy as np
import tensorflow as tf

from ssd_tf.data.augmentation import augment

# Nothing in common with the mean: black, and one white object.
IMAGE = np.zeros((270, 360, 3), np.uint8)
IMAGE[90:180, 45:225] = 255
BOX = np.float32([[90 / 270, 45 / 360, 180 / 270, 225 / 360]])


def seeds_of(count):
    return [[3, i] for i in range(count)]


@functools.cache
def _in_graph(policy, size):
    def function(image, gt_labels, gt_boxes, seed):
        return augment(
            image, gt_labels, gt_boxes, policy=policy, size=size, seed=seed
        )

    return tf.function(
        function,
        input_signature=[
            tf.TensorSpec([None, None, 3], tf.uint8),
            tf.TensorSpec([None], tf.int32),
            tf.TensorSpec([None, 4], tf.float32),
            tf.TensorSpec([2], tf.int32),
        ],
    )


def run(policy, seeds, *, image=IMAGE, boxes=BOX, size=40):
    """(image, labels, boxes) as arrays for each seed."""
    boxes = np.float32(boxes).reshape(-1, 4)
    labels = np.arange(1, len(boxes) + 1, dtype=np.int32)
    function = _in_graph(policy, size)
    return [
        tuple(part.numpy() for part in function(image, labels, boxes, seed))
        for seed in seeds
    ]
