"""The end of a step: its gradients are taken, or the step is left out."""

import keras
import tensorflow as tf

from ssd_tf.training.loss_scale import LossScale, apply_where


class Update:
    """Changes a model by the gradients of a step, unless the step is bad.

    Args:
      model, optimizer: what is trained.
      loss_scale: of float16, or None.
      skips: a step whose loss or gradient is not finite is left out.
    """

    def __init__(
        self,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        loss_scale: LossScale | None,
        *,
        skips: bool,
    ):
        self._variables = model.trainable_variables
        self._optimizer = optimizer
        self._loss_scale = loss_scale
        self._skips = skips
        # Of batch normalisation, which change as a batch is looked at.
        of_batches = [
            v for v in model.non_trainable_variables if "float" in v.dtype
        ]
        self._statistics = of_batches if skips else []
        self._watched = [] if loss_scale is None else of_batches

    def statistics(self) -> list[tf.Tensor]:
        """What a step that is left out must not change, before the step."""
        return [tf.identity(v) for v in self._statistics]

    def checked(self, loss):
        """A replica's loss; NaN where its statistics are not finite now.

        A ReLU that makes zero of NaN hides it from the loss, and the gradient
        alone looks like an overflow of float16.
        """
        if not self._watched:
            return loss
        is_finite = [tf.reduce_all(tf.math.is_finite(v)) for v in self._watched]
        return tf.where(tf.reduce_all(is_finite), loss, float("nan"))

    def is_bad(self, loss, gradient_norm):
        """Bool scalar, true if a step's outcome is not finite by its fault.

        The loss and the gradient's norm are those of the whole batch.
        """
        # The loss alone hides it where a ReLU makes zero of NaN.
        is_finite = tf.math.is_finite(loss + gradient_norm)
        if self._loss_scale is not None:
            is_finite |= self._loss_scale.is_overflow(loss, gradient_norm)
        return ~is_finite

    def apply(self, gradients, loss, gradient_norm, *, statistics) -> None:
        """Takes the gradients, or leaves the step out, in all replicas.

        Args:
          gradients, loss, gradient_norm: of this replica.
          statistics: `statistics()` as they were before the step.
        """
        if self._loss_scale is None and not self._skips:
            self._optimizer.apply(gradients, self._variables)
            return
        replicas = tf.distribute.get_replica_context()
        loss, gradient_norm = replicas.all_reduce(
            tf.distribute.ReduceOp.SUM, [loss, gradient_norm]
        )
        is_good = tf.math.is_finite(gradient_norm)
        if self._skips:
            is_bad = self.is_bad(loss, gradient_norm)
            is_good &= ~is_bad
            for v, before in zip(self._statistics, statistics, strict=True):
                v.assign(tf.where(is_bad, before, tf.convert_to_tensor(v)))
        apply_where(is_good, self._optimizer, gradients, self._variables)
