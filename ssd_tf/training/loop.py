"""The training loop: one loop for one device and for many."""

import math
import time
from collections.abc import Sequence
from typing import Any

import tensorflow as tf
from absl import logging

from ssd_tf import interrupts
from ssd_tf.config import DetectorConfig, TrainConfig
from ssd_tf.data.augmentation.policy import Policy, build_policy
from ssd_tf.data.usable_images import MAX_BAD_IMAGES
from ssd_tf.files import write_json
from ssd_tf.interrupts import Interrupts
from ssd_tf.losses import MultiBoxLoss
from ssd_tf.matchers import Matcher
from ssd_tf.models import Backbone
from ssd_tf.training.batches import Batches
from ssd_tf.training.best import Best
from ssd_tf.training.evaluations import Evaluations
from ssd_tf.training.initialize import initialize_weights
from ssd_tf.training.non_finite import NonFiniteWatch
from ssd_tf.training.profiling import Profile
from ssd_tf.training.progress import Progress
from ssd_tf.training.reports import LossWindow, Reporter
from ssd_tf.training.run_data import RunData
from ssd_tf.training.run_dir import RunDir
from ssd_tf.training.run_report import leave_report
from ssd_tf.training.saving import Saver
from ssd_tf.training.step import Trainer
from ssd_tf.training.strategy import build_strategy, check_batch_size
from ssd_tf.training.time_shares import DATA, EVALUATION, SAVING, TimeShares
from ssd_tf.training.workers import Workers

_REPORT_EVERY_STEPS = 20


class TrainingRun:
    """A run: trains from where it stands to its last step.

    Parts that are handed in as objects take the place of those that the
    configurations name; config.json records the names all the same.

    Args:
      detector_config, train_config: the detector, and how to train it.
      source: the data.
      run_dir: where the run is kept; created if it is not there.
      strategy: devices; `build_strategy()` by default. Of the processes of
        several machines only the first writes to `run_dir`.
      loss, backbone, matcher: as of `Trainer`.
      policy: the augmentation.
      data_service: as of `pipeline.training_batches`.
      command: that started it, for its report.
      profile: steps to trace for TensorBoard.
      max_bad_images, accept_changed_data: as of `RunData`.
      cache: as of `Batches`.

    Raises:
      InputError: the first weights cannot be had, and nothing was written; or
        the run directory is of another configuration, or has checkpoints of
        which none can be read.
    """

    def __init__(
        self,
        detector_config: DetectorConfig,
        train_config: TrainConfig,
        source,
        run_dir: RunDir,
        *,
        strategy: tf.distribute.Strategy | None = None,
        loss: MultiBoxLoss | None = None,
        backbone: Backbone | None = None,
        matcher: Matcher | None = None,
        policy: Policy | None = None,
        data_service: str | None = None,
        command: Sequence[str] = (),
        profile: int = 0,
        max_bad_images: float = MAX_BAD_IMAGES,
        accept_changed_data: bool = False,
        cache: str = "none",
    ):
        self._detector_config = detector_config
        self._train_config = train_config
        self._source = source
        self._times = TimeShares()
        strategy = strategy or build_strategy()
        check_batch_size(train_config.batch_size, strategy)
        self._workers = Workers(strategy)
        self._run_dir = self._workers.run_dir(run_dir)
        self._command = command
        self._data = RunData(
            source,
            train_config,
            self._run_dir,
            self._workers,
            max_bad_images=max_bad_images,
            accept_changed=accept_changed_data,
        )
        with self._workers.naming_lost():
            self._check_together()
            self._trainer = Trainer(
                detector_config,
                train_config,
                strategy,
                loss=loss,
                backbone=backbone,
                matcher=matcher,
            )
            self._batches = Batches(
                source,
                train_config,
                self._trainer,
                policy=build_policy(train_config) if policy is None else policy,
                image_size=detector_config.image_size,
                workers=self._workers,
                usable=self._data.usable,
                data_service=data_service,
                cache=cache,
            )
            self._watch = NonFiniteWatch(
                self._trainer,
                skips=train_config.on_nan == "skip",
                image_ids=self._batches.image_ids,
            )
            self._best = Best(
                train_config,
                self._trainer,
                self._run_dir,
                workers=self._workers,
                times=self._times,
            )
            self._evaluations = Evaluations(
                detector_config,
                train_config,
                source,
                trainer=self._trainer,
                run_dir=self._run_dir,
                best=self._best,
                workers=self._workers,
                usable=self._data.usable,
            )
            self._profile = Profile(
                self._run_dir.summaries, profile if self.is_chief else 0
            )
            self._window = LossWindow(train_config.batch_size)
            self._saver = Saver(self._trainer, self._window, self._run_dir)
            try:
                self._workers.from_all(lambda: self._open(backbone))
                self._workers.take_from_chief(self._trainer.variables)
                self._best.open()
                self._watch.begin()
            except BaseException:
                self._saver.give_back()
                raise

    def _check_together(self) -> None:
        """Refuses what cannot be trained, on all workers or on none."""
        configs = self._detector_config, self._train_config
        self._workers.from_all(self._data.check)
        self._workers.from_all(lambda: self._run_dir.check(*configs))
        self._workers.check_same(
            {
                **configs[0].to_dict(),
                **configs[1].to_dict(),
                "data": self._data.digests,
                # May lie elsewhere on each.
                "data_dir": None,
                "val_dir": None,
            }
        )
        self._data.scan()

    def _open(self, backbone: Backbone | None) -> None:
        """Takes the run directory and gives the model its weights."""
        run_dir, source_of_weights = self._run_dir, None
        if not self._saver.restore():
            if self._workers.is_chief:  # others take what it has
                source_of_weights = initialize_weights(
                    self._detector_config,
                    self._train_config,
                    self._trainer.model,
                    backbone=backbone,
                )
            self._trainer.restart_average()
        # Not before the weights are there: a mistake in --init_weights must
        # not leave a directory that refuses its correction.
        run_dir.make()
        self._saver.lock()
        run_dir.create(self._detector_config, self._train_config)
        run_dir.write_source(source_of_weights)
        self._data.remember()
        self._saver.open()
        self._reporter = Reporter(run_dir)
        config = self._train_config
        self._reporter.settings(self._detector_config, config)
        run_dir.journal.start(
            self.step,
            command=self._command,
            num_replicas=self._trainer.strategy.num_replicas_in_sync,
            images={
                split: self._source.num_examples(split)
                for split in (config.train_split, config.eval_split)
            },
        )

    @property
    def step(self) -> int:
        """Optimiser steps done."""
        return self._trainer.steps_done

    @property
    def is_chief(self) -> bool:
        """True for the process that writes to the run directory."""
        return self._workers.is_chief

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
