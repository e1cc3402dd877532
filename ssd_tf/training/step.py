"""The training step, on any `tf.distribute` strategy."""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from ssd_tf.config import DetectorConfig, TrainConfig
from ssd_tf.data.pipeline import drop_objects, pad_objects
from ssd_tf.errors import InputError
from ssd_tf.losses import Losses, MultiBoxLoss
from ssd_tf.matchers import Matcher
from ssd_tf.models import Backbone
from ssd_tf.target_encoder import TargetEncoder
from ssd_tf.training.assignment import (
    ignore_by_prediction,
    localisation_weights,
    training_encoder,
)
from ssd_tf.training.optimizer import adjust_gradients
from ssd_tf.training.state import TrainingState
from ssd_tf.training.strategy import average_statistics
from ssd_tf.training.trained_model import trained_model
from ssd_tf.training.update import Update


class StepFigures(NamedTuple):
    """What a step came to, scalars."""

    total: tf.Tensor
    classification: tf.Tensor
    localisation: tf.Tensor
    # Of the gradient before it is clipped; as of `adjust_gradients`.
    gradient_norm: tf.Tensor


def _check_devices(
    train_config: TrainConfig, strategy: tf.distribute.Strategy
) -> None:
    if train_config.jit_compile and strategy.num_replicas_in_sync > 1:
        raise InputError(
            "--jit_compile compiles for one device, got a strategy with "
            f"{strategy.num_replicas_in_sync} replicas, which TensorFlow "
            "cannot compile; leave it out, or train with "
            "--strategy=one_device"
        )


def _build_loss(
    detector_config: DetectorConfig,
    train_config: TrainConfig,
    encoder: TargetEncoder,
) -> MultiBoxLoss:
    return MultiBoxLoss(
        alpha=train_config.alpha,
        negative_ratio=train_config.negative_ratio,
        divide_by=(
            detector_config.variances
            if detector_config.encode_variance_in_target
            else None
        ),
        box_loss=train_config.box_loss,
        decode=lambda offsets: encoder.coder.decode(
            offsets, encoder.anchors.boxes
        ),
    )


class Trainer(TrainingState):
    """The step that trains a detector, and all that it changes.

    Args:
      detector_config, train_config: the detector, and how to train it.
      strategy: the devices to train it on.
      loss: called as `MultiBoxLoss`, in place of the configurations' own.
      backbone, matcher: in place of those that `detector_config` names.

    Raises:
      InputError: `jit_compile` with several replicas.

    Attributes:
      encoder: the `TargetEncoder` for the input pipeline.

    Those of `TrainingState`, too.
    """

    def __init__(
        self,
        detector_config: DetectorConfig,
        train_config: TrainConfig,
        strategy: tf.distribute.Strategy,
        *,
        loss: MultiBoxLoss | None = None,
        backbone: Backbone | None = None,
        matcher: Matcher | None = None,
    ):
        _check_devices(train_config, strategy)
        self.encoder = training_encoder(detector_config, matcher=matcher)
        self._train_config = train_config
        self._loss = loss or _build_loss(
            detector_config, train_config, self.encoder
        )
        super().__init__(
            detector_config, train_config, strategy, backbone=backbone
        )
        with strategy.scope():
            # The same variables, in less time.
            self._trained_model = trained_model(self.model)
        self._skips = train_config.on_nan == "skip"
        self._update = Update(
            self.model, self.optimizer, self.loss_scale, skips=self._skips
        )

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
        *of_replicas, norm = per_replica
        *parts, norms = (
            self.strategy.reduce(tf.distribute.ReduceOp.SUM, v, axis=None)
            for v in of_replicas
        )
        losses = Losses(*parts)
        is_bad = self._update.is_bad(losses.total, norms)
        if self.loss_scale is not None:
            self.loss_scale.update(losses.total, norms)
        is_left_out = is_bad if self._skips else False
        is_end = self.left_out.update(is_bad, step) if self._skips else is_bad
        is_end &= self.bad_step < 0
        self.bad_step.assign(
            tf.where(is_end, tf.cast(step, tf.int64), self.bad_step)
        )
        if self.average is not None:
            self.average.update(unless=is_left_out)
        norm = self.strategy.reduce(
            tf.distribute.ReduceOp.MEAN, norm, axis=None
        )  # the same of all
        return StepFigures(*losses, norm)

    def _replica_step(self, batch) -> tuple[tf.Tensor, ...]:
        """The losses and gradient norm of a replica, the norm of the batch."""
        replicas = tf.distribute.get_replica_context()
        # Divided by the positives of all replicas, the replicas' losses and
        # gradients add up to those of the whole batch.
        num_positives = replicas.all_reduce(
            tf.distribute.ReduceOp.SUM,
            tf.reduce_sum(tf.cast(batch.targets.gclasses > 0, tf.float32)),
        )
        variables = self.model.trainable_variables
        statistics = self._update.statistics()
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
        losses = losses._replace(total=self._update.checked(losses.total))
        gradients = tape.gradient(total, [v.value for v in variables])
        if self.loss_scale is not None:
            gradients = self.loss_scale.unscaled(gradients)
        gradient_norm = tf.linalg.global_norm(gradients)
        gradients, norm_of_batch = adjust_gradients(
            gradients,
            variables,
            self._train_config,
            replicas,
            norm=gradient_norm,
        )
        self._update.apply(
            gradients, losses.total, gradient_norm, statistics=statistics
        )
        if not self._train_config.sync_batch_norm:
            average_statistics(self.model, replicas)
        return *losses, gradient_norm, norm_of_batch
