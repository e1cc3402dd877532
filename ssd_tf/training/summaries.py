"""What TensorBoard shows of a run beside scalars.

Its plugins for precision-recall curves, pictures and hyperparameters.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from tensorboard.plugins.hparams import api as hparams
from tensorboard.plugins.pr_curve import summary as pr_curve

from ssd_tf import visualization
from ssd_tf.config import DetectorConfig, TrainConfig
from ssd_tf.evaluation import EvaluatedImage
from ssd_tf.evaluation.score_threshold import THRESHOLDS, ThresholdSweep
from ssd_tf.training.samples import draw_sample

# Of a picture that is kept for every evaluation.
_SIDE_PX = 640
_METRICS = {
    "evaluation/mAP": "mAP@.5",
    "evaluation/coco_AP": "COCO AP",
    "evaluation/best_f1": "best F1",
}


def write_hparams(detector: DetectorConfig, training: TrainConfig) -> None:
    """Notes the settings of a run, to compare runs by in HParams."""
    hparams.hparams_config(
        hparams=[],
        metrics=[
            hparams.Metric(tag, display_name=name)
            for tag, name in _METRICS.items()
        ],
    )
    settings = {**training.to_dict(), **detector.to_dict()}
    hparams.hparams(
        {
            name: value if isinstance(value, (bool, int, float)) else str(value)
            for name, value in settings.items()
        }
    )


def write_figures(metrics: Mapping[str, Any]) -> None:
    """The scalars of an evaluation: of all classes, and of each."""
    best = metrics.get("best_f1") or {"f1": 0.0}
    tf.summary.scalar("evaluation/mAP", metrics["mAP"])
    tf.summary.scalar("evaluation/coco_AP", metrics["coco"]["mAP"])
    tf.summary.scalar("evaluation/best_f1", best["f1"])
    for name, value in metrics["AP"].items():
        tf.summary.scalar(f"evaluation/AP/{name}", value)


def write_curves(
    sweeps: Mapping[str, ThresholdSweep],
    num_objects: Mapping[str, int],
    *,
    step: int,
) -> None:
    """A precision-recall curve of each class, over `THRESHOLDS`."""
    for name, sweep in sweeps.items():
        positives = num_objects[name]
        correct = np.rint(sweep.recall * positives)
        # Without a detection nothing is wrong.
        precision = np.where(np.isnan(sweep.precision), 1.0, sweep.precision)
        wrong = correct / np.maximum(precision, 1e-9) - correct
        curve = pr_curve.raw_data_pb(
            f"precision_recall/{name}",
            true_positive_counts=correct,
            false_positive_counts=np.where(correct > 0, np.rint(wrong), 0),
            true_negative_counts=np.zeros(len(THRESHOLDS)),
            false_negative_counts=positives - correct,
            precision=precision,
            recall=sweep.recall,
            num_thresholds=len(THRESHOLDS),
        )
        tf.summary.experimental.write_raw_pb(
            curve.SerializeToString(), step=step
        )


def write_samples(
    samples: Sequence[EvaluatedImage], class_names: Sequence[str]
) -> None:
    """Ground truth beside detections of the same pictures every time."""
    for k, sample in enumerate(samples):
        sheet = visualization.side_by_side(
            [draw_sample(sample, class_names, side_px=_SIDE_PX)],
            ("ground truth", "detections"),
        )
        tf.summary.image(
            f"validation/{k + 1}",
            np.asarray(sheet)[None],
            description=sample.image_id,
        )
