"""Decoder: the network's outputs -> detections, in graph, for any batch.

Caffe's test time (weiliu89/caffe, detection_output_layer.cpp): softmax,
decode without clipping, for each class the scores above a threshold, the best
400, NMS, and the best 200 of an image over all classes.
"""

from typing import NamedTuple

import tensorflow as tf

from ssd_tf.anchors import build_anchors
from ssd_tf.box_coder import BoxCoder
from ssd_tf.config import DetectorConfig


class Detections(NamedTuple):
    """Detections of a batch, best first, padded with zeros to K per image.

    Attributes:
      boxes: [B, K, 4] float32 yxyx, normalised to the image, not clipped.
      scores: [B, K] float32.
      classes: [B, K] int32, 1..C; 0 is padding.
      num_detections: [B] int32.
    """

    boxes: tf.Tensor
    scores: tf.Tensor
    classes: tf.Tensor
    num_detections: tf.Tensor


class Decoder:
    """Decodes outputs into detections.

    Args:
      config: anchors, box code and default thresholds.
      score_threshold: detections score above it; None takes the config's.
      nms_iou_threshold: overlap above which the lower score goes; likewise.
      pre_nms_top_k: boxes per class that enter NMS; likewise.
      max_detections: K, detections per image; likewise.
      multi_label: whether a box may be detected as several classes (Caffe).
        If not, each box keeps its best class only and boxes that are
        background most likely are dropped; the top k is then over all
        classes.
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
    ):
        def given(value, default):
            return default if value is None else value

        self.anchors = build_anchors(config)
        self.num_classes = config.num_classes
        self.coder = BoxCoder(
            config.variances, config.encode_variance_in_target
        )
        self.score_threshold = given(score_threshold, config.score_threshold)
        self.nms_iou_threshold = given(
            nms_iou_threshold, config.nms_iou_threshold
        )
        self.pre_nms_top_k = min(
            given(pre_nms_top_k, config.pre_nms_top_k), len(self.anchors)
        )
        self.max_detections = given(max_detections, config.max_detections)
        self.multi_label = multi_label

    def __call__(self, outputs) -> Detections:
        """Decodes {"logits": [B, A, C + 1], "localisations": [B, A, 4]}.

        Raises:
          ValueError: outputs of another number of anchors or classes.
        """
        num_anchors = len(self.anchors)
        logits = tf.ensure_shape(
            tf.cast(outputs["logits"], tf.float32),
            [None, num_anchors, self.num_classes + 1],
        )
        offsets = tf.ensure_shape(
            tf.cast(outputs["localisations"], tf.float32),
            [None, num_anchors, 4],
        )
        probabilities = tf.nn.softmax(logits)  # [B, A, C + 1]
        if self.multi_label:
            scores, index = self._best_of_each_class(probabilities)
        else:
            scores, index = self._best_of_each_box(probabilities)
        # Only candidates are decoded. [B, k, C] or [B, k, 1] of boxes.
        boxes = self.coder.decode(
            tf.gather(offsets, index, axis=1, batch_dims=1),
            tf.gather(self.anchors.boxes, index),
        )
        return self._suppress(boxes, scores)

    def _best_of_each_class(self, probabilities):
        """Scores [B, k, C] and anchors [B, k, C] of each class's best."""
        class_scores = tf.transpose(
            probabilities[..., 1:], [0, 2, 1]
        )  # [B, C, A]
        scores, index = tf.math.top_k(class_scores, k=self.pre_nms_top_k)
        return tf.transpose(scores, [0, 2, 1]), tf.transpose(index, [0, 2, 1])

    def _best_of_each_box(self, probabilities):
        """Scores [B, k, C], one of them non-zero, and anchors [B, k, 1]."""
        best_class = tf.argmax(probabilities, axis=-1, output_type=tf.int32)
        best_score = tf.where(
            best_class > 0, tf.reduce_max(probabilities, axis=-1), 0.0
        )  # [B, A]
        scores, index = tf.math.top_k(best_score, k=self.pre_nms_top_k)
        chosen = tf.gather(best_class, index, axis=1, batch_dims=1)  # [B, k]
        one_hot = tf.one_hot(chosen - 1, self.num_classes)  # [B, k, C]
        return one_hot * scores[..., None], index[..., None]

    def _suppress(self, boxes, scores) -> Detections:
        """NMS of [B, k, C or 1, 4] boxes with [B, k, C] scores."""
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
