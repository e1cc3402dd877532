"""The training loop: one loop for one device and for many."""

import math
import time
from typing import Any

from absl import logging

from ssd_tf import interrupts
from ssd_tf.files import write_json
from ssd_tf.interrupts import Interrupts
from ssd_tf.training.progress import Progress
from ssd_tf.training.run_parts import RunParts
from ssd_tf.training.run_report import leave_report
from ssd_tf.training.time_shares import DATA, EVALUATION, SAVING, STEPS

_REPORT_EVERY_STEPS = 20


class TrainingRun(RunParts):
    """A run: trains from where it stands to its last step.

    It is made as `RunParts`, whose arguments are those of a run.
    """

    def train(self, *, until: int | None = None) -> dict[str, Any] | None:
        """Trains to the end, or to a step before it, as a kill but saved.

        Returns:
          the metrics of the last evaluation; None if stopped before the end.

        Raises:
          InputError: too many images cannot be used, the loss is not finite,
            the run directory cannot be written, or another worker is gone.
          Stopped: by Ctrl-C or SIGTERM, and saved.
        """
        with (
            interrupts.handled() as signals,
            self._times.on(STEPS),
            self._saver.holding(),
            self._workers.naming_lost(),
        ):
            signals.line = lambda: f"stopped; {self._saver.way_on()}"
            metrics = self._train(until, signals)
            self._workers.gather(b"")  # none leaves while others need it
        return metrics

    def _train(
        self, until: int | None, signals: Interrupts
    ) -> dict[str, Any] | None:
        last = self._train_config.steps
        stop = last if until is None else min(until, last)
        with signals.waiting():
            try:
                self._train_steps(stop, signals)
            finally:
                if self._trainer.is_sound:
                    self._save()
        self._data.remember()
        signals.check()
        if self.step < last and not self._best.is_stalled:
            return None
        metrics = self._evaluations.known() or self.evaluate()
        if self.step < last:
            logging.info("%s", self._best.describe_stop())
        write_json(self._run_dir.result_file, self._best.result(metrics))
        self._reporter.close()
        self._data.remember()
        self._data.tell()
        self._keep_times()
        if self.is_chief:
            leave_report(self._run_dir, self._source)
        return metrics

    def evaluate(self) -> dict[str, Any]:
        """Measures the (averaged) weights on the evaluation split."""
        with self._times.on(EVALUATION):
            return self._evaluations.make(self._reporter)

    def describe_time(self) -> str:
        """What the time was spent on, as a line."""
        return self._times.describe()

    def _save(self) -> None:
        with self._times.on(SAVING):
            self._saver.save()
        self._keep_times()

    def _keep_times(self) -> None:
        for kind, seconds in self._times.take().items():
            self._run_dir.journal.spent(self.step, kind, seconds)

    def _train_steps(self, stop: int, signals: Interrupts) -> None:
        dataset = self._batches.after(self.step)
        train_step = self._trainer.compile_step(dataset.element_spec)
        batches = self._batches.sound(dataset, self.step)
        last = self._train_config.steps
        self._window.start()
        profiled = self._profile.steps(self.step + 1, stop)
        with (
            profiled,
            Progress(
                last,
                step=self.step,
                batch_size=self._train_config.batch_size,
            ) as progress,
        ):
            # A kill may have come between a save and its evaluation.
            self._evaluate_where_due(progress, signals)
            for step in range(self.step + 1, stop + 1):
                if self._best.is_stalled:
                    break
                signals.check()
                with self._times.on(DATA):
                    batch = next(batches)
                with self._profile.step(step):
                    self._window.add(train_step(batch))
                progress.update()
                if step % _REPORT_EVERY_STEPS == 0 or step == last:
                    self._report(step, progress)
                self._evaluate_where_due(progress, signals)
                if self._saver.is_due():
                    self._watch.check()
                    self._save()
            self._watch.check()
            signals.check()

    def _report(self, step: int, progress: Progress) -> None:
        values = self._window.means()
        self._watch.check()
        self._saver.check()
        if not math.isfinite(values["loss"]):  # all were left out
            self._window.clear()
            return
        values["learning_rate"] = self._trainer.learning_rate
        if self._train_config.on_nan == "skip":
            values["left_out"] = self._watch.num_left_out
        progress.report(step, values)
        self._reporter.training(step, values)
        self._window.clear()

    def _evaluate_where_due(
        self, progress: Progress, signals: Interrupts
    ) -> None:
        """Saves first: a kill costs the evaluation only, which is made up."""
        if not self._evaluations.are_due():
            return
        self._watch.check()
        self._save()
        started_at = time.monotonic()
        with signals.at_once():
            progress.evaluation(self.evaluate())
        self._window.leave_out(time.monotonic() - started_at)
