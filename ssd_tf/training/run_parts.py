"""What a run is made of, built and bound to its directory."""

from collections.abc import Sequence

import tensorflow as tf

from ssd_tf.config import DetectorConfig, TrainConfig
from ssd_tf.data.augmentation.policy import Policy, build_policy
from ssd_tf.data.usable_images import MAX_BAD_IMAGES
from ssd_tf.losses import MultiBoxLoss
from ssd_tf.matchers import Matcher
from ssd_tf.models import Backbone
from ssd_tf.training.batches import Batches
from ssd_tf.training.best import Best
from ssd_tf.training.evaluations import Evaluations
from ssd_tf.training.non_finite import NonFiniteWatch
from ssd_tf.training.opening import check_together, open_run
from ssd_tf.training.profiling import Profile
from ssd_tf.training.reports import LossWindow
from ssd_tf.training.run_data import RunData
from ssd_tf.training.run_dir import RunDir
from ssd_tf.training.saving import Saver
from ssd_tf.training.step import Trainer
from ssd_tf.training.strategy import build_strategy, check_batch_size
from ssd_tf.training.time_shares import TimeShares
from ssd_tf.training.workers import Workers


class RunParts:
    """All that trains together, taken up where the run stands.

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
        self._data = RunData(
            source,
            train_config,
            self._run_dir,
            self._workers,
            max_bad_images=max_bad_images,
            accept_changed=accept_changed_data,
        )
        with self._workers.naming_lost():
            configs = detector_config, train_config
            check_together(
                *configs,
                run_dir=self._run_dir,
                data=self._data,
                workers=self._workers,
            )
            self._trainer = Trainer(
                *(*configs, strategy),
                loss=loss,
                backbone=backbone,
                matcher=matcher,
            )
            self._batches = self._build_batches(
                policy, data_service=data_service, cache=cache
            )
            self._build_watchers()
            self._profile = Profile(
                self._run_dir.summaries, profile if self.is_chief else 0
            )
            try:
                self._open(backbone, command)
            except BaseException:
                self._saver.give_back()
                raise

    def _build_batches(
        self, policy: Policy | None, *, data_service: str | None, cache: str
    ) -> Batches:
        config = self._train_config
        return Batches(
            *(self._source, config, self._trainer),
            policy=build_policy(config) if policy is None else policy,
            image_size=self._detector_config.image_size,
            workers=self._workers,
            usable=self._data.usable,
            data_service=data_service,
            cache=cache,
        )

    def _build_watchers(self) -> None:
        """Builds what looks at the training, judges it and keeps it."""
        config = self._train_config
        self._watch = NonFiniteWatch(
            self._trainer,
            skips=config.on_nan == "skip",
            image_ids=self._batches.image_ids,
        )
        self._best = Best(
            *(config, self._trainer, self._run_dir),
            workers=self._workers,
            times=self._times,
        )
        self._evaluations = Evaluations(
            *(self._detector_config, config, self._source),
            trainer=self._trainer,
            run_dir=self._run_dir,
            best=self._best,
            workers=self._workers,
            usable=self._data.usable,
        )
        self._window = LossWindow(config.batch_size)
        self._saver = Saver(self._trainer, self._window, self._run_dir)

    def _open(self, backbone: Backbone | None, command: Sequence[str]) -> None:
        """Takes the run directory, on all workers, and what was saved."""
        self._workers.from_all(lambda: self._take(backbone, command))
        self._workers.take_from_chief(self._trainer.variables)
        self._best.open()
        self._watch.begin()

    def _take(self, backbone: Backbone | None, command: Sequence[str]) -> None:
        self._reporter = open_run(
            *(self._detector_config, self._train_config, self._source),
            run_dir=self._run_dir,
            data=self._data,
            trainer=self._trainer,
            saver=self._saver,
            backbone=backbone,
            command=command,
            is_chief=self.is_chief,
        )

    @property
    def step(self) -> int:
        """Optimiser steps done."""
        return self._trainer.steps_done

    @property
    def is_chief(self) -> bool:
        """True for the process that writes to the run directory."""
        return self._workers.is_chief
