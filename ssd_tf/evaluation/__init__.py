"""Measuring a detector: VOC and COCO average precision, kinds of errors.

The three evaluators take the same `update` call per image; `Measurement` feeds
all of them in one pass over a data set. `ssd_tf.evaluation.plots` draws their
results; it is not imported here because it needs matplotlib.
"""

from ssd_tf.evaluation.coco import CocoEvaluator
from ssd_tf.evaluation.curves import PrecisionRecallCurve
from ssd_tf.evaluation.error_breakdown import ErrorBreakdown
from ssd_tf.evaluation.measurement import EvaluatedImage, Measurement
from ssd_tf.evaluation.voc import VocEvaluator

__all__ = [
    "CocoEvaluator",
    "ErrorBreakdown",
    "EvaluatedImage",
    "Measurement",
    "PrecisionRecallCurve",
    "VocEvaluator",
]
