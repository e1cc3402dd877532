"""Loss scaling, without which small gradients are zero in float16."""

import tensorflow as tf

from ssd_tf.config import TrainConfig

# 65,504 is the largest number of float16; gradients of logits are below 1.
_INITIAL_SCALE = 2.0**15
_MAX_SCALE = 2.0**24
_GROWTH_STEPS = 2000


class LossScale(tf.Module):
    """A factor of the loss, as large as the gradients allow.

    Halved when a gradient overflows, which leaves out that step, and doubled
    after 2,000 steps without (Micikevicius et al. 2018, section 3.2; the
    numbers are those of Keras' `LossScaleOptimizer`). Of that optimiser's way
    two things differ: gradients are unscaled before they are clipped and
    decayed, and a step that is left out counts, as the batch of a step is
    found by its number.

    Attributes:
      scale: float32 scalar, a power of two, so that it rounds nothing.
      steps: int64 scalar, those since the scale last changed.
    """

    def __init__(self):
        super().__init__(name="loss_scale")
        self.scale = tf.Variable(_INITIAL_SCALE, trainable=False)
        self.steps = tf.Variable(0, dtype=tf.int64, trainable=False)

    def scaled(self, loss):
        """The loss to differentiate."""
        return loss * self.scale

    def unscaled(self, gradients) -> list:
        """The gradients of the loss itself."""
        return [gradient / self.scale for gradient in gradients]

    def is_overflow(self, loss, gradient_norm):
        """Bool scalar, true if the scale is to blame for the outcome."""
        return (
            ~tf.math.is_finite(gradient_norm)
            & tf.math.is_finite(loss)
            & (tf.convert_to_tensor(self.scale) > 1.0)
        )

    def update(self, loss, gradient_norm):
        """Fits the scale to the outcome of a step, not of a replica.

        Returns:
          bool scalar, whether the step was left out for its scale. It is not
          to blame where the loss is not finite itself, or where it is 1.
        """
        scale = tf.convert_to_tensor(self.scale)
        is_good = tf.math.is_finite(gradient_norm)
        is_overflow = self.is_overflow(loss, gradient_norm)
        steps = tf.where(is_overflow, tf.zeros_like(self.steps), self.steps)
        steps += tf.cast(is_good, tf.int64)
        grows = is_good & (steps == _GROWTH_STEPS)
        scale = tf.where(is_overflow, scale / 2, scale)
        scale = tf.where(grows, tf.minimum(scale * 2, _MAX_SCALE), scale)
        self.scale.assign(scale)
        self.steps.assign(tf.where(grows, tf.zeros_like(steps), steps))
        return is_overflow


def build_loss_scale(train_config: TrainConfig) -> LossScale | None:
    """The loss scale of a training configuration, for float16 only.

    bfloat16 has the exponents of float32.
    """
    return LossScale() if train_config.precision == "mixed_float16" else None


def apply_where(is_good, optimizer, gradients, variables) -> None:
    """Applies the gradients of a replica if all is good; counts the step.

    `is_good` is a bool scalar with the same value in all replicas.
    """

    def apply():
        optimizer.apply(gradients, variables)

    def count():
        optimizer.iterations.assign_add(1)

    if tf.__internal__.distribute.strategy_supports_no_merge_call():
        tf.cond(is_good, apply, count)
        return

    # Replicas that meet in a reduction cannot do so in a branch; the branch
    # can hold the replicas.
    def apply_in_all(strategy, is_good, gradients):
        tf.cond(
            strategy.experimental_local_results(is_good)[0],
            lambda: _run(strategy, gradients),
            count,
        )

    def _run(strategy, gradients):
        strategy.extended.call_for_each_replica(
            lambda values: optimizer.apply(values, variables),
            args=(gradients,),
        )

    tf.distribute.get_replica_context().merge_call(
        apply_in_all, args=(is_good, gradients)
    )
