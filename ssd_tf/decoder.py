"""Decoder: the network's outputs -> detections, in graph, for any batch.

Caffe's test time (weiliu89/caffe, detection_output_layer.cpp): softmax,
decode without clipping, for each class the scores above a threshold, the best
400, NMS, and the best 200 of an image over all classes.
"""

import functools
import math
from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from ssd_tf.anchors import build_anchors
from ssd_tf.box_coder import BoxCoder
from ssd_tf.config import DetectorConfig

# More than the rounding errors of float32 logits can add up to.
_ROUNDING = 1e-3


class Detections(NamedTuple):
    """Detections of a batch, best first, padded with zeros to K per image."""

    boxes: tf.Tensor  # [B, K, 4] float32 yxyx, normalised, not clipped
    scores: tf.Tensor  # [B, K] float32
    classes: tf.Tensor  # [B, K] int32, 1..C; 0 is padding
    num_detections: tf.Tensor  # [B] int32


class Decoder:
    """Decodes outputs into detections.

    Args:
      config: anchors, box code, and the thresholds that are not given here.
      score_threshold: detections score above it.
      nms_iou_threshold: overlap above which the lower score goes.
      pre_nms_top_k: boxes per class that enter NMS.
      max_detections: K, detections per image.
      multi_label: let a box be detected as several classes, as Caffe does.
        If not, each box keeps its best class only, those that are most likely
        background are dropped, and the top k is over all classes.
      agnostic_nms: one object, one class: a box keeps its best class of an
        object only, and boxes of all classes suppress one another; the top k
        is over all classes.
    """

    def __init__(
        self,
        config: DetectorConfig,
        *,
        score_threshold: float | None = None,
        nms_iou_threshold: float | None = None,
        pre_nms_top_k: int | None = None,
        max_detections: int | None = None,
        multi_label: bool = True,
        agnostic_nms: bool = False,
    ):
        self.anchors = build_anchors(config)
        self.num_classes = config.num_classes
        self.coder = BoxCoder(
            config.variances, config.encode_variance_in_target
        )
        self.score_threshold = _given(score_threshold, config.score_threshold)
        self.nms_iou_threshold = _given(
            nms_iou_threshold, config.nms_iou_threshold
        )
        self.pre_nms_top_k = min(
            _given(pre_nms_top_k, config.pre_nms_top_k), len(self.anchors)
        )
        self.max_detections = _given(max_detections, config.max_detections)
        self._least_margin = _logit(self.score_threshold)
        self.multi_label = multi_label
        self.agnostic_nms = agnostic_nms

    def __call__(self, outputs) -> Detections:
        """Decodes {"logits": [B, A, C + 1], "localisations": [B, A, 4]}.

        Raises:
          ValueError: outputs of another number of anchors or classes.
        """
        logits, offsets = self._checked(outputs)
        # Almost all anchors are background; only the others go on.
        index = self._promising(logits)  # [B, n]
        return self._suppress(
            *self._candidates(
                tf.gather(logits, index, axis=1, batch_dims=1),
                tf.gather(offsets, index, axis=1, batch_dims=1),
                tf.gather(self.anchors.boxes, index),
                count=self._count_needed,
            )
        )

    def candidates(self, outputs):
        """The input of NMS, for formats with an NMS of their own.

        From outputs as of a call -> boxes [B, k, C, 4] yxyx and scores
        [B, k, C], each class on its own. If not `multi_label`, or with
        `agnostic_nms`, the boxes are [B, k, 1, 4], for all classes, and have a
        score for one class each.
        """
        logits, offsets = self._checked(outputs)
        anchors = tf.broadcast_to(self.anchors.boxes, tf.shape(offsets))
        return self._candidates(
            logits, offsets, anchors, count=lambda _: self.pre_nms_top_k
        )

    def _checked(self, outputs):
        """Logits [B, A, C + 1] and offsets [B, A, 4], both float32."""
        num_anchors = len(self.anchors)
        logits = tf.ensure_shape(
            tf.cast(outputs["logits"], tf.float32),
            [None, num_anchors, self.num_classes + 1],
        )
        offsets = tf.ensure_shape(
            tf.cast(outputs["localisations"], tf.float32),
            [None, num_anchors, 4],
        )
        return logits, offsets

    def _promising(self, logits):
        """Anchors [B, n], ascending, with all that may pass the threshold.

        With m the largest logit of a class and b that of the background, no
        score exceeds e^m / (e^m + e^b). An untrained network needs n = A.
        """
        best = tf.reduce_max(logits[..., 1:], axis=-1)
        margin = best - logits[..., 0]  # [B, A]
        may_pass = margin > self._least_margin - _ROUNDING
        counts = tf.reduce_sum(tf.cast(may_pass, tf.int32), axis=1)  # [B]
        count = tf.maximum(tf.reduce_max(counts), 1)
        _, index = tf.math.top_k(margin, k=count, sorted=False)
        # Of equal scores the first anchor is taken first.
        return tf.sort(index, axis=1)

    def _count_needed(self, scores):
        """k, at most `pre_nms_top_k`, for the scores [.., n] that pass."""
        passes = tf.cast(scores > self.score_threshold, tf.int32)
        most = tf.reduce_max(tf.reduce_sum(passes, axis=-1))
        limit = tf.minimum(self.pre_nms_top_k, tf.shape(scores)[-1])
        return tf.clip_by_value(most, 1, limit)

    def _candidates(self, logits, offsets, anchors, *, count: Callable):
        """`candidates` of anchors [B, n, 4]; `count`: scores [.., n] -> k."""
        probabilities = tf.nn.softmax(logits)  # [B, n, C + 1]
        if self.multi_label and not self.agnostic_nms:
            scores, index = self._best_of_each_class(probabilities, count)
        else:
            scores, index = self._best_of_each_box(probabilities, count)
        # Only candidates are decoded. [B, k, C] or [B, k, 1] of boxes.
        boxes = self.coder.decode(
            tf.gather(offsets, index, axis=1, batch_dims=1),
            tf.gather(anchors, index, axis=1, batch_dims=1),
        )
        return boxes, scores

    def _best_of_each_class(self, probabilities, count: Callable):
        """Scores [B, k, C] and anchors [B, k, C] of each class's best."""
        class_scores = tf.transpose(probabilities[..., 1:], [0, 2, 1])
        # [B, C, n] -> [B, C, k]
        scores, index = tf.math.top_k(class_scores, k=count(class_scores))
        return tf.transpose(scores, [0, 2, 1]), tf.transpose(index, [0, 2, 1])

    def _best_of_each_box(self, probabilities, count: Callable):
        """Scores [B, k, C], one of them non-zero, and anchors [B, k, 1]."""
        # With several labels background is none of them.
        first = 1 if self.multi_label else 0
        labels = probabilities[..., first:]
        best_class = first + tf.argmax(labels, axis=-1, output_type=tf.int32)
        best_score = tf.where(
            best_class > 0, tf.reduce_max(labels, axis=-1), 0.0
        )  # [B, n]
        scores, index = tf.math.top_k(best_score, k=count(best_score))
        chosen = tf.gather(best_class, index, axis=1, batch_dims=1)  # [B, k]
        one_hot = tf.one_hot(chosen - 1, self.num_classes)  # [B, k, C]
        return one_hot * scores[..., None], index[..., None]

    def _suppress(self, boxes, scores) -> Detections:
        """NMS of [B, k, C or 1, 4] boxes with [B, k, C] scores."""
        if self.agnostic_nms:
            return self._suppress_any_class(boxes[:, :, 0], scores)
        result = tf.image.combined_non_max_suppression(
            boxes,
            scores,
            max_output_size_per_class=self.pre_nms_top_k,
            max_total_size=self.max_detections,
            iou_threshold=self.nms_iou_threshold,
            score_threshold=self.score_threshold,
            clip_boxes=False,
        )
        count = result.valid_detections  # [B]
        is_real = tf.sequence_mask(count, self.max_detections)  # [B, K]
        classes = tf.cast(result.nmsed_classes, tf.int32) + 1
        return Detections(
            boxes=result.nmsed_boxes,
            scores=result.nmsed_scores,
            classes=tf.where(is_real, classes, 0),
            num_detections=count,
        )

    def _suppress_any_class(self, boxes, scores) -> Detections:
        """NMS of [B, k, 4] boxes with [B, k, C] scores, one class each."""
        labels = 1 + tf.argmax(scores, axis=-1, output_type=tf.int32)  # [B, k]
        scores = tf.reduce_max(scores, axis=-1)  # [B, k]

        # The operator for batches does not tell which boxes it kept.
        def of_image(tensors):
            boxes, scores = tensors
            return tuple(
                tf.raw_ops.NonMaxSuppressionV4(
                    boxes=boxes,
                    scores=scores,
                    max_output_size=self.max_detections,
                    iou_threshold=self.nms_iou_threshold,
                    score_threshold=self.score_threshold,
                    pad_to_max_output_size=True,
                )
            )

        limit = self.max_detections
        kept, count = tf.map_fn(
            of_image,
            (boxes, scores),
            fn_output_signature=(
                tf.TensorSpec([limit], tf.int32),
                tf.TensorSpec([], tf.int32),
            ),
        )  # [B, K], [B]
        is_real = tf.sequence_mask(count, limit)  # [B, K]
        take = functools.partial(tf.gather, indices=kept, batch_dims=1, axis=1)
        return Detections(
            boxes=tf.where(is_real[..., None], take(boxes), 0.0),
            scores=tf.where(is_real, take(scores), 0.0),
            classes=tf.where(is_real, take(labels), 0),
            num_detections=count,
        )


def _given(value, default):
    return default if value is None else value


def _logit(probability: float) -> float:
    """ln(p / (1 - p)), infinite at 0 and 1."""
    if 0.0 < probability < 1.0:
        return math.log(probability / (1.0 - probability))
    return math.copysign(math.inf, probability - 0.5)
