"""NMS of LiteRT and ONNX, whose operators take one class at a time.

With `Decoder.agnostic_nms` all classes are as one, and each box knows its own.
"""

import math
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from ssd_tf.decoder import Decoder

ONNX_OPSET, ONNX_IR_VERSION = 17, 8


class Candidates(NamedTuple):
    """Boxes that may be detected, each group on its own, before NMS.

    A group G is a class, or all of them with `Decoder.agnostic_nms`.

    Attributes:
      boxes: [B, G, k, 4] float32 yxyx, not clipped.
      scores: [B, G, k] float32.
      classes: [B, k] float32, 0..C-1, of a group of all classes; else None.
    """

    boxes: tf.Tensor
    scores: tf.Tensor
    classes: tf.Tensor | None = None


def count_groups(decoder: Decoder) -> int:
    """Groups G of boxes that suppress one another."""
    return 1 if decoder.agnostic_nms else decoder.num_classes


def candidates_per_group(decoder: Decoder) -> int:
    """Boxes k of each group that `group_candidates` gives."""
    return max(
        decoder.pre_nms_top_k,
        math.ceil(decoder.max_detections / count_groups(decoder)),
    )


def group_candidates(decoder: Decoder, outputs) -> Candidates:
    """Boxes that may be detected.

    There are at least K of them in an image, so that the best K can be taken
    without another case; those added have score 0 and are never detected.
    """
    boxes, scores = decoder.candidates(outputs)
    classes = None
    if decoder.agnostic_nms:
        classes = tf.argmax(scores, axis=-1, output_type=tf.int32)  # [B, k]
        classes = tf.cast(classes, tf.float32)
        scores = tf.reduce_max(scores, axis=-1, keepdims=True)  # [B, k, 1]
    elif boxes.shape[2] != decoder.num_classes:  # boxes for all classes
        boxes = tf.repeat(boxes, decoder.num_classes, axis=2)
    boxes = tf.transpose(boxes, [0, 2, 1, 3])  # [B, G, k, 4]
    scores = tf.transpose(scores, [0, 2, 1])  # [B, G, k]
    missing = candidates_per_group(decoder) - decoder.pre_nms_top_k
    if missing > 0:
        boxes = tf.pad(boxes, [[0, 0], [0, 0], [0, missing], [0, 0]])
        scores = tf.pad(scores, [[0, 0], [0, 0], [0, missing]])
        if classes is not None:
            classes = tf.pad(classes, [[0, 0], [0, missing]])
    return Candidates(boxes, scores, classes)


def _least_suppressed_iou(threshold: float) -> float:
    """The next float32 above a threshold, at most 1.

    LiteRT's NMS drops boxes that overlap as much as its threshold, the
    decoder's those that overlap more. So at 1 boxes that are equal become
    one here, as LiteRT takes nothing above 1.
    """
    above = float(np.nextafter(np.float32(threshold), np.float32(np.inf)))
    # Subnormal numbers may be taken for 0.
    return min(max(above, float(np.finfo(np.float32).tiny)), 1.0)


def litert_detections(decoder: Decoder, outputs) -> dict[str, tf.Tensor]:
    """Detections of one image in operators that LiteRT has.

    Takes the network's outputs {"logits": [1, A, C + 1], "localisations":
    [1, A, 4]}, gives those of `ssd_tf.serving.litert` by name.
    """
    boxes, scores, classes = group_candidates(decoder, outputs)
    return litert_nms(
        boxes[0],
        scores[0],
        decoder,
        classes=None if classes is None else classes[0],
    )


def litert_nms(
    boxes, scores, decoder: Decoder, *, classes=None
) -> dict[str, tf.Tensor]:
    """`litert_detections` of [G, k, 4] boxes with [G, k] scores.

    `classes` [k] are those of a group of all classes; None if each is a class.
    """
    limit = decoder.max_detections
    kept_boxes, kept_scores = [], []
    for class_boxes, class_scores in zip(
        tf.unstack(boxes), tf.unstack(scores), strict=True
    ):
        # Version 4, padded, is the one with an operator in LiteRT.
        index, count = tf.raw_ops.NonMaxSuppressionV4(
            boxes=class_boxes,
            scores=class_scores,
            max_output_size=limit,
            iou_threshold=_least_suppressed_iou(decoder.nms_iou_threshold),
            score_threshold=decoder.score_threshold,
            pad_to_max_output_size=True,
        )
        is_kept = tf.range(limit) < count
        kept_boxes.append(tf.gather(class_boxes, index))
        kept_scores.append(
            tf.where(is_kept, tf.gather(class_scores, index), 0.0)
        )
    best_scores, best = tf.math.top_k(tf.concat(kept_scores, axis=0), limit)
    is_real = best_scores > 0.0  # [K]
    best_boxes = tf.gather(tf.concat(kept_boxes, axis=0), best)
    best_boxes = tf.clip_by_value(best_boxes, 0.0, 1.0)
    if classes is None:
        classes = tf.repeat(
            tf.range(decoder.num_classes, dtype=tf.float32), limit
        )
    else:
        classes = tf.gather(classes, index)
    classes = tf.gather(classes, best)
    found = {
        "detection_boxes": tf.where(is_real[:, None], best_boxes, 0.0),
        "detection_classes": tf.where(is_real, classes, 0.0),
        "detection_scores": best_scores,
        "num_detections": tf.reduce_sum(tf.cast(is_real, tf.float32)),
    }
    return {name: value[None] for name, value in found.items()}


