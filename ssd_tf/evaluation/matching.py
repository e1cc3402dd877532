"""Pairing the detections of one image with its objects."""

from typing import NamedTuple

import numpy as np
from pycocotools import mask as coco_mask

from ssd_tf.evaluation.records import ImageRecord


class OwnClassMatch(NamedTuple):
    """Each detection of an image beside the objects of its class.

    With crowds the overlap is the share of the detection. Several detections
    may hit one object: overlap it most, by the threshold or more.
    """

    iou: np.ndarray  # [D, M] float64
    best_iou: np.ndarray  # [D] float64, crowds aside; -1.0 without any object
    is_hit: np.ndarray  # [D] bool
    is_first: np.ndarray  # [D] bool, hits its object with the highest score
    is_ignored: np.ndarray  # [D] bool, counts neither way


def yxyx_to_xywh(boxes: np.ndarray) -> np.ndarray:
    """Corners [N, 4] yxyx -> COCO's x, y, width, height, contiguous [N, 4]."""
    ymin, xmin, ymax, xmax = boxes.T
    return np.stack([xmin, ymin, xmax - xmin, ymax - ymin], axis=1)


def pixel_iou(
    boxes: np.ndarray,
    gt_boxes: np.ndarray,
    *,
    is_crowd: np.ndarray,
    plus_one: bool = False,
) -> np.ndarray:
    """IoU of detections [D, 4] and objects [M, 4] by pycocotools -> [D, M].

    Args:
      boxes, gt_boxes: float64, yxyx in pixels. Two empty ones give zero.
      is_crowd: [M] bool. A crowd holds many objects, so the union with it is
        the detection's own area (pycocotools maskApi.c:bbIou).
      plus_one: the last pixel belongs to the box, so that a side is
        max - min + 1 long (VOCdevkit VOCevaldet.m, Caffe's JaccardOverlap).
    """
    if not len(boxes) or not len(gt_boxes):
        return np.zeros((len(boxes), len(gt_boxes)))
    pixels = np.array([0.0, 0.0, plus_one, plus_one])
    return coco_mask.iou(
        yxyx_to_xywh(boxes) + pixels,
        yxyx_to_xywh(gt_boxes) + pixels,
        is_crowd.astype(np.uint8),
    )


def best_object(
    iou: np.ndarray, allowed: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """IoU [D] and index [D] of the allowed object each overlaps most.

    The first of equals; without an allowed object the IoU is -1.0.
    """
    if not iou.shape[1]:
        return np.full(len(iou), -1.0), np.zeros(len(iou), np.int64)
    masked = np.where(allowed, iou, -1.0)
    index = masked.argmax(axis=1)  # [D]
    return masked[np.arange(len(masked)), index], index


def match_own_class(
    record: ImageRecord, *, iou_threshold: float, plus_one: bool
) -> OwnClassMatch:
    """Compares each detection with the objects and crowds of its class.

    As in the VOC devkit a detection belongs to the one object that it overlaps
    most, taken or not, and is ignored if it reaches the threshold and the
    object is difficult. Only below the threshold crowds, which VOC does not
    have, are looked at: a detection is ignored if its overlap with one reaches
    it. So a second detection of an object inside a crowd stays a duplicate;
    COCO would ignore it.

    Source: VOCdevkit VOCevaldet.m; for crowds pycocotools maskApi.c:bbIou and
    `COCOeval.evaluateImg`.
    """
    iou = pixel_iou(
        record.boxes,
        record.gt_boxes,
        is_crowd=record.gt_is_crowd,
        plus_one=plus_one,
    )
    same_class = record.labels[:, None] == record.gt_labels  # [D, M]
    best_iou, index = best_object(iou, same_class & ~record.gt_is_crowd)
    crowd_overlap, _ = best_object(iou, same_class & record.gt_is_crowd)  # [D]
    hit = best_iou >= iou_threshold  # [D]
    is_ignored = crowd_overlap >= iou_threshold  # [D]
    is_ignored[hit] = record.gt_is_difficult[index[hit]]
    hits = np.flatnonzero(hit)
    # Stable: equal scores keep the order in which they were given.
    hits = hits[np.argsort(-record.scores[hits], kind="stable")]
    is_first = np.zeros(len(hit), bool)
    is_first[hits[np.unique(index[hits], return_index=True)[1]]] = True
    return OwnClassMatch(iou, best_iou, hit, is_first, is_ignored)
