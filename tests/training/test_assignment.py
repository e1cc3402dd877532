"""Assignment that depends on predictions."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from ssd_tf import BoxCoder, MultiBoxLoss, build_anchors
from ssd_tf.data.pipeline import TrainingBatch
from ssd_tf.training.assignment import (
    ignore_by_prediction,
    localisation_weights,
    training_encoder,
)

OBJECT = [0.1, 0.2, 0.6, 0.7]


def make_batch(config, predicted_boxes):
    """One image with one object, and outputs that predict given boxes."""
    labels = tf.constant([[2, 0]])
    boxes = tf.constant([[OBJECT, [0.0, 0.0, 0.0, 0.0]]])
    targets = training_encoder(config)(labels, boxes)
    batch = TrainingBatch(tf.zeros([1, 64, 64, 3]), targets, boxes, labels)
    anchors = build_anchors(config)
    offsets = BoxCoder().encode(
        tf.broadcast_to(
            tf.constant(predicted_boxes, tf.float32), anchors.boxes.shape
        ),
        anchors.boxes,
    )
    return batch, {"localisations": offsets[None]}


@pytest.mark.parametrize("matcher", ["yolov2", "yolov3"])
def test_good_predictions_are_ignored(small_detector, matcher):
    params = (("level", 1),) if matcher == "yolov2" else ()
    config = dataclasses.replace(
        small_detector, matcher=matcher, matcher_params=params
    )
    batch, outputs = make_batch(config, OBJECT)
    assert not (batch.targets.gscores.numpy() < 0).any()
    targets = ignore_by_prediction(training_encoder(config), batch, outputs)
    positive = targets.gclasses.numpy() > 0
    assert positive.sum() == 1
    np.testing.assert_array_equal(targets.gscores.numpy() == -1, ~positive)


def test_bad_predictions_are_background(small_detector):
    config = dataclasses.replace(small_detector, matcher="yolov3")
    batch, outputs = make_batch(config, [0.7, 0.7, 0.9, 0.9])
    targets = ignore_by_prediction(training_encoder(config), batch, outputs)
    assert not (targets.gscores.numpy() < 0).any()


def test_other_matchers_do_not_look_at_predictions(small_detector):
    batch, outputs = make_batch(small_detector, OBJECT)
    encoder = training_encoder(small_detector)
    assert ignore_by_prediction(encoder, batch, outputs) is batch.targets
    assert localisation_weights(encoder, batch.targets) is None


def test_nothing_flows_back_through_the_answer(small_detector):
    config = dataclasses.replace(small_detector, matcher="yolov3")
    batch, outputs = make_batch(config, OBJECT)
    offsets = outputs["localisations"]
    with tf.GradientTape() as tape:
        tape.watch(offsets)
        targets = ignore_by_prediction(
            training_encoder(config), batch, {"localisations": offsets}
        )
        total = tf.reduce_sum(targets.gscores)
    assert tape.gradient(total, offsets) is None


def test_centerness_weighs_the_localisation_loss(small_detector):
    config = dataclasses.replace(
        small_detector,
        matcher="fcos",
        matcher_params=(("centerness_weight", True),),
    )
    batch, outputs = make_batch(config, [0.0, 0.0, 1.0, 1.0])
    outputs["logits"] = tf.zeros([1, 320, 5])
    weights = localisation_weights(training_encoder(config), batch.targets)
    positive = batch.targets.gclasses.numpy() > 0
    inside = weights.numpy()[positive]
    assert positive.sum() > 4
    assert (inside > 0).all() and (inside <= 1).all() and inside.min() < 0.9
    plain = MultiBoxLoss()(batch.targets, outputs)
    weighted = MultiBoxLoss()(
        batch.targets, outputs, localisation_weights=weights
    )
    assert float(weighted.localisation) < 0.95 * float(plain.localisation)
    assert float(weighted.classification) == float(plain.classification)
