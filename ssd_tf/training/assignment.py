"""The part of label assignment that depends on what the network predicts.

Most strategies are done in the input pipeline. YOLOv2 and YOLOv3 also ignore
anchors whose predicted box overlaps an object, and FCOS can weight positives
by how central they are; both happen here, in the training step.
"""

import dataclasses

import tensorflow as tf

from ssd_tf import matchers
from ssd_tf.config import DetectorConfig
from ssd_tf.target_encoder import IGNORED_SCORE, EncodedTargets, TargetEncoder


def training_encoder(detector: DetectorConfig) -> TargetEncoder:
    """The encoder for the input pipeline of training.

    Where the step ignores by predictions, the encoder does not ignore by
    default boxes as well.
    """
    matcher = matchers.build_matcher(detector.matcher, detector.matcher_params)
    if matcher.prediction_ignore_iou is not None:
        params = {**dict(detector.matcher_params), "static_ignore": False}
        detector = dataclasses.replace(
            detector, matcher_params=tuple(params.items())
        )
    return TargetEncoder(detector)


class StepAssignment:
    """Completes the targets of a batch in the training step.

    Args:
      detector: anchors, box code and matcher.
    """

    def __init__(self, detector: DetectorConfig):
        encoder = training_encoder(detector)
        self._anchors = encoder.anchors
        self._coder = encoder.coder
        self._ignore_iou = encoder.matcher.prediction_ignore_iou
        self._weight_by_centerness = encoder.matcher.centerness_weight

    def targets(self, batch, outputs) -> EncodedTargets:
        """The batch's targets, with what the predictions exclude ignored.

        Args:
          batch: `ssd_tf.data.pipeline.TrainingBatch`.
          outputs: the detector's; nothing flows back through them.
        """
        targets = batch.targets
        if self._ignore_iou is None:
            return targets
        predicted = self._coder.decode(
            tf.stop_gradient(outputs["localisations"]), self._anchors.boxes
        )  # [B, A, 4]
        ignored = matchers.ignore_by_prediction(
            predicted,
            batch.gt_boxes,
            batch.gt_labels,
            targets.gclasses,
            self._ignore_iou,
        )  # [B, A]
        return targets._replace(
            gscores=tf.where(ignored, IGNORED_SCORE, targets.gscores)
        )

    def localisation_weights(self, targets: EncodedTargets):
        """Weights [B, A] of the positives' localisation loss, or None."""
        if not self._weight_by_centerness:
            return None
        assigned = self._coder.decode(
            targets.glocalisations, self._anchors.boxes
        )  # [B, A, 4]
        return matchers.centerness(assigned, self._anchors)
