"""Every figure of a detector on a data set, from one pass over its images."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ssd_tf.evaluation.coco import CocoEvaluator
from ssd_tf.evaluation.error_breakdown import SCORE_THRESHOLD, ErrorBreakdown
from ssd_tf.evaluation.voc import VocEvaluator


class EvaluatedImage(NamedTuple):
    """One image of the split with its objects and detections, in NumPy.

    Attributes:
      image_id: name.
      pixels: [S, S, 3] float32, as the network sees it.
      size: (height, width) of the original in pixels.
      gt_boxes: [M, 4] float32 yxyx, normalised.
      gt_labels: [M] int32.
      gt_is_difficult: [M] bool.
      gt_is_crowd: [M] bool.
      gt_areas: [M] float32 fractions of the image.
      boxes: [N, 4] float32 yxyx, normalised and clipped to the image.
      scores: [N] float32.
      classes: [N] int32.
    """

    image_id: str
    pixels: np.ndarray
    size: tuple[int, int]
    gt_boxes: np.ndarray
    gt_labels: np.ndarray
    gt_is_difficult: np.ndarray
    gt_is_crowd: np.ndarray
    gt_areas: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray
    classes: np.ndarray

    def to_pixels(self, boxes: np.ndarray) -> np.ndarray:
        """Normalised boxes [N, 4] yxyx in pixels of the original."""
        return boxes * np.array(self.size * 2, np.float32)


class Measurement:
    """The three evaluators, fed with the same images.

    Args:
      class_names: C names, label 1 first, without background.
      method: of `VocEvaluator`.
      iou_threshold: of `VocEvaluator` and of `ErrorBreakdown`.
      plus_one: likewise.
      score_threshold: of `ErrorBreakdown`.

    Attributes:
      voc, coco, errors: the evaluators.

    Raises:
      ValueError: as the evaluators.
    """

    def __init__(
        self,
        class_names: Sequence[str],
        *,
        method: str = "area",
        iou_threshold: float = 0.5,
        plus_one: bool = False,
        score_threshold: float = SCORE_THRESHOLD,
    ):
        self.voc = VocEvaluator(
            class_names,
            method=method,
            iou_threshold=iou_threshold,
            plus_one=plus_one,
        )
        self.coco = CocoEvaluator(class_names)
        self.errors = ErrorBreakdown(
            class_names,
            score_threshold=score_threshold,
            iou_threshold=iou_threshold,
            plus_one=plus_one,
        )

    def add(self, image: EvaluatedImage) -> None:
        """Counts an image; of its arrays only boxes, labels, scores stay."""
        height_px, width_px = image.size
        for evaluator in (self.voc, self.coco, self.errors):
            evaluator.update(
                image.to_pixels(image.gt_boxes),
                image.gt_labels,
                image.gt_is_difficult,
                image.to_pixels(image.boxes),
                image.scores,
                image.classes,
                gt_is_crowd=image.gt_is_crowd,
                gt_areas=image.gt_areas * height_px * width_px,
            )

    def result(self) -> dict[str, Any]:
        """All figures so far, ready for `json.dumps`.

        Returns:
          "voc", "coco", "errors": the `result` of the evaluators.
          "curves": by class the precision-recall curve of "voc", see
            `PrecisionRecallCurve.as_dict`.
        """
        return {
            "voc": self.voc.result(),
            "coco": self.coco.result(),
            "errors": self.errors.result(),
            "curves": {
                name: curve.as_dict()
                for name, curve in self.voc.curves().items()
            },
        }
