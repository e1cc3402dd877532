"""Learning-rate schedules with linear warm-up."""

import keras
from keras import ops

from ssd_tf.config import TrainConfig


class Warmup(keras.optimizers.schedules.LearningRateSchedule):
    """Raises another schedule's rate linearly from near zero.

    Keras' own warm-up delays the schedule instead of scaling it, and that
    changes every rate.

    Args:
      schedule: learning-rate schedule to follow.
      steps: step `steps` is the first at the full rate.
    """

    def __init__(self, schedule, steps: int):
        super().__init__()
        self.schedule = schedule
        self.steps = steps

    def __call__(self, step):
        """The learning rate at an optimiser step, a scalar."""
        progress = (ops.cast(step, "float32") + 1.0) / (self.steps + 1.0)
        return self.schedule(step) * ops.minimum(progress, 1.0)


def _cosine(train: TrainConfig):
    return keras.optimizers.schedules.CosineDecay(
        train.learning_rate, max(train.steps, 1), alpha=0.01
    )


def _steps(train: TrainConfig):
    rates = [
        train.learning_rate * 0.1**k for k in range(1 + len(train.decay_steps))
    ]
    # Keras switches after its boundary; Caffe at it.
    boundaries = [step - 1 for step in train.decay_steps]
    if not boundaries:  # Keras wants one.
        boundaries, rates = [0], rates * 2
    return keras.optimizers.schedules.PiecewiseConstantDecay(boundaries, rates)


SCHEDULES = {"cosine": _cosine, "steps": _steps}


def build_schedule(train: TrainConfig):
    """Returns the learning-rate schedule of a training configuration."""
    schedule = SCHEDULES[train.schedule](train)
    if train.warmup_steps:
        schedule = Warmup(schedule, train.warmup_steps)
    return schedule
