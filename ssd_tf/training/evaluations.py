"""The evaluations of a run: on the way, at its end, and after a kill."""

from typing import Any

from ssd_tf.config import DetectorConfig, TrainConfig
from ssd_tf.data.usable_images import UsableImages
from ssd_tf.decoder import Decoder
from ssd_tf.evaluation import EvaluatedImage, Measurement
from ssd_tf.evaluation.image_archive import pack_images
from ssd_tf.files import write_bytes
from ssd_tf.training.best import Best
from ssd_tf.training.evaluate import evaluate, make_detect_function
from ssd_tf.training.reports import Reporter
from ssd_tf.training.run_dir import RunDir
from ssd_tf.training.step import Trainer
from ssd_tf.training.workers import Workers

_NUM_SAMPLES = 4


class Evaluations:
    """Measures the (averaged) weights of a run on its evaluation split.

    Args:
      detector_config, train_config: of the run.
      source: the data.
      trainer: whose weights are measured.
      run_dir: what was measured before.
      best: judges what is measured.
      workers: share out the images.
      usable: knows which images are left out.
    """

    def __init__(
        self,
        detector_config: DetectorConfig,
        train_config: TrainConfig,
        source,
        *,
        trainer: Trainer,
        run_dir: RunDir,
        best: Best,
        workers: Workers,
        usable: UsableImages,
    ):
        self._train_config = train_config
        self._image_size = detector_config.image_size
        self._source = source
        self._trainer = trainer
        self._run_dir = run_dir
        self._best = best
        self._workers = workers
        self._usable = usable
        self._detect = make_detect_function(
            trainer.evaluated_model, Decoder(detector_config)
        )

    def are_due(self) -> bool:
        """True after every so many steps, but the last, until it is done."""
        every, step = self._train_config.eval_every, self._trainer.steps_done
        return (
            every > 0
            and 0 < step < self._train_config.steps
            and step % every == 0
            and self.known() is None
        )

    def known(self) -> dict[str, Any] | None:
        """The metrics of this step, if they were made before a kill."""
        return self._workers.from_chief(
            lambda: self._run_dir.metrics.evaluation_of(
                self._trainer.steps_done
            )
        )

    def make(self, reporter: Reporter) -> dict[str, Any]:
        """Measures, keeps what was found, reports; returns the metrics."""
        images: list[EvaluatedImage] = []
        measurement = Measurement(self._source.class_names)
        with self._trainer.averaged_weights():
            metrics, samples = evaluate(
                self._detect,
                self._source,
                self._train_config.eval_split,
                image_size=self._image_size,
                num_samples=_NUM_SAMPLES,
                measurement=measurement,
                on_image=images.append,
                workers=self._workers,
                usable=self._usable,
            )
            step = self._trainer.steps_done
            metrics = {"step": step, **metrics}
            self._best.take(metrics)
        write_bytes(self._run_dir.evaluation_file, pack_images(images))
        reporter.evaluation(step, metrics, samples, measurement.voc)
        self._best.sweep()
        return metrics
