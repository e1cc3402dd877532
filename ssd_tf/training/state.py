"""What a training changes: a detector, its optimiser, averaged weights."""

import contextlib

import keras
import tensorflow as tf

from ssd_tf.config import DetectorConfig, TrainConfig
from ssd_tf.models import Backbone, build_detector
from ssd_tf.training.average import build_average
from ssd_tf.training.freezing import freeze
from ssd_tf.training.loss_scale import build_loss_scale
from ssd_tf.training.non_finite import LeftOut
from ssd_tf.training.optimizer import build_optimizer


class TrainingState:
    """Model, optimiser and averaged weights, as a checkpoint holds them.

    Args:
      detector_config, train_config: the detector, and how to train it.
      strategy: the devices to train it on.
      backbone: in place of the one that `detector_config` names.

    Attributes:
      strategy: the devices.
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
        backbone: Backbone | None = None,
    ):
        self.strategy = strategy
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
