"""The run directory: the files of a training run.

config.json      everything needed to rebuild the detector, and how it was
                 trained (under "training")
checkpoints/     model, optimiser, averaged weights
best/            the weights of the best evaluation
metrics.jsonl    one line per report: {"step", "kind", ...}
tensorboard/     the same as summaries
detections.png   ground truth beside detections
evaluation.npz   what the last evaluation found, for the report
anchors.npz      how the anchors cover the objects, for the report
journal.jsonl    when it was started how, and what its time went to
report.html      all of it to look at
result.json      the last evaluation, and under "best" the best; its presence
                 says the run is done
run.lock         who trains in it, as long as that process lives
source.json      whose weights it began with, if they are of another project
data.json        names and digests of the data, to know them again
images.json      what the files of the images were found to be
"""

import os
import pathlib
from collections.abc import Mapping
from typing import Any

import tensorflow as tf
from absl import logging

from ssd_tf.config import DetectorConfig, TrainConfig
from ssd_tf.errors import InputError
from ssd_tf.files import read_json, write_json, writing
from ssd_tf.training import checkpoints
from ssd_tf.training.journal import Journal
from ssd_tf.training.metrics_log import MetricsLog
from ssd_tf.training.run_lock import LOCK_FILE
from ssd_tf.training.run_result import read_result

# `TrainConfig.recipe` of a run that was not trained here.
CONVERTED = "converted"
# What a run can go on with in another way than it began.
_MAY_CHANGE = ("on_nan", "patience")


