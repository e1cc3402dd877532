"""Every figure of a detector on a data set, from one pass over its images."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ssd_tf.evaluation.coco import CocoEvaluator
from ssd_tf.evaluation.error_breakdown import SCORE_THRESHOLD, ErrorBreakdown
from ssd_tf.evaluation.records import make_record
from ssd_tf.evaluation.voc import VocEvaluator


class ImageDetections(NamedTuple):
    """Detections of one image, best first.

    Attributes:
      boxes: [N, 4] float32 yxyx in 0..1.
      scores: [N] float32.
      classes: [N] int32, 1..C.
    """

    boxes: np.ndarray
    scores: np.ndarray
    classes: np.ndarray


def split_outputs(outputs: Mapping[str, Any]) -> list[ImageDetections]:
    """Cuts a batch of outputs into images, without their padding.

    Args:
      outputs: "detection_boxes" [B, K, 4], "detection_scores" [B, K],
        "detection_classes" [B, K] and "num_detections" [B], tensors or arrays,
        as a SavedModel of ssd_tf has them. Others are not looked at.
    """
    boxes, scores, classes, counts = (
        np.asarray(outputs[name])
        for name in (
            "detection_boxes",
            "detection_scores",
            "detection_classes",
            "num_detections",
        )
    )
    return [
        ImageDetections(
            boxes[i, :count],
            scores[i, :count],
            classes[i, :count].astype(np.int32),
        )
        for i, count in enumerate(counts.astype(int))
    ]


class EvaluatedImage(NamedTuple):
    """One image of the split with its objects and detections, in NumPy.

    Attributes:
      image_id: name.
      size: (height, width) of the original in pixels.
      gt_boxes: [M, 4] float32 yxyx, normalised.
      gt_labels: [M] int32.
      gt_is_difficult: [M] bool.
      gt_is_crowd: [M] bool.
      gt_areas: [M] float32 fractions of the image.
      boxes: [N, 4] float32 yxyx, normalised and clipped to the image.
      scores: [N] float32.
      classes: [N] int32.
      pixels: [H, W, 3] uint8 of an image that is to be drawn, else None.
    """

    image_id: str
    size: tuple[int, int]
    gt_boxes: np.ndarray
    gt_labels: np.ndarray
    gt_is_difficult: np.ndarray
    gt_is_crowd: np.ndarray
    gt_areas: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray
    classes: np.ndarray
    pixels: np.ndarray | None = None

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
        record = make_record(
            image.to_pixels(image.gt_boxes),
            image.gt_labels,
            image.gt_is_difficult,
            image.to_pixels(image.boxes),
            image.scores,
            image.classes,
            num_classes=len(self.voc.class_names),
            gt_is_crowd=image.gt_is_crowd,
            gt_areas=image.gt_areas * height_px * width_px,
        )
        for evaluator in (self.voc, self.coco, self.errors):
            evaluator.add(record)

    def figures(self) -> dict[str, Any]:
        """All figures so far, ready for `json.dumps`.

        The one schema: of result.json and metrics.jsonl of a run, and of
        `python -m ssd_tf evaluate`.

        Returns:
          "mAP", "AP", "absent_classes", "num_images": those of "voc".
          "voc", "coco", "errors": the `result` of the evaluators.
        """
        voc = self.voc.result()
        return {
            **{
                key: voc[key]
                for key in ("mAP", "AP", "absent_classes", "num_images")
            },
            "coco": self.coco.result(),
            "voc": voc,
            "errors": self.errors.result(),
        }

    def result(self) -> dict[str, Any]:
        """`figures`, and "curves": the precision-recall curves by class.

        They are those of "voc", see `PrecisionRecallCurve.as_dict`.
        """
        curves = self.voc.curves().items()
        return {
            **self.figures(),
            "curves": {name: curve.as_dict() for name, curve in curves},
        }
