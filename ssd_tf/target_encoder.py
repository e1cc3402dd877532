"""Target encoder: objects of an image -> dense targets, one per anchor."""

from typing import NamedTuple

import tensorflow as tf

from ssd_tf import matchers
from ssd_tf.anchors import build_anchors
from ssd_tf.box_coder import BoxCoder
from ssd_tf.config import DetectorConfig


class EncodedTargets(NamedTuple):
    """Training targets of A anchors.

    Attributes:
      gclasses: [.., A] int32, 0 background, 1..C object; positive if > 0.
      glocalisations: [.., A, 4] float32 offsets cx, cy, w, h; zero unless
        positive, always finite.
      gscores: [.., A] float32 IoU with the assigned object; of background the
        best IoU; -1 if ignored.
    """

    gclasses: tf.Tensor
    glocalisations: tf.Tensor
    gscores: tf.Tensor


IGNORED_SCORE = -1.0


class TargetEncoder:
    """Encodes labels and boxes into targets, eagerly or in `Dataset.map`.

    Args:
      config: anchors, box code, and the matcher with its parameters.
      matcher: takes the place of the config's.

    Raises:
      InputError: for an unknown matcher or parameter.
    """

    def __init__(
        self, config: DetectorConfig, *, matcher: matchers.Matcher | None = None
    ):
        self.anchors = build_anchors(config)
        self.matcher = matcher or matchers.build_matcher(
            config.matcher, config.matcher_params
        )
        self.coder = BoxCoder(
            config.variances, config.encode_variance_in_target
        )
        num_anchors = len(self.anchors)
        self._signature = EncodedTargets(
            tf.TensorSpec([num_anchors], tf.int32),
            tf.TensorSpec([num_anchors, 4], tf.float32),
            tf.TensorSpec([num_anchors], tf.float32),
        )

    def __call__(self, gt_labels, gt_boxes) -> EncodedTargets:
        """Encodes one image, or a batch of images with padded objects.

        Args:
          gt_labels: [M] or [B, M] integers, 1..C; 0 is padding.
          gt_boxes: [M, 4] or [B, M, 4] float32 yxyx, normalised.

        Raises:
          ValueError: for other shapes.
        """
        gt_labels = tf.cast(tf.convert_to_tensor(gt_labels), tf.int32)
        gt_boxes = tf.cast(tf.convert_to_tensor(gt_boxes), tf.float32)
        _check_shapes(gt_labels.shape, gt_boxes.shape)
        if gt_boxes.shape.rank == 2:
            return self._encode_image(gt_labels, gt_boxes)
        return tf.map_fn(
            lambda image: self._encode_image(*image),
            (gt_labels, gt_boxes),
            fn_output_signature=self._signature,
        )

    def _encode_image(self, gt_labels, gt_boxes) -> EncodedTargets:
        match = self.matcher(gt_boxes, gt_labels, self.anchors)
        # Positives are few: only they are encoded.
        rows = tf.where(match.gt_index >= 0)  # [P, 1]
        objects = tf.gather_nd(match.gt_index, rows)  # [P]
        labels = tf.gather(gt_labels, objects)  # [P]
        offsets = self.coder.encode(
            gt_boxes, self.anchors.boxes, pairs=(objects, rows[:, 0])
        )  # [P, 4]
        gscores = tf.where(
            match.gt_index == matchers.IGNORED, IGNORED_SCORE, match.quality
        )
        num_anchors = len(self.anchors)
        return EncodedTargets(
            tf.scatter_nd(rows, labels, [num_anchors]),
            tf.scatter_nd(rows, offsets, [num_anchors, 4]),
            # A matcher from outside may give any shape.
            tf.ensure_shape(gscores, [num_anchors]),
        )


def _check_shapes(labels_shape, boxes_shape):
    if boxes_shape.rank not in (2, 3) or boxes_shape[-1] != 4:
        raise ValueError(
            f"gt_boxes must be [M, 4] or [B, M, 4], got {boxes_shape}"
        )
    if labels_shape.rank != boxes_shape.rank - 1 or not (
        labels_shape.is_compatible_with(boxes_shape[:-1])
    ):
        raise ValueError(
            f"gt_labels must be {tuple(boxes_shape[:-1])} to go with gt_boxes "
            f"{tuple(boxes_shape)}, got {tuple(labels_shape)}"
        )