class RunDir:
    """Paths and files of one run, in a directory that `create` makes."""

    def __init__(self, path: str | os.PathLike):
        self.path = pathlib.Path(path)
        self.config_file = self.path / "config.json"
        self.checkpoints = self.path / "checkpoints"
        self.best = self.path / "best"
        self.metrics_file = self.path / "metrics.jsonl"
        self.metrics = MetricsLog(self.metrics_file)
        self.summaries = self.path / "tensorboard"
        self.picture_file = self.path / "detections.png"
        self.result_file = self.path / "result.json"
        self.source_file = self.path / "source.json"
        self.evaluation_file = self.path / "evaluation.npz"
        self.coverage_file = self.path / "anchors.npz"
        self.journal = Journal(self.path / "journal.jsonl")
        self.report_file = self.path / "report.html"
        self.data_file = self.path / "data.json"
        self.images_file = self.path / "images.json"

    def check(
        self, detector_config: DetectorConfig, train_config: TrainConfig
    ) -> None:
        """Raises InputError where `create` would, and writes nothing.

        That is for another configuration, or files without a configuration.
        A run that has saved nothing yet takes another configuration.
        """
        if self.config_file.exists():
            self._check_same(detector_config, train_config)
        elif self.path.exists() and (
            not self.path.is_dir()
            or any(p.name != LOCK_FILE for p in self.path.iterdir())
        ):
            raise InputError(
                f"{self.path} is not empty and has no config.json; expected a "
                "new or empty folder, or the folder of an earlier run"
            )

    def create(
        self, detector_config: DetectorConfig, train_config: TrainConfig
    ) -> None:
        """Makes the directory, or checks that it is of this configuration.

        Raises:
          InputError: as `check`, or the directory cannot be written.
        """
        self.check(detector_config, train_config)
        self.make()
        content = {
            **detector_config.to_dict(),
            "training": train_config.to_dict(),
        }
        if not self.config_file.exists():
            write_json(self.config_file, content)
        elif self.read_configs() != (detector_config, train_config):
            if self.has_stopped_early:
                self.result_file.unlink()
            if not self.was_saved:  # it came to nothing
                self.source_file.unlink(missing_ok=True)
            write_json(self.config_file, content)

    def make(self) -> None:
        """Makes the directory; InputError if it cannot be made."""
        with writing(self.path):
            self.path.mkdir(parents=True, exist_ok=True)

    def read_configs(self) -> tuple[DetectorConfig, TrainConfig]:
        """The run's configurations; InputError without a good config.json."""
        if not self.config_file.exists():
            raise InputError(
                f"{self.path} is not a run directory: it has no config.json, "
                "which train.py writes"
            )
        values = read_json(self.config_file)
        try:
            train_config = TrainConfig.from_dict(values.pop("training"))
            return DetectorConfig.from_dict(values), train_config
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"{self.config_file} does not describe a detector: {error}"
            ) from error

    def _check_same(self, detector_config, train_config) -> None:
        new = {**detector_config.to_dict(), **train_config.to_dict()}
        detector_config, train_config = self.read_configs()
        old = {**detector_config.to_dict(), **train_config.to_dict()}
        different = [
            name
            for name in new
            if old.get(name) != new[name] and name not in _MAY_CHANGE
        ]
        if different and self.was_saved:
            name = different[0]
            more = f" (and {', '.join(different[1:])})" if different[1:] else ""
            raise InputError(
                f"{self.path} holds a run with {name}={old[name]!r}, but "
                f"{name}={new[name]!r} was asked for{more}; choose another "
                "--run_dir"
            )

    @property
    def is_finished(self) -> bool:
        """True once the run was trained and evaluated to its end.

        A line says so where result.json is there and of no use.
        """
        if not self.result_file.exists():
            return False
        try:
            self.read_result()
        except InputError as error:
            logging.warning("%s", error)
            return False
        return True

    @property
    def has_stopped_early(self) -> bool:
        """True if it is finished, but for want of gain before its end."""
        return self.is_finished and bool(
            self.read_result().get("stopped_early")
        )

    def needs_training(self, train_config: TrainConfig) -> bool:
        """True until it is finished with this configuration.

        One that has stopped early goes on with another patience.
        """
        if self.has_stopped_early:
            _, before = self.read_configs()
            return before.patience != train_config.patience
        return not self.is_finished

    def read_result(self) -> dict[str, Any]:
        """The metrics of the last evaluation of a finished run.

        Raises:
          InputError: result.json does not hold them.
        """
        return read_result(self.result_file)

    def write_source(self, source: dict[str, Any] | None) -> None:
        """Notes whose weights the run began with, if they have a source."""
        if source:
            write_json(self.source_file, source)

    def read_source(self) -> dict[str, Any] | None:
        """Whose weights the run began with; None for ssd_tf's own."""
        if not self.source_file.exists():
            return None
        return read_json(self.source_file)

    def restore(
        self,
        checkpoint: tf.train.Checkpoint,
        *,
        whole: bool,
        optional: Mapping[str, Any] | None = None,
    ) -> pathlib.Path | None:
        """Restores the newest checkpoint that can be read; None before any.

        If `whole`, the file may hold nothing but these objects, and those
        `optional` ones that earlier versions did not save, by their names.

        Returns:
          its path prefix.

        Raises:
          InputError: it is of other objects than these, or there are
            checkpoints and none can be read.
        """
        path = checkpoints.newest(self.checkpoints)
        if path is not None:
            checkpoints.restore(
                *(path, checkpoint),
                whole=whole,
                optional=optional or {},
                config_file=self.config_file,
            )
        return path

    @property
    def was_saved(self) -> bool:
        """True once there is something of a training to be lost."""
        return (
            self.has_checkpoints
            or bool(checkpoints.find(self.best))
            or self.result_file.exists()
        )

    @property
    def has_checkpoints(self) -> bool:
        """True once a checkpoint was saved, also if it is damaged."""
        return checkpoints.were_saved(self.checkpoints)

    @property
    def last_step(self) -> int | None:
        """The step of the newest checkpoint; None before any."""
        saved = checkpoints.find_finished(self.checkpoints)
        return checkpoints.step_of(saved[0]) if saved else None

    def way_on(self, saved: pathlib.Path | None = None) -> str:
        """Where the same command goes on from.

        That is `saved`, or what is there now.
        """
        if self.result_file.exists():
            return "the run is finished"
        step = checkpoints.step_of(saved) if saved else self.last_step
        if step is not None:
            return f"the same command goes on from step {step}"
        return "nothing was saved yet: the same command begins at step 0"

    def latest_checkpoint(self) -> str | None:
        """Path prefix of the newest checkpoint that can be read, or None.

        Raises:
          InputError: there are checkpoints, and none can be read.
        """
        path = checkpoints.newest(self.checkpoints)
        return None if path is None else str(path)
