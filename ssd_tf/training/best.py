"""The weights of a run's best evaluation, kept beside its newest checkpoint."""

import contextlib
import math
from collections.abc import Callable, Mapping
from typing import Any

import tensorflow as tf
from absl import logging

from ssd_tf import interrupts
from ssd_tf.config import TrainConfig
from ssd_tf.errors import InputError
from ssd_tf.files import first_line
from ssd_tf.training import checkpoints
from ssd_tf.training.run_dir import RunDir
from ssd_tf.training.step import Trainer
from ssd_tf.training.time_shares import SAVING, TimeShares
from ssd_tf.training.workers import Workers

_WRITE_ERRORS = (OSError, tf.errors.OpError)
_FIGURES: dict[str, Callable[[Mapping[str, Any]], float | None]] = {
    "coco_AP": lambda figures: figures["coco"]["mAP"],
    "coco_AP50": lambda figures: figures["coco"]["AP50"],
    "coco_AP75": lambda figures: figures["coco"]["AP75"],
    "mAP": lambda figures: figures["mAP"],
}
BEST_METRICS = tuple(_FIGURES)


class Best:
    """Judges the evaluations of a run, and keeps the weights of the best.

    The evaluations in metrics.jsonl are the record: an evaluation that was
    killed before its line was written is made again, and so are its weights.

    Args:
      train_config: the metric, and how many evaluations may bring no gain.
      trainer: whose weights are evaluated.
      run_dir: where they are kept.
      workers: the first has the record.
      times: of the run.

    Attributes:
      figures: of the best evaluation; None before any.
      num_without_gain: evaluations since.
    """

    def __init__(
        self,
        train_config: TrainConfig,
        trainer: Trainer,
        run_dir: RunDir,
        *,
        workers: Workers,
        times: TimeShares,
    ):
        self._metric = train_config.best_metric
        self._patience = train_config.patience
        self._trainer = trainer
        self._run_dir = run_dir
        self._workers = workers
        self._times = times
        self.figures: dict[str, Any] | None = None
        self.num_without_gain = 0

    def open(self) -> None:
        """Takes up the record of the run, whose later lines are forgotten."""
        self.figures, self.num_without_gain = self._workers.from_chief(
            self._read
        )

    def _read(self) -> tuple[dict[str, Any] | None, int]:
        folder = self._run_dir.best
        with _one_line(self._run_dir):
            checkpoints.sweep(folder, None)
        kept = []
        for prefix in checkpoints.find(folder):
            damage = checkpoints.damage(prefix)
            if damage:
                logging.warning(
                    "%s, the best of the run, cannot be read: %s; the next "
                    "evaluation takes its place",
                    *(prefix, damage),
                )
            else:
                kept.append(checkpoints.step_of(prefix))
        evaluations = self._run_dir.metrics.evaluations()
        for count, figures in enumerate(reversed(evaluations)):
            if figures["step"] in kept:
                return figures, count
        return None, 0

    @property
    def is_stalled(self) -> bool:
        """True after too many evaluations without gain."""
        return 0 < self._patience <= self.num_without_gain

    def take(self, figures: dict[str, Any]) -> None:
        """Keeps the trainer's weights, if they brought these best figures.

        Before the figures are recorded.

        Raises:
          InputError: the weights cannot be written; those before are whole.
        """
        if not self._is_gain(figures):
            self.num_without_gain += 1
            return
        prefix = checkpoints.prefix_of(self._run_dir.best, figures["step"])
        with interrupts.handled() as signals, signals.finishing():
            with self._times.on(SAVING), _one_line(self._run_dir):
                prefix.parent.mkdir(exist_ok=True)
                tf.train.Checkpoint(model=self._trainer.model).write(
                    str(prefix)
                )
        self.figures, self.num_without_gain = figures, 0

    def _is_gain(self, figures: Mapping[str, Any]) -> bool:
        if self.figures is None or self.figures["step"] == figures["step"]:
            return True
        value, best = map(_FIGURES[self._metric], (figures, self.figures))
        if not figures["AP"] or value is None or best is None:
            return True  # no object to find: the last is as good as any
        return value > best or math.isnan(best)

    def sweep(self) -> None:
        """Deletes the weights of those that were best before.

        After the figures are recorded.
        """
        if self.figures is None:
            return
        step = self.figures["step"]
        with _one_line(self._run_dir):
            for prefix in checkpoints.find(self._run_dir.best):
                if checkpoints.step_of(prefix) != step:
                    checkpoints.delete(prefix)

    def result(self, last: Mapping[str, Any]) -> dict[str, Any]:
        """For result.json: the last figures, and beside them the best."""
        return {
            **last,
            "best_metric": self._metric,
            "best": self.figures,
            "stopped_early": self.is_stalled,
        }

    def describe_stop(self) -> str:
        """Why the run has stopped early, as a line."""
        step = 0 if self.figures is None else self.figures["step"]
        return (
            f"stopped early after step {self._trainer.steps_done}: "
            f"{self.num_without_gain} evaluations without gain in "
            f"{self._metric} since step {step}, the best"
        )


@contextlib.contextmanager
def _one_line(run_dir: RunDir):
    try:
        yield
    except _WRITE_ERRORS as error:
        raise InputError(
            f"{run_dir.best} cannot be written: {first_line(error)}; "
            f"{run_dir.way_on()}"
        ) from error
