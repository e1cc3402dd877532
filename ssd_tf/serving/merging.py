"""Detections of one picture, found in several ways, made one answer."""

from collections.abc import Sequence

import numpy as np

from ssd_tf.evaluation import ImageDetections, split_outputs
from ssd_tf.serving.predictor import Predictor


def suppress(
    found: ImageDetections,
    *,
    iou_threshold: float,
    agnostic: bool = False,
    is_cut: np.ndarray | None = None,
) -> ImageDetections:
    """NMS over detections, of each class on its own unless `agnostic`.

    Args:
      found: N detections, in any order.
      iou_threshold: overlap above which one of two goes.
      agnostic: boxes of all classes suppress one another.
      is_cut: [N] bool, boxes that may show a part of an object. They stand
        behind all others, and the share of a part that lies in another box
        takes the place of the IoU.

    Returns:
      those that are left, best first.
    """
    boxes, scores, classes = found
    if is_cut is None:
        is_cut = np.zeros(len(scores), bool)
    left = np.lexsort((-scores, is_cut))  # uncut ones first, each best first
    kept = []
    while len(left):
        first, left = left[0], left[1:]
        kept.append(first)
        overlap = _overlaps(boxes[first], boxes[left], is_part=is_cut[left])
        is_other = (classes[left] != classes[first]) & (not agnostic)
        left = left[is_other | (overlap <= iou_threshold)]
    order = np.array(kept, int)
    order = order[np.argsort(-scores[order], kind="stable")]
    return ImageDetections(boxes[order], scores[order], classes[order])


def average(
    one: ImageDetections,
    other: ImageDetections,
    *,
    iou_threshold: float,
    agnostic: bool = False,
) -> ImageDetections:
    """The mean of two answers about one picture.

    Boxes of one class that overlap by more than the threshold are one object:
    it has their mean box, weighted by their scores, and their mean score; what
    only one of the two has gets half of its score. Source: weighted boxes
    fusion (Solovyev et al. 2021, arXiv:1910.13302), of two models.
    """
    boxes, scores, classes = (v.copy() for v in one)
    scores = scores / 2
    is_free = np.ones(len(other.scores), bool)
    for i in np.argsort(-scores, kind="stable"):
        overlap = _overlaps(boxes[i], other.boxes)
        overlap[~is_free | (other.classes != classes[i])] = 0.0
        if not len(overlap) or overlap.max() <= iou_threshold:
            continue
        k = int(overlap.argmax())
        is_free[k] = False
        weights = np.array([scores[i], other.scores[k] / 2], np.float32)
        pair = np.stack([boxes[i], other.boxes[k]])
        scores[i] = weights.sum()
        if scores[i] > 0.0:
            boxes[i] = weights @ pair / scores[i]
    together = ImageDetections(
        np.concatenate([boxes, other.boxes[is_free]]),
        np.concatenate([scores, other.scores[is_free] / 2]),
        np.concatenate([classes, other.classes[is_free]]),
    )
    return suppress(together, iou_threshold=iou_threshold, agnostic=agnostic)


def flip_averaged(predictor: Predictor, *, agnostic: bool = False) -> Predictor:
    """A predictor that looks at each picture and at its mirror image."""

    def detect(pixels):
        # [B, H, W, 3] of any type; TensorFlow's tensors take such indices.
        mirrored = split_outputs(predictor.detect(pixels[:, :, ::-1]))
        return join_outputs(
            [
                average(
                    plain,
                    _mirror(other),
                    iou_threshold=predictor.nms_iou_threshold,
                    agnostic=agnostic,
                )
                for plain, other in zip(
                    split_outputs(predictor.detect(pixels)),
                    mirrored,
                    strict=True,
                )
            ]
        )

    return predictor.with_detect(detect)


def class_agnostic(predictor: Predictor) -> Predictor:
    """A predictor whose objects have one class each.

    NMS over all classes of what the NMS by class of the model has left.
    """

    def detect(pixels):
        return join_outputs(
            [
                suppress(
                    found,
                    iou_threshold=predictor.nms_iou_threshold,
                    agnostic=True,
                )
                for found in split_outputs(predictor.detect(pixels))
            ]
        )

    return predictor.with_detect(detect)


def join_outputs(found: Sequence[ImageDetections]) -> dict[str, np.ndarray]:
    """The inverse of `evaluation.split_outputs`."""
    counts = np.array([len(one.scores) for one in found], np.int32)
    limit = counts.max(initial=0)
    outputs = {
        "detection_boxes": np.zeros((len(found), limit, 4), np.float32),
        "detection_scores": np.zeros((len(found), limit), np.float32),
        "detection_classes": np.zeros((len(found), limit), np.int32),
    }
    for i, (count, one) in enumerate(zip(counts, found, strict=True)):
        for value, row in zip(outputs.values(), one, strict=True):
            value[i, :count] = row
    return {**outputs, "num_detections": counts}


def _mirror(found: ImageDetections) -> ImageDetections:
    ymin, xmin, ymax, xmax = found.boxes.T
    boxes = np.stack([ymin, 1.0 - xmax, ymax, 1.0 - xmin], axis=1)
    return found._replace(boxes=boxes)


def _overlaps(box, boxes, *, is_part=False) -> np.ndarray:
    """IoU of a box [4] with boxes [N, 4]; of parts, their share within it."""
    low = np.maximum(box[:2], boxes[:, :2])
    high = np.minimum(box[2:], boxes[:, 2:])
    shared = np.prod(np.maximum(high - low, 0.0), axis=1)  # [N]
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    union = areas + np.prod(box[2:] - box[:2]) - shared
    whole = np.where(is_part, areas, union)
    return np.divide(shared, whole, out=np.zeros_like(shared), where=whole > 0)
