"""Prediction heads: one 3x3 convolution per level for classes and boxes."""

import keras

from ssd_tf.models import layers


def add_heads(maps, names, boxes_per_cell, num_outputs):
    """Predicts classes and offsets for every default box.

    A head's channels are box-major: channel a * K + c (weiliu89/caffe,
    model_libs.py, CreateMultiBoxHead), so that a reshape of the map gives the
    anchors' order.

    Args:
      maps: feature maps [B, f_k, f_k, C_k], fine to coarse.
      names: names of the levels.
      boxes_per_cell: A_k of each level.
      num_outputs: classes including background.

    Returns:
      dict of "logits" [B, A, num_outputs] and "localisations" [B, A, 4].
    """
    logits, localisations = [], []
    for features, name, boxes in zip(maps, names, boxes_per_cell, strict=True):
        logits.append(_head(features, boxes, num_outputs, f"{name}_mbox_conf"))
        localisations.append(_head(features, boxes, 4, f"{name}_mbox_loc"))
    # Scores and offsets stay float32 under mixed precision: softmax and the
    # exponential lose boxes in half precision.
    concat = keras.layers.Concatenate
    return {
        "logits": concat(axis=1, name="logits", dtype="float32")(logits),
        "localisations": concat(axis=1, name="localisations", dtype="float32")(
            localisations
        ),
    }


def _head(features, boxes, channels, name):
    x = keras.layers.Conv2D(
        boxes * channels,
        3,
        padding="same",
        kernel_initializer=layers.CAFFE_XAVIER,
        name=name,
    )(features)
    return keras.layers.Reshape((-1, channels), name=f"{name}_flat")(x)
