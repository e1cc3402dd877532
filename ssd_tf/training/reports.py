"""Reports of a run: losses, metrics on disk, summaries, pictures."""

import contextlib
import json
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ssd_tf.config import DetectorConfig, TrainConfig
from ssd_tf.data import images
from ssd_tf.errors import InputError
from ssd_tf.evaluation import EvaluatedImage, mean_text
from ssd_tf.evaluation.voc import VocEvaluator
from ssd_tf.files import written_whole
from ssd_tf.training import summaries
from ssd_tf.training.run_dir import RunDir
from ssd_tf.training.samples import draw_samples
from ssd_tf.training.step import StepFigures


def headline(figures: dict[str, Any]) -> str:
    """The step of an evaluation and its two main figures, as a line."""
    return (
        f"step {figures['step']}: mAP@.5 {mean_text(figures)}, "
        f"COCO AP {mean_text(figures['coco'])}"
    )


class LossWindow(tf.train.experimental.PythonState):
    """Losses since the last report, kept on the device until they are needed.

    They are saved with a run: resumed, it reports on the same steps.
    """

    def __init__(self, batch_size: int):
        self._batch_size = batch_size
        self._losses: list[Sequence] = []
        self.start()

    def start(self) -> None:
        """Starts the clock of the first report."""
        self._num_timed, self._since = 0, time.monotonic()

    def add(self, losses: StepFigures) -> None:
        """Adds those of a step, and the norm of its gradient."""
        self._losses.append(losses)
        self._num_timed += 1

    def leave_out(self, seconds: float) -> None:
        """Leaves out time that was not spent on training."""
        self._since += seconds

    def means(self) -> dict[str, float]:
        """Means of the window, and the speed of the steps made here."""
        self._losses = self._values()
        # A step that was left out has none.
        finite = [row for row in self._losses if np.isfinite(row).all()]
        total, classification, localisation, norm = np.mean(
            finite or self._losses, axis=0
        ).tolist()
        seconds = time.monotonic() - self._since
        speed = self._num_timed * self._batch_size / seconds
        return {
            "loss": total,
            "classification": classification,
            "localisation": localisation,
            # Not finite where float16 has left a step out.
            **({"gradient_norm": norm} if np.isfinite(norm) else {}),
            "images_per_second": round(speed, 2),
        }

    def clear(self) -> None:
        """Starts a new window; the old one has been reported."""
        self._losses = []
        self.start()

    def _values(self) -> list[Sequence]:
        return [[float(v) for v in losses] for losses in self._losses]

    def serialize(self) -> str:
        """For `tf.train.Checkpoint`."""
        return json.dumps(self._values())

    def deserialize(self, string_value: bytes) -> None:
        """For `tf.train.Checkpoint`."""
        self._losses = json.loads(string_value)


class Reporter:
    """Writes reports of a run to metrics.jsonl and TensorBoard."""

    def __init__(self, run_dir: RunDir):
        self._run_dir = run_dir
        self._writer = tf.summary.create_file_writer(str(run_dir.summaries))

    @contextlib.contextmanager
    def _summaries(self, step: int) -> Iterator[None]:
        """A context for summaries of a step; InputError for a full disk."""
        try:
            with self._writer.as_default(step=step):
                yield
        except tf.errors.OpError as error:
            raise InputError(
                f"{self._run_dir.summaries} cannot be written: "
                f"{images.reason(error)}"
            ) from error

    def settings(self, detector: DetectorConfig, training: TrainConfig) -> None:
        """Notes the settings of the run in TensorBoard."""
        with self._summaries(0):
            summaries.write_hparams(detector, training)

    def training(self, step: int, values: dict[str, float]) -> None:
        """Reports losses, learning rate and speed of the steps before."""
        self._run_dir.metrics.append(
            {"step": step, "kind": "training", **values}
        )
        with self._summaries(step):
            for name, value in values.items():
                tf.summary.scalar(f"training/{name}", value)

    def evaluation(
        self,
        step: int,
        metrics: dict[str, Any],
        samples: Sequence[EvaluatedImage],
        voc: VocEvaluator,
    ) -> None:
        """Reports an evaluation, its curves by class, and draws its samples."""
        class_names = voc.class_names
        with self._summaries(step):
            summaries.write_figures(metrics)
            summaries.write_curves(
                voc.threshold_sweeps(), metrics["voc"]["num_objects"], step=step
            )
            if samples:
                picture = draw_samples(samples, class_names)
                with written_whole(self._run_dir.picture_file) as file:
                    picture.save(file)
                summaries.write_samples(samples, class_names)
            self._writer.flush()
        # At last: with this line there, a resumed run takes it as done.
        self._run_dir.metrics.append(
            {"step": step, "kind": "evaluation", **metrics}
        )

    def close(self) -> None:
        """Flushes the summaries."""
        self._writer.close()
