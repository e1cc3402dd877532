"""The training step, on any `tf.distribute` strategy."""

import contextlib
from collections.abc import Callable
from typing import NamedTuple

import keras
import tensorflow as tf

from ssd_tf import matchers
from ssd_tf.config import DetectorConfig, TrainConfig
from ssd_tf.data.pipeline import drop_objects, pad_objects
from ssd_tf.errors import InputError
from ssd_tf.losses import Losses, MultiBoxLoss
from ssd_tf.models import Backbone, build_detector, fold_frozen
from ssd_tf.target_encoder import IGNORED_SCORE, EncodedTargets, TargetEncoder
from ssd_tf.training.freezing import freeze
from ssd_tf.training.loss_scale import apply_where, build_loss_scale
from ssd_tf.training.non_finite import LeftOut
from ssd_tf.training.optimizer import (
    adjust_gradients,
    build_average,
    build_optimizer,
)
from ssd_tf.training.strategy import average_statistics


class StepFigures(NamedTuple):
    """What a step came to, scalars."""

    total: tf.Tensor
    classification: tf.Tensor
    localisation: tf.Tensor
    # Of the gradient before it is clipped; of several replicas the sum of
    # their norms, which is no less than the norm of their gradients' sum.
    gradient_norm: tf.Tensor


def training_encoder(
    config: DetectorConfig, *, matcher: matchers.Matcher | None = None
) -> TargetEncoder:
    """Makes the `TargetEncoder` for the input pipeline of training."""
    matcher = matcher or matchers.build_matcher(
        config.matcher, config.matcher_params
    )
    # Or anchors would be ignored by their own boxes and by the predicted ones.
    return TargetEncoder(config, matcher=matcher.in_training())


