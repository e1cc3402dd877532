"""What enters the NMS of LiteRT and ONNX, which is written class by class."""

import math

import tensorflow as tf

from ssd_tf.decoder import Decoder


def candidates_per_class(decoder: Decoder) -> int:
    """k of `class_candidates`."""
    return max(
        decoder.pre_nms_top_k,
        math.ceil(decoder.max_detections / decoder.num_classes),
    )


def class_candidates(decoder: Decoder, outputs):
    """The decoder's candidates, the classes apart.

    There are at least K of them in an image, so that the best K can be taken
    without another case; those added have score 0 and are never detected.

    Args:
      decoder: with the thresholds.
      outputs: {"logits": [B, A, C + 1], "localisations": [B, A, 4]}.

    Returns:
      boxes [B, C, k, 4] float32 yxyx, not clipped, and scores [B, C, k].
    """
    boxes, scores = decoder.candidates(outputs)
    if boxes.shape[2] != decoder.num_classes:  # boxes for all classes
        boxes = tf.repeat(boxes, decoder.num_classes, axis=2)
    boxes = tf.transpose(boxes, [0, 2, 1, 3])  # [B, C, k, 4]
    scores = tf.transpose(scores, [0, 2, 1])  # [B, C, k]
    missing = candidates_per_class(decoder) - decoder.pre_nms_top_k
    if missing > 0:
        boxes = tf.pad(boxes, [[0, 0], [0, 0], [0, missing], [0, 0]])
        scores = tf.pad(scores, [[0, 0], [0, 0], [0, missing]])
    return boxes, scores
