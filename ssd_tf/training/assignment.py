"""The part of label assignment that depends on what the network predicts.

Most strategies are done in the input pipeline. YOLOv2 and YOLOv3 also ignore
anchors whose predicted box overlaps an object, and FCOS can weight positives
by how central they are; both happen here, in the training step.
"""

import tensorflow as tf

from ssd_tf import matchers
from ssd_tf.config import DetectorConfig
from ssd_tf.target_encoder import IGNORED_SCORE, EncodedTargets, TargetEncoder


def training_encoder(
    config: DetectorConfig, *, matcher: matchers.Matcher | None = None
) -> TargetEncoder:
    """Makes the `TargetEncoder` for the input pipeline of training."""
    matcher = matcher or matchers.build_matcher(
        config.matcher, config.matcher_params
    )
    # Or anchors would be ignored by their own boxes and by the predicted ones.
    return TargetEncoder(config, matcher=matcher.in_training())


class StepAssignment:
    """Completes the targets of a batch in the training step.

    Args:
      encoder: that of the input pipeline, from `training_encoder`.
    """

    def __init__(self, encoder: TargetEncoder):
        self._anchors = encoder.anchors
        self._coder = encoder.coder
        self._ignore_iou = encoder.matcher.prediction_ignore_iou
        self._weight_by_centerness = encoder.matcher.centerness_weight

    def targets(self, batch, outputs) -> EncodedTargets:
        """The batch's targets, with what the predictions exclude ignored.

        Args:
          batch: `ssd_tf.data.pipeline.TrainingBatch`.
          outputs: the detector's; no gradient passes through them here.
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
