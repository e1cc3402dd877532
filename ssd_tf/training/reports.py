"""Reports of a run: losses, metrics on disk, summaries, pictures."""

import contextlib
import json
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image

from ssd_tf import visualization
from ssd_tf.data import images
from ssd_tf.errors import InputError
from ssd_tf.evaluation import EvaluatedImage
from ssd_tf.evaluation.error_breakdown import SCORE_THRESHOLD
from ssd_tf.files import written_whole
from ssd_tf.losses import Losses
from ssd_tf.training.run_dir import RunDir

# Of a picture on a sheet: four photographs of twelve megapixels, twice, are
# more than a PNG or a viewer should have to hold.
_LARGEST_SIDE_PX = 1600


def headline(figures: dict[str, Any]) -> str:
    """The step of an evaluation and its two main figures, as a line."""
    return (
        f"step {figures['step']}: mAP@.5 {figures['mAP']:.4f}, "
        f"COCO AP {figures['coco']['mAP']:.4f}"
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

    def add(self, losses: Losses) -> None:
        """Adds those of a step."""
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
        total, classification, localisation = np.mean(
            finite or self._losses, axis=0
        ).tolist()
        seconds = time.monotonic() - self._since
        speed = self._num_timed * self._batch_size / seconds
        return {
            "loss": total,
            "classification": classification,
            "localisation": localisation,
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
        class_names: Sequence[str],
    ) -> None:
        """Reports an evaluation and draws its samples."""
        with self._summaries(step):
            tf.summary.scalar("evaluation/mAP", metrics["mAP"])
            tf.summary.scalar("evaluation/coco_AP", metrics["coco"]["mAP"])
            for name, value in metrics["AP"].items():
                tf.summary.scalar(f"evaluation/AP/{name}", value)
            if samples:
                picture = draw_samples(samples, class_names)
                with written_whole(self._run_dir.picture_file) as file:
                    picture.save(file)
                tf.summary.image("detections", np.asarray(picture)[None])
            self._writer.flush()
        # At last: with this line there, a resumed run takes it as done.
        self._run_dir.metrics.append(
            {"step": step, "kind": "evaluation", **metrics}
        )

    def close(self) -> None:
        """Flushes the summaries."""
        self._writer.close()


def draw_samples(
    samples: Sequence[EvaluatedImage],
    class_names: Sequence[str],
    *,
    score_threshold: float = SCORE_THRESHOLD,
) -> Image.Image:
    """Ground truth beside detections, one row per image, as a picture.

    Images keep their shape and, up to 1600 pixels a side, their size.
    """
    rows = []
    for sample in samples:
        whole = Image.fromarray(np.asarray(sample.pixels))
        # Before drawing, so that lines and text fit what is looked at.
        pixels = np.asarray(visualization.shrink(whole, _LARGEST_SIDE_PX))
        sure = sample.scores >= score_threshold
        truth = visualization.draw_boxes(
            pixels, sample.gt_boxes, sample.gt_labels, class_names
        )
        found = visualization.draw_boxes(
            pixels,
            sample.boxes[sure],
            sample.classes[sure],
            class_names,
            scores=sample.scores[sure],
        )
        rows.append([truth, found])
    return visualization.side_by_side(
        rows, ("ground truth", f"detections, score >= {score_threshold:g}")
    )
