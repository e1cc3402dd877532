"""The moving average of the weights, which is evaluated and exported."""

import contextlib
from collections.abc import Callable, Sequence

import keras
import tensorflow as tf

from ssd_tf.config import TrainConfig


class WeightAverage(tf.Module):
    """Exponential moving average of a model's trainable weights.

    The decay grows with the number of updates, so that the random start is
    forgotten soon: min(decay, (1 + updates) / (10 + updates)).
    """

    def __init__(self, variables, decay: float):
        super().__init__(name="weight_average")
        sources = list(variables)
        # A module keeps the variables among its attributes as its own; these
        # belong to the model, and a checkpoint should hold them once.
        self._sources = lambda: sources
        self._set_aside: Callable[[], Sequence] = tuple  # none; as above
        self._decay = decay
        self.updates = tf.Variable(0, dtype=tf.int64, trainable=False)
        self.averages = [
            tf.Variable(tf.convert_to_tensor(v.value), trainable=False)
            for v in sources
        ]

    def update(self, *, unless: tf.Tensor | bool = False):
        """Takes the present weights into the average, also in a graph.

        Does nothing if the bool scalar `unless` is true.
        """
        updates = tf.cast(self.updates, tf.float32)
        decay = tf.minimum(self._decay, (1.0 + updates) / (10.0 + updates))
        decay = tf.where(unless, 1.0, decay)
        for average, source in zip(self.averages, self._sources(), strict=True):
            change = tf.convert_to_tensor(source.value) - average
            average.assign_add((1.0 - decay) * change)
        self.updates.assign_add(
            tf.where(unless, tf.zeros_like(self.updates), 1)
        )

    def restart(self):
        """Begins again with the present weights."""
        self.updates.assign(0)
        for average, source in zip(self.averages, self._sources(), strict=True):
            average.assign(tf.convert_to_tensor(source.value))

    @contextlib.contextmanager
    def applied(self):
        """Within the context the model has the averaged weights."""
        present = [keras.ops.convert_to_numpy(v) for v in self._sources()]
        self._set_aside = lambda: present
        try:
            self.copy_to_model()
            yield
        finally:
            self.put_back()

    def put_back(self):
        """Gives the model its own weights again, where `applied` is not over.

        An interrupt may strike between any two lines, here too; a second call
        does what is left, and one for nothing does nothing.
        """
        own = self._set_aside()
        if own:
            for source, value in zip(self._sources(), own, strict=True):
                source.assign(value)
        self._set_aside = tuple

    def copy_to_model(self):
        """Gives the model the averaged weights for good."""
        for source, average in zip(self._sources(), self.averages, strict=True):
            source.assign(average.numpy())


def build_average(train_config: TrainConfig, variables) -> WeightAverage | None:
    """Builds the average that is evaluated and exported; None where off."""
    if train_config.average_decay <= 0.0:
        return None
    return WeightAverage(variables, train_config.average_decay)
