"""Every figure of a detector on a data set, from one pass over its images."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from ssd_tf.evaluation.coco import CocoEvaluator
from ssd_tf.evaluation.error_breakdown import SCORE_THRESHOLD, ErrorBreakdown
from ssd_tf.evaluation.records import ImageRecord, make_record
from ssd_tf.evaluation.voc import VocEvaluator


class ImageDetections(NamedTuple):
    """Detections of one image, best first."""

    boxes: np.ndarray  # [N, 4] float32 yxyx in 0..1
    scores: np.ndarray  # [N] float32
    classes: np.ndarray  # [N] int32, 1..C


def split_outputs(outputs: Mapping[str, Any]) -> list[ImageDetections]:
    """Cuts a batch of outputs into images, without their padding.

    Args:
      outputs: "detection_boxes" [B, K, 4], "detection_scores" [B, K],
        "detection_classes" [B, K] and "num_detections" [B], tensors or arrays,
        as a SavedModel of ssd_tf has them. Others are not looked at.
    """
    boxes = np.asarray(outputs["detection_boxes"])
    scores = np.asarray(outputs["detection_scores"])
    classes = np.asarray(outputs["detection_classes"]).astype(np.int32)
    counts = np.asarray(outputs["num_detections"]).astype(int)
    return [
        ImageDetections(boxes[i, :count], scores[i, :count], classes[i, :count])
        for i, count in enumerate(counts)
    ]


class EvaluatedImage(NamedTuple):
    """One image of the split with its objects and detections, in NumPy.

    Boxes are yxyx, normalised; those of detections clipped to the image.
    """

    image_id: str
    size: tuple[int, int]  # (height, width) of the original in pixels
    gt_boxes: np.ndarray  # [M, 4] float32
    gt_labels: np.ndarray  # [M] int32
    gt_is_difficult: np.ndarray  # [M] bool
    gt_is_crowd: np.ndarray  # [M] bool
    gt_areas: np.ndarray  # [M] float32 fractions of the image
    boxes: np.ndarray  # [N, 4] float32
    scores: np.ndarray  # [N] float32
    classes: np.ndarray  # [N] int32
    pixels: np.ndarray | None = None  # [H, W, 3] uint8 if it is to be drawn
    position: int = 0  # in the split

    def to_pixels(self, boxes: np.ndarray) -> np.ndarray:
        """Normalised boxes [N, 4] yxyx in pixels of the original."""
        return boxes * np.array(self.size * 2, np.float32)

    def record(self, *, num_classes: int) -> ImageRecord:
        """The image as evaluators take it, checked, in pixels."""
        return make_record(
            self.to_pixels(self.gt_boxes),
            self.gt_labels,
            self.gt_is_difficult,
            self.to_pixels(self.boxes),
            self.scores,
            self.classes,
            num_classes=num_classes,
            gt_is_crowd=self.gt_is_crowd,
            gt_areas=self.gt_areas * self.size[0] * self.size[1],
        )


class Measurement:
    """The three evaluators, `voc`, `coco` and `errors`, fed the same images.

    Takes their arguments, and raises their errors.
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
        record = image.record(num_classes=len(self.voc.class_names))
        for evaluator in (self.voc, self.coco, self.errors):
            evaluator.add(record)

    def figures(self) -> dict[str, Any]:
        """All figures so far, ready for `json.dumps`, as files have them.

        Returns:
          "mAP", "AP", "absent_classes", "num_images": those of "voc".
          "voc", "coco", "errors": the `result` of the evaluators.
          "best_f1": the score threshold of the best F1, all classes together,
            see `ThresholdSweep.best`; under "per_class" that of each class
            that has objects.
        """
        voc = self.voc.result()
        best = self.voc.threshold_sweep().best()
        return {
            "mAP": voc["mAP"],
            "AP": voc["AP"],
            "absent_classes": voc["absent_classes"],
            "num_images": voc["num_images"],
            "coco": self.coco.result(),
            "voc": voc,
            "errors": self.errors.result(),
            "best_f1": best
            and {
                **best,
                "per_class": {
                    name: one.best()
                    for name, one in self.voc.threshold_sweeps().items()
                },
            },
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
