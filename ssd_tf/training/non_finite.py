"""Steps whose loss or gradient is not finite: left out, or the end of a run."""

from collections.abc import Callable, Sequence

import tensorflow as tf
from absl import logging
from tqdm.auto import tqdm

from ssd_tf.errors import InputError

MOST_IN_A_ROW = 10
# More than steps are made between two looks at them.
_NUM_REMEMBERED = 64


class LeftOut(tf.Module):
    """Counts the steps that were left out, on the device.

    Attributes:
      total: int64 scalar, all of them.
      in_a_row: int64 scalar, those since the last that was not.
      steps: int64 [64], the latest of them: the k-th has the place k % 64.
    """

    def __init__(self):
        super().__init__(name="left_out")

        def integers(value):
            return tf.Variable(value, dtype=tf.int64, trainable=False)

        self.total = integers(0)
        self.in_a_row = integers(0)
        self.steps = integers([-1] * _NUM_REMEMBERED)

    def update(self, is_bad, step):
        """Counts a step that is left out, if it is bad.

        Returns:
          bool scalar, true if there were too many in a row.
        """
        is_its_place = tf.equal(
            tf.range(_NUM_REMEMBERED, dtype=tf.int64),
            self.total % _NUM_REMEMBERED,
        )
        step = tf.cast(step, tf.int64)
        self.steps.assign(tf.where(is_bad & is_its_place, step, self.steps))
        self.total.assign_add(tf.cast(is_bad, tf.int64))
        in_a_row = tf.where(is_bad, self.in_a_row + 1, 0)
        self.in_a_row.assign(in_a_row)
        return in_a_row > MOST_IN_A_ROW

    def latest(self, count: int) -> list[int]:
        """The latest steps that were left out, at most 64, in order."""
        total, steps = int(self.total.numpy()), self.steps.numpy()
        first = total - min(count, _NUM_REMEMBERED)
        return [int(steps[k % _NUM_REMEMBERED]) for k in range(first, total)]


class NonFiniteWatch:
    """Looks now and then at what the steps of a `Trainer` have come to.

    Args:
      trainer: what trains.
      skips: steps that are not finite are left out.
      image_ids: from the number of steps before a batch to its images.
    """

    def __init__(
        self,
        trainer,
        *,
        skips: bool,
        image_ids: Callable[[int], Sequence[str]],
    ):
        self._trainer = trainer
        self._skips = skips
        self._image_ids = image_ids
        self.begin()

    def begin(self) -> None:
        """Begins to look from the state that was restored."""
        self._num_told = self.num_left_out

    @property
    def num_left_out(self) -> int:
        """Steps that the run has left out so far."""
        return int(self._trainer.left_out.total.numpy())

    def check(self) -> None:
        """Names the images of steps that were left out since the last check.

        Raises:
          InputError: a step is not finite where none is left out, or too many
            in a row.
        """
        new = self._trainer.left_out.latest(self.num_left_out - self._num_told)
        with tqdm.external_write_mode():
            for step in new:
                logging.warning(
                    "step %d is left out, as its loss or gradient is not "
                    "finite; the images of its batch: %s",
                    *(step + 1, ", ".join(self._image_ids(step))),
                )
        self._num_told = self.num_left_out
        step = int(self._trainer.bad_step.numpy())
        if step < 0:
            return
        names = ", ".join(self._image_ids(step))
        if self._skips:
            raise InputError(
                f"the losses or gradients of {MOST_IN_A_ROW + 1} steps in a "
                f"row, to step {step + 1}, are not finite, and "
                f"--on_nan=skip leaves out {MOST_IN_A_ROW} at most; lower the "
                f"learning rate, or look at the images of the last: {names}"
            )
        raise InputError(
            f"the loss or gradient of step {step + 1} is not finite; lower "
            "the learning rate, leave out such steps with --on_nan=skip, or "
            f"look at the images of that batch: {names}"
        )