class Trainer:
    """Model, optimiser and averaged weights, with the step that trains them.

    Args:
      detector_config, train_config: the detector, and how to train it.
      strategy: the devices to train it on.
      loss: called as `MultiBoxLoss`, in place of the configurations' own.
      backbone, matcher: in place of those that `detector_config` names.

    Raises:
      InputError: `jit_compile` with several replicas.

    Attributes:
      encoder: the `TargetEncoder` for the input pipeline.
      model, optimizer: the detector, and what counts its steps.
      evaluated_model: the detector in float32, which is `model` itself where
        that is trained in float32; see `averaged_weights`.
      average: `WeightAverage`, or None.
      loss_scale: `LossScale` where float16 needs one, or None.
      left_out: `LeftOut`, the steps that were left out with `on_nan="skip"`.
      bad_step: int64 scalar, the first step whose loss or gradient was not
        finite, or of which too many were left out in a row, or -1. The state
        is of no use after it.
    """

    def __init__(
        self,
        detector_config: DetectorConfig,
        train_config: TrainConfig,
        strategy: tf.distribute.Strategy,
        *,
        loss: MultiBoxLoss | None = None,
        backbone: Backbone | None = None,
        matcher: matchers.Matcher | None = None,
    ):
        if train_config.jit_compile and strategy.num_replicas_in_sync > 1:
            raise InputError(
                "--jit_compile compiles for one device, got a strategy with "
                f"{strategy.num_replicas_in_sync} replicas, which TensorFlow "
                "cannot compile; leave it out, or train with "
                "--strategy=one_device"
            )
        self.strategy = strategy
        self.encoder = training_encoder(detector_config, matcher=matcher)
        self._train_config = train_config
        self._loss = loss or MultiBoxLoss(
            alpha=train_config.alpha,
            negative_ratio=train_config.negative_ratio,
            divide_by=(
                detector_config.variances
                if detector_config.encode_variance_in_target
                else None
            ),
            box_loss=train_config.box_loss,
            decode=lambda offsets: self.encoder.coder.decode(
                offsets, self.encoder.anchors.boxes
            ),
        )
        with strategy.scope():
            keras.utils.set_random_seed(train_config.seed)
            self.model = build_detector(
                detector_config,
                backbone=backbone,
                sync_batch_norm=train_config.sync_batch_norm
                and strategy.num_replicas_in_sync > 1,
                precision=train_config.precision,
            )
            of_backbone = freeze(
                detector_config, train_config, self.model, backbone=backbone
            )
            # The same variables, in less time.
            self._trained_model = fold_frozen(self.model)
            variables = self.model.trainable_variables
            self.optimizer = build_optimizer(
                train_config, variables, of_backbone=of_backbone
            )
            self.average = build_average(train_config, variables)
            self.loss_scale = build_loss_scale(train_config)
            self.left_out = LeftOut()
            self.bad_step = tf.Variable(-1, dtype=tf.int64, trainable=False)
            self.evaluated_model = self.model
            if train_config.precision != "float32":
                self.evaluated_model = build_detector(
                    detector_config, backbone=backbone, precision="float32"
                )
        self._skips = train_config.on_nan == "skip"
        # Of batch normalisation, which change as a batch is looked at.
        self._statistics = [
            v
            for v in self.model.non_trainable_variables
            if self._skips and "float" in v.dtype
        ]
        self._is_broken = False

    def checkpoint(self) -> tf.train.Checkpoint:
        """All that a resumed run needs; seed and step give the data's order."""
        parts = {"model": self.model, "optimizer": self.optimizer}
        if self.average is not None:
            parts["average"] = self.average
        if self.loss_scale is not None:
            parts["loss_scale"] = self.loss_scale
        return tf.train.Checkpoint(**parts)

    @property
    def later_parts(self) -> dict[str, tf.Module]:
        """What checkpoints of earlier versions do not have, by name."""
        return {"left_out": self.left_out}

    @property
    def steps_done(self) -> int:
        """Optimiser steps done."""
        return int(self.optimizer.iterations.numpy())

    @property
    def learning_rate(self) -> float:
        """The learning rate of the next step."""
        return float(self.optimizer.learning_rate)

    @property
    def variables(self) -> list:
        """All that changes in training."""
        parts = [self.model, self.optimizer, self.average, self.loss_scale]
        parts.append(self.left_out)
        variables = [v for part in parts if part for v in part.variables]
        return [*variables, self.bad_step]

    @property
    def is_sound(self) -> bool:
        """True while all steps ended and every loss and gradient was finite."""
        return not self._is_broken and int(self.bad_step.numpy()) < 0

    def restart_average(self) -> None:
        """Forgets the average, after the weights were loaded."""
        if self.average is not None:
            self.average.restart()

    @contextlib.contextmanager
    def averaged_weights(self):
        """A context in which `evaluated_model` has the weights to evaluate."""
        average = self.average
        applied = (
            contextlib.nullcontext() if average is None else average.applied()
        )
        with applied:
            if self.evaluated_model is not self.model:
                self.evaluated_model.set_weights(self.model.get_weights())
            yield

    def put_back_weights(self) -> None:
        """Ends what an interrupt has left of that context."""
        if self.average is not None:
            self.average.put_back()

    def compile_step(self, element_spec) -> Callable:
        """`step` as a graph function, traced once.

        The number of objects changes from batch to batch: it is traced for
        the `element_spec` of the (distributed) data set of `TrainingBatch`.
        With `jit_compile` it takes batches without their objects, or, where
        the matcher looks at predictions, of a few numbers of objects.
        """
        fix, compiled = self._compiled(element_spec)

        def train_step(batch) -> StepFigures:
            try:
                return compiled(fix(batch))
            except tf.errors.OpError:
                # A worker was lost, and some weights are already new.
                self._is_broken = True
                raise

        return train_step

    def _compiled(self, element_spec) -> tuple[Callable, Callable]:
        """What makes a batch fit for the compiled step, and that step."""
        if not self._train_config.jit_compile:
            return lambda batch: batch, tf.function(
                self.step, input_signature=[element_spec]
            )
        # XLA knows no shape but fixed ones, and compiles for each anew.
        looks_at_objects = (
            self.encoder.matcher.prediction_ignore_iou is not None
        )
        return pad_objects if looks_at_objects else drop_objects, tf.function(
            self.step, jit_compile=True
        )

    def step(self, batch) -> StepFigures:
        """Trains on one global batch, a (distributed) `TrainingBatch`."""
        step = tf.convert_to_tensor(self.optimizer.iterations.value)
        per_replica = self.strategy.run(self._replica_step, args=(batch,))
        *parts, gradient_norm = (
            self.strategy.reduce(tf.distribute.ReduceOp.SUM, v, axis=None)
            for v in per_replica
        )
        losses = Losses(*parts)
        is_bad = self._is_bad(losses.total, gradient_norm)
        if self.loss_scale is not None:
            self.loss_scale.update(losses.total, gradient_norm)
        is_left_out = is_bad if self._skips else False
        is_end = self.left_out.update(is_bad, step) if self._skips else is_bad
        is_end &= self.bad_step < 0
        self.bad_step.assign(
            tf.where(is_end, tf.cast(step, tf.int64), self.bad_step)
        )
        if self.average is not None:
            self.average.update(unless=is_left_out)
        return StepFigures(*losses, gradient_norm)

    def _is_bad(self, loss, gradient_norm):
        """Bool scalar, true if a step's outcome is not finite by its fault."""
        # The loss alone hides it where a ReLU makes zero of NaN.
        is_finite = tf.math.is_finite(loss + gradient_norm)
        if self.loss_scale is not None:
            is_finite |= self.loss_scale.is_overflow(loss, gradient_norm)
        return ~is_finite

    def _replica_step(self, batch) -> tuple[tf.Tensor, ...]:
        """The replica's shares of the losses, and its gradient's norm."""
        replicas = tf.distribute.get_replica_context()
        # Divided by the positives of all replicas, the replicas' losses and
        # gradients add up to those of the whole batch.
        num_positives = replicas.all_reduce(
            tf.distribute.ReduceOp.SUM,
            tf.reduce_sum(tf.cast(batch.targets.gclasses > 0, tf.float32)),
        )
        variables = self.model.trainable_variables
        statistics = [tf.identity(v) for v in self._statistics]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([v.value for v in variables])
            outputs = self._trained_model(batch.images, training=True)
            targets = ignore_by_prediction(self.encoder, batch, outputs)
            losses = self._loss(
                targets,
                outputs,
                num_positives=num_positives,
                localisation_weights=localisation_weights(
                    self.encoder, targets
                ),
            )
            total = losses.total
            if self.loss_scale is not None:
                total = self.loss_scale.scaled(total)
        gradients = tape.gradient(total, [v.value for v in variables])
        if self.loss_scale is not None:
            gradients = self.loss_scale.unscaled(gradients)
        gradient_norm = tf.linalg.global_norm(gradients)
        gradients = adjust_gradients(
            gradients, variables, self._train_config, replicas
        )
        self._apply(gradients, losses.total, gradient_norm, statistics)
        if not self._train_config.sync_batch_norm:
            average_statistics(self.model, replicas)
        return *losses, gradient_norm

    def _apply(self, gradients, loss, gradient_norm, statistics) -> None:
        """Takes the gradients, or leaves the step out, in all replicas.

        Args:
          gradients, loss, gradient_norm: of this replica.
          statistics: `_statistics` as they were before the step.
        """
        variables = self.model.trainable_variables
        if self.loss_scale is None and not self._skips:
            self.optimizer.apply(gradients, variables)
            return
        replicas = tf.distribute.get_replica_context()
        loss, gradient_norm = replicas.all_reduce(
            tf.distribute.ReduceOp.SUM, [loss, gradient_norm]
        )
        is_good = tf.math.is_finite(gradient_norm)
        if self._skips:
            is_bad = self._is_bad(loss, gradient_norm)
            is_good &= ~is_bad
            for v, before in zip(self._statistics, statistics, strict=True):
                v.assign(tf.where(is_bad, before, tf.convert_to_tensor(v)))
        apply_where(is_good, self.optimizer, gradients, variables)


def ignore_by_prediction(
    encoder: TargetEncoder, batch, outputs
) -> EncodedTargets:
    """The targets of a `TrainingBatch`, what predictions exclude ignored.

    Most strategies are done in the input pipeline. YOLOv2 and YOLOv3 also
    ignore anchors whose predicted box overlaps an object. No gradient passes.
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
