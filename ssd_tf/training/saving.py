"""Saving a run, and going on with one that was saved."""

import pathlib
import time

from absl import logging

from ssd_tf.training import checkpoints
from ssd_tf.training.run_dir import RunDir
from ssd_tf.training.step import Trainer

_SAVE_EVERY_SECONDS = 300.0


class Saver:
    """Keeps the state of a run in its directory: `restore`, `open`, `save`.

    Args:
      trainer: whose state is kept.
      run_dir: where.
    """

    def __init__(self, trainer: Trainer, run_dir: RunDir):
        self._trainer = trainer
        self._run_dir = run_dir
        self._restored: pathlib.Path | None = None
        self._saved_at = time.monotonic()

    def restore(self) -> bool:
        """Takes the state that was saved last, if there is one.

        Raises:
          InputError: as of `RunDir.restore`.
        """
        self._restored = self._run_dir.restore(
            self._trainer.checkpoint(), whole=True
        )
        if self._restored is None:
            return False
        logging.info("resumed at step %d", self._trainer.steps_done)
        return True

    def open(self) -> None:
        """Clears what a killed run has left; the directory must be there."""
        folder = self._run_dir.checkpoints
        checkpoints.sweep(folder, self._restored)
        self._manager = checkpoints.manage(
            self._trainer.checkpoint(), folder, self._restored
        )
        self._run_dir.forget_metrics_after(self._trainer.steps_done)

    def is_due(self) -> bool:
        """True if it was not saved for long."""
        return time.monotonic() - self._saved_at > _SAVE_EVERY_SECONDS

    def save(self) -> None:
        """Saves the state between two steps."""
        self._trainer.put_back_weights()
        self._manager.save(checkpoint_number=self._trainer.steps_done)
        self._saved_at = time.monotonic()
