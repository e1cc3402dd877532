"""What a report is made of."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ssd_tf.config import DetectorConfig, TrainConfig
from ssd_tf.evaluation import EvaluatedImage
from ssd_tf.evaluation.anchor_coverage import Coverage


@dataclasses.dataclass(frozen=True, kw_only=True)
class RunFacts:
    """A run as it lies on disk; what it did not keep is empty or None.

    Attributes:
      name: that a reader knows it by.
      detector, training: its configurations.
      log: the lines of metrics.jsonl, in order.
      result: the figures of the last evaluation of a finished run and, under
        "best", those of the best by its "best_metric".
      starts: by start of its program: "command", "started_utc", "step",
        "devices", "versions" and "images" by split.
      seconds: spent on each kind of work.
      images: those of the last evaluation.
      coverage: of the objects to train on by the anchors.
      read_pictures: positions in the evaluated split -> pixels by image id;
        raises InputError where the data cannot be read.
    """

    name: str
    detector: DetectorConfig
    training: TrainConfig
    log: Sequence[Mapping[str, Any]] = ()
    result: Mapping[str, Any] | None = None
    starts: Sequence[Mapping[str, Any]] = ()
    seconds: Mapping[str, float] = dataclasses.field(default_factory=dict)
    images: Sequence[EvaluatedImage] = ()
    coverage: Coverage | None = None
    read_pictures: Callable[[Sequence[int]], dict[str, np.ndarray]] | None = (
        None
    )

    def renamed(self, name: str) -> "RunFacts":
        """The same run under another name."""
        return dataclasses.replace(self, name=name)

    @property
    def training_log(self) -> list[Mapping[str, Any]]:
        """Reports of training steps."""
        return [line for line in self.log if line.get("kind") == "training"]

    @property
    def evaluation_log(self) -> list[Mapping[str, Any]]:
        """Reports of evaluations."""
        return [line for line in self.log if line.get("kind") == "evaluation"]

    @property
    def figures(self) -> Mapping[str, Any] | None:
        """Those of the end, or else of the last evaluation on the way."""
        return self.result or next(reversed(self.evaluation_log), None)

    @property
    def best(self) -> Mapping[str, Any] | None:
        """Figures of the best evaluation of a finished run, if it says so."""
        return (self.result or {}).get("best")

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes 1..C."""
        return self.detector.class_names or tuple(
            str(k) for k in range(1, self.detector.num_classes + 1)
        )