def onnx_nms(decoder: Decoder) -> str:
    """The model from candidates to detections, in ONNX' textual syntax.

    Its inputs are those of `group_candidates`, by name. Each group of each
    image is an image of its own to NonMaxSuppression, as it has its own
    candidates. What is not kept gets the score 0.
    """
    groups, limit = count_groups(decoder), decoder.max_detections
    k = candidates_per_group(decoder)
    total = groups * k
    classes_input, find_class = (
        "",
        """nms_index = Div (nms_best, nms_count)
    nms_class = Cast <to = 1> (nms_index)""",
    )
    if decoder.agnostic_nms:
        classes_input = f", float[B, {k}] classes"
        find_class = "nms_class = GatherElements <axis = 1> (classes, nms_best)"
    return f"""
<ir_version: {ONNX_IR_VERSION}, opset_import: ["": {ONNX_OPSET}]>
nms (
    float[B, {groups}, {k}, 4] boxes,
    float[B, {groups}, {k}] scores{classes_input}
)
=> (
    float[B, {limit}, 4] detection_boxes,
    float[B, {limit}] detection_scores,
    float[B, {limit}] detection_classes,
    float[B] num_detections
)
<
    int64[3] nms_boxes_shape = {{-1, {k}, 4}},
    int64[3] nms_scores_shape = {{-1, 1, {k}}},
    int64[2] nms_image_shape = {{-1, {total}}},
    int64[3] nms_image_boxes_shape = {{-1, {total}, 4}},
    int64[1] nms_limit = {{{limit}}},
    int64[1] nms_last_axis = {{-1}},
    int64[1] nms_first_axis = {{1}},
    int64 nms_count = {{{k}}},
    float nms_iou_threshold = {{{decoder.nms_iou_threshold!r}}},
    float nms_score_threshold = {{{decoder.score_threshold!r}}},
    float nms_zero = {{0.0}},
    float nms_one = {{1.0}}
>
{{
    nms_flat_boxes = Reshape (boxes, nms_boxes_shape)
    nms_flat_scores = Reshape (scores, nms_scores_shape)
    nms_kept = NonMaxSuppression (
        nms_flat_boxes, nms_flat_scores,
        nms_limit, nms_iou_threshold, nms_score_threshold
    )
    nms_kept_scores = GatherND (nms_flat_scores, nms_kept)
    nms_nothing = Mul (nms_flat_scores, nms_zero)
    nms_survivors = ScatterND (nms_nothing, nms_kept, nms_kept_scores)
    nms_image_scores = Reshape (nms_survivors, nms_image_shape)
    detection_scores, nms_best = TopK <axis = -1> (nms_image_scores, nms_limit)
    nms_is_real = Greater (detection_scores, nms_zero)
    nms_image_boxes = Reshape (boxes, nms_image_boxes_shape)
    nms_best_column = Unsqueeze (nms_best, nms_last_axis)
    nms_best_boxes = GatherND <batch_dims = 1> (
        nms_image_boxes, nms_best_column
    )
    nms_clipped = Clip (nms_best_boxes, nms_zero, nms_one)
    nms_real_column = Unsqueeze (nms_is_real, nms_last_axis)
    detection_boxes = Where (nms_real_column, nms_clipped, nms_zero)
    {find_class}
    nms_label = Add (nms_class, nms_one)
    detection_classes = Where (nms_is_real, nms_label, nms_zero)
    nms_ones = Cast <to = 1> (nms_is_real)
    num_detections = ReduceSum <keepdims = 0> (nms_ones, nms_first_axis)
}}
"""
