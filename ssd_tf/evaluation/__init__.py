"""Measuring a detector: VOC and COCO average precision, kinds of errors.

The three evaluators take the same `update` call per image; `Measurement` feeds
all of them in one pass and `format_result` prints it. The drawings are in
`ssd_tf.evaluation.plots`, not imported here because they need matplotlib.
"""

from ssd_tf.evaluation.coco import CocoEvaluator
from ssd_tf.evaluation.curves import PrecisionRecallCurve
from ssd_tf.evaluation.error_breakdown import ErrorBreakdown
from ssd_tf.evaluation.measurement import (
    EvaluatedImage,
    ImageDetections,
    Measurement,
    split_outputs,
)
from ssd_tf.evaluation.tables import format_result, mean_text
from ssd_tf.evaluation.voc import VocEvaluator

__all__ = [
    "CocoEvaluator",
    "ErrorBreakdown",
    "EvaluatedImage",
    "ImageDetections",
    "Measurement",
    "PrecisionRecallCurve",
    "VocEvaluator",
    "format_result",
    "mean_text",
    "split_outputs",
]
