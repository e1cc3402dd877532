"""Checked arrays of one image, and the base of what counts them.

All numbers become float64: a float32 IoU can fall on the other side of a
threshold, and figures shall not depend on the precision of the caller's arrays.
"""

import abc
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class ImageRecord(NamedTuple):
    """Objects and detections of one image, without padding rows."""

    gt_boxes: np.ndarray  # [M, 4] float64, yxyx in pixels
    gt_labels: np.ndarray  # [M] int64, 1..C
    gt_is_difficult: np.ndarray  # [M] bool, VOC's
    gt_is_crowd: np.ndarray  # [M] bool, COCO's: a region of many objects
    gt_areas: np.ndarray  # [M] float64, square pixels
    boxes: np.ndarray  # [D, 4] float64, yxyx in pixels
    scores: np.ndarray  # [D] float64
    labels: np.ndarray  # [D] int64, 1..C

    @property
    def gt_is_ignored(self) -> np.ndarray:
        """Difficult objects and crowds, which nobody has to find, [M] bool."""
        return self.gt_is_difficult | self.gt_is_crowd

    def above(self, score_threshold: float) -> "ImageRecord":
        """The same with the detections of at least this score."""
        counted = self.scores >= score_threshold
        return self._replace(
            boxes=self.boxes[counted],
            scores=self.scores[counted],
            labels=self.labels[counted],
        )


class Evaluator(abc.ABC):
    """Base of what counts the images of a data set one by one.

    Args:
      class_names: C names, label 1 first, without background.

    Raises:
      ValueError: if the names are not distinct.
    """

    def __init__(self, class_names: Sequence[str]):
        names = () if isinstance(class_names, str) else tuple(class_names)
        strings = all(isinstance(name, str) for name in names)
        if not names or not strings or len(set(names)) != len(names):
            raise ValueError(
                "class_names must be a sequence of distinct names, without "
                f"background, got {class_names!r}"
            )
        self.class_names: tuple[str, ...] = names

    def update(
        self,
        gt_boxes,
        gt_labels,
        gt_is_difficult,
        boxes,
        scores,
        labels,
        *,
        gt_is_crowd=None,
        gt_areas=None,
    ) -> None:
        """Checks one image and adds it. Rows with label 0 are padding.

        Args:
          gt_boxes, boxes: [M, 4] and [D, 4] yxyx in pixels.
          gt_labels, labels: [M] and [D] whole numbers 1..C.
          gt_is_difficult: [M] booleans, or None when there are none.
          scores: [D].
          gt_is_crowd: [M] booleans, or None when there are none ("iscrowd" of
            COCO's annotations). A crowd is not to be found, and its overlap
            with a detection is the share of the detection that lies in it
            (pycocotools maskApi.c:bbIou). A difficult crowd is a crowd.
          gt_areas: [M] in square pixels, to sort objects into small, medium
            and large; by default the areas of the boxes. COCO's own figures
            use the areas of the masks ("area" of an annotation).

        Raises:
          ValueError: on a wrong shape, a label above C, a number that is not
            finite, or a box whose maximum lies before its minimum.
        """
        self.add(
            make_record(
                *(gt_boxes, gt_labels, gt_is_difficult, boxes, scores, labels),
                num_classes=len(self.class_names),
                gt_is_crowd=gt_is_crowd,
                gt_areas=gt_areas,
            )
        )

    @abc.abstractmethod
    def add(self, record: ImageRecord) -> None:
        """Adds one image that has been checked."""


def make_record(
    gt_boxes,
    gt_labels,
    gt_is_difficult,
    boxes,
    scores,
    labels,
    *,
    num_classes: int,
    gt_is_crowd=None,
    gt_areas=None,
) -> ImageRecord:
    """Checks the arrays of `Evaluator.update` and drops their padding."""
    gt_boxes, boxes = _boxes("gt_boxes", gt_boxes), _boxes("boxes", boxes)
    num_gt, num_detections = len(gt_boxes), len(boxes)
    if gt_is_difficult is None:
        gt_is_difficult = np.zeros(num_gt, bool)
    if gt_is_crowd is None:
        gt_is_crowd = np.zeros(num_gt, bool)
    if gt_areas is None:
        gt_areas = np.prod(gt_boxes[:, 2:] - gt_boxes[:, :2], axis=1)
    gt_labels = _labels("gt_labels", gt_labels, num_gt, num_classes)
    labels = _labels("labels", labels, num_detections, num_classes)
    difficult = _vector("gt_is_difficult", gt_is_difficult, num_gt)
    crowd = _vector("gt_is_crowd", gt_is_crowd, num_gt)
    is_gt, is_detection = gt_labels > 0, labels > 0
    record = ImageRecord(
        gt_boxes=gt_boxes[is_gt],
        gt_labels=gt_labels[is_gt],
        gt_is_difficult=difficult.astype(bool)[is_gt],
        gt_is_crowd=crowd.astype(bool)[is_gt],
        gt_areas=_vector("gt_areas", gt_areas, num_gt)[is_gt],
        boxes=boxes[is_detection],
        scores=_vector("scores", scores, num_detections)[is_detection],
        labels=labels[is_detection],
    )
    for name in ("scores", "gt_areas"):
        _check_finite(name, getattr(record, name))
    for name in ("gt_boxes", "boxes"):
        _check_order(name, getattr(record, name))
    return record


def check_fraction(name: str, value: float, *, zero_allowed=False) -> float:
    """A threshold in (0, 1], or in [0, 1] where zero is allowed."""
    if not (0 < value <= 1 or (zero_allowed and value == 0)):
        interval = "[0, 1]" if zero_allowed else "(0, 1]"
        raise ValueError(f"{name} must be in {interval}, got {value!r}")
    return float(value)


def _numbers(name: str, value) -> np.ndarray:
    try:
        return np.asarray(value, np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be numbers, got {value!r}") from error


def _boxes(name: str, value) -> np.ndarray:
    boxes = _numbers(name, value)
    # A plain [] has shape (0,), which any caller without boxes may pass.
    if boxes.shape == (0,):
        return boxes.reshape(0, 4)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(f"{name} must be [N, 4], got {boxes.shape}")
    return boxes


def _vector(name: str, value, length: int) -> np.ndarray:
    vector = _numbers(name, value)
    if vector.shape != (length,):
        raise ValueError(
            f"{name} must be [{length}], one per box, got {vector.shape}"
        )
    return vector


def _labels(name: str, value, length: int, num_classes: int) -> np.ndarray:
    numbers = _vector(name, value, length)
    valid = (numbers >= 0) & (numbers <= num_classes)  # False for NaN too.
    valid &= numbers == np.floor(numbers)
    if not valid.all():
        raise ValueError(
            f"{name} must be whole numbers 0..{num_classes}, "
            f"got {numbers[~valid][0]:g}"
        )
    return numbers.astype(np.int64)


def _check_finite(name: str, vector: np.ndarray) -> None:
    bad = vector[~np.isfinite(vector)]
    if bad.size:
        raise ValueError(f"{name} must be finite, got {bad[0]}")


def _check_order(name: str, boxes: np.ndarray) -> None:
    ordered = (boxes[:, 2:] >= boxes[:, :2]).all(axis=1)
    bad = boxes[~ordered | ~np.isfinite(boxes).all(axis=1)]
    if bad.size:
        raise ValueError(
            f"{name} must be finite ymin, xmin, ymax, xmax with "
            f"ymin <= ymax and xmin <= xmax, got {bad[0]}"
        )
