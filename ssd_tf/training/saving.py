"""Saving a run, and going on with one that was saved."""

import contextlib
import pathlib
import time
from collections.abc import Iterator

import tensorflow as tf
from absl import logging

from ssd_tf import interrupts
from ssd_tf.errors import InputError
from ssd_tf.files import first_line
from ssd_tf.training import checkpoints
from ssd_tf.training.reports import LossWindow
from ssd_tf.training.run_dir import RunDir
from ssd_tf.training.run_lock import RunLock
from ssd_tf.training.step import Trainer

# A kill in the first minutes should not cost them.
_FIRST_SAVE_AFTER_SECONDS = 60.0
_SAVE_EVERY_SECONDS = 300.0
_WRITE_ERRORS = (OSError, tf.errors.OpError)


class Saver:
    """Keeps the state of a run in its directory, for one process at a time.

    It is used in this order: `restore`, `open`, then `holding`, in which it
    may `save`.

    Args:
      trainer, window: whose state is kept.
      run_dir: where.
    """

    def __init__(self, trainer: Trainer, window: LossWindow, run_dir: RunDir):
        self._trainer = trainer
        self._window = window
        self._run_dir = run_dir
        self._lock = RunLock(run_dir.path)
        self._saved: pathlib.Path | None = None
        self._newest: pathlib.Path | None = None  # which may be damaged
        self._save_at = 0.0

    def restore(self) -> bool:
        """Takes the state that was saved last, if there is one.

        Raises:
          InputError: as of `RunDir.restore`, or another process trains here.
        """
        if self._run_dir.config_file.exists():
            self._lock.take()
        self._saved = self._run_dir.restore(
            self._trainer.checkpoint(),
            whole=True,
            optional={"window": self._window, **self._trainer.later_parts},
        )
        if self._saved is None:
            return False
        logging.info("resumed at step %d", self._trainer.steps_done)
        return True

    def lock(self) -> None:
        """Takes the run for this process; its folder must be there.

        Raises:
          InputError: another process has it, or it cannot be written, or
            there is no room.
        """
        self._lock.take()
        checkpoints.check_room(
            self._run_dir.path,
            self._trainer.variables,
            count=checkpoints.count_missing(self._run_dir.checkpoints),
        )
        if self._saved is None and self._run_dir.has_checkpoints:
            raise InputError(
                f"{self._run_dir.path} was begun by another process meanwhile; "
                "the same command again goes on with it"
            )

    def open(self) -> None:
        """Clears what a killed run has left.

        Raises:
          InputError: the folder cannot be written.
        """
        folder = self._run_dir.checkpoints
        with _one_line(self._run_dir.path):
            checkpoints.sweep(folder, self._saved)
            checkpoint = self._trainer.checkpoint()
            checkpoint.window = self._window
            for name, part in self._trainer.later_parts.items():
                setattr(checkpoint, name, part)
            self._manager = checkpoints.manage(checkpoint, folder, self._saved)
        self._newest = self._find_newest()
        self._run_dir.metrics.forget_after(self._trainer.steps_done)

    @contextlib.contextmanager
    def holding(self) -> Iterator[None]:
        """A context in which no other process may write to the run.

        Raises:
          InputError: another one does, or has done so since `open`.
        """
        try:
            self._lock.take()
            if self._newest != self._find_newest():
                raise InputError(
                    f"{self._run_dir.path} was trained by another process "
                    "meanwhile; the same command again goes on with it"
                )
            self._save_at = time.monotonic() + _FIRST_SAVE_AFTER_SECONDS
            yield
        finally:
            self.give_back()

    def _find_newest(self) -> pathlib.Path | None:
        found = checkpoints.find_finished(self._run_dir.checkpoints)
        return found[0] if found else None

    def way_on(self) -> str:
        """Where the same command goes on from."""
        return self._run_dir.way_on(self._saved)

    def give_back(self) -> None:
        """Lets another process have the run."""
        self._lock.give_back()

    def check(self) -> None:
        """Raises InputError if the run directory is gone."""
        self._lock.check()

    def is_due(self) -> bool:
        """True if it was not saved for long."""
        return time.monotonic() > self._save_at

    def save(self) -> None:
        """Saves the state between two steps, if it is not saved already.

        No signal ends it: the first and the second wait.

        Raises:
          InputError: it cannot be written; what was saved before is whole.
        """
        self._trainer.put_back_weights()
        step = self._trainer.steps_done
        prefix = checkpoints.prefix_of(self._run_dir.checkpoints, step)
        if prefix == self._saved:
            return
        with interrupts.handled() as signals, signals.finishing():
            self.check()
            try:
                checkpoints.check_room(
                    self._run_dir.path, self._trainer.variables, count=1
                )
                self._manager.save(checkpoint_number=step)
            except (InputError, *_WRITE_ERRORS) as error:
                self._give_up(error)
            self._saved = self._newest = prefix
        self._save_at = time.monotonic() + _SAVE_EVERY_SECONDS

    def _give_up(self, error: Exception) -> None:
        with contextlib.suppress(OSError):
            checkpoints.sweep(self._run_dir.checkpoints, self._saved)
        fault = first_line(error)
        if not isinstance(error, InputError):
            fault = f"{self._run_dir.checkpoints} cannot be written: {fault}"
        raise InputError(f"{fault}; {self.way_on()}") from error


@contextlib.contextmanager
def _one_line(path: pathlib.Path) -> Iterator[None]:
    try:
        yield
    except _WRITE_ERRORS as error:
        raise InputError(
            f"{path} cannot be written: {first_line(error)}"
        ) from error
