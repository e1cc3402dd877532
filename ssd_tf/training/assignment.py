"""The part of the assignment of objects to anchors that training decides.

Most strategies are done in the input pipeline; some look at what the detector
predicts, or weight their positives.
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


def ignore_by_prediction(
    encoder: TargetEncoder, batch, outputs
) -> EncodedTargets:
    """The targets of a `TrainingBatch`, what predictions exclude ignored.

    YOLOv2 and YOLOv3 ignore anchors whose predicted box overlaps an object.
    No gradient passes.
    """
    targets, threshold = batch.targets, encoder.matcher.prediction_ignore_iou
    if threshold is None:
        return targets
    predicted = encoder.coder.decode(
        tf.stop_gradient(outputs["localisations"]), encoder.anchors.boxes
    )  # [B, A, 4]
    ignored = matchers.ignore_by_prediction(
        predicted, batch.gt_boxes, batch.gt_labels, targets.gclasses, threshold
    )  # [B, A]
    return targets._replace(
        gscores=tf.where(ignored, IGNORED_SCORE, targets.gscores)
    )


def localisation_weights(encoder: TargetEncoder, targets: EncodedTargets):
    """Weights [B, A] of the positives' localisation loss, or None.

    FCOS can weight positives by how central they are.
    """
    if not encoder.matcher.centerness_weight:
        return None
    assigned = encoder.coder.decode(
        targets.glocalisations, encoder.anchors.boxes
    )  # [B, A, 4]
    return matchers.centerness(assigned, encoder.anchors)
