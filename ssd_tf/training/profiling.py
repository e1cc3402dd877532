"""A trace of some steps for TensorBoard's profiler."""

import contextlib
import pathlib
from collections.abc import Iterator

import tensorflow as tf
from absl import logging

from ssd_tf.errors import InputError
from ssd_tf.files import first_line

# The first compile, and fill the pipeline of data.
_NUM_BEFORE = 10


class Profile:
    """Traces steps of a run, as many as are asked for.

    Args:
      folder: of the TensorBoard summaries.
      num_steps: to trace; 0 for none.
    """

    def __init__(self, folder: pathlib.Path, num_steps: int):
        self._folder = folder
        self._num_steps = num_steps
        self._is_active = False
        self._steps = range(0)

    @contextlib.contextmanager
    def steps(self, first: int, last: int) -> Iterator[None]:
        """A context of these steps, in which some will be traced.

        Not the first, unless there are too few.
        """
        begin = min(first + _NUM_BEFORE, last + 1 - self._num_steps)
        begin = max(begin, first)
        self._steps = range(begin, min(begin + self._num_steps, last + 1))
        try:
            yield
        finally:
            self._stop()

    @contextlib.contextmanager
    def step(self, number: int) -> Iterator[None]:
        """A context of one step.

        Raises:
          InputError: the trace cannot be begun.
        """
        if number not in self._steps:
            yield
            return
        if not self._is_active:
            self._start()
        with tf.profiler.experimental.Trace("train", step_num=number, _r=1):
            yield
        if number == self._steps[-1]:
            self._stop()

    def _start(self) -> None:
        try:
            tf.profiler.experimental.start(str(self._folder))
        except tf.errors.OpError as error:
            raise InputError(f"--profile: {first_line(error)}") from error
        self._is_active = True

    def _stop(self) -> None:
        if not self._is_active:
            return
        self._is_active = False
        tf.profiler.experimental.stop()
        logging.info(
            "profile of steps %d to %d: tensorboard --logdir=%s, with "
            "tensorboard-plugin-profile installed",
            *(self._steps[0], self._steps[-1], self._folder),
        )
