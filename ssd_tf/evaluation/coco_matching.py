"""COCO's matching for one image and class.

The rule, and in the tests the exact results, of pycocotools'
`COCOeval.evaluateImg`. But one pass makes all area ranges, and only detections
that reach the lowest IoU threshold enter the loop.
"""

from typing import Any

import numpy as np

from ssd_tf.evaluation.matching import pixel_iou
from ssd_tf.evaluation.records import ImageRecord

_UNMATCHED = -1


def evaluate_image_class(
    record: ImageRecord,
    label: int,
    *,
    iou_thresholds: np.ndarray,
    area_ranges: list[list[float]],
    max_detections: int,
) -> list[dict[str, Any]]:
    """Matches the detections and objects of one class in one image.

    Args:
      iou_thresholds: [T] rising.
      area_ranges: lowest and highest area in square pixels, both included.
      max_detections: that many count, by falling score.

    Returns:
      For each area range what `COCOeval.accumulate` reads: "dtScores" [D],
      "dtMatches" and "dtIgnore" [T, D] bool, "gtIgnore" [M] bool.
    """
    mine = np.flatnonzero(record.labels == label)
    by_score = np.argsort(-record.scores[mine], kind="stable")
    mine = mine[by_score[:max_detections]]  # [D]
    scores, boxes = record.scores[mine], record.boxes[mine]
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])  # [D]
    is_gt = record.gt_labels == label
    gt_areas = record.gt_areas[is_gt]  # [M]
    crowd = record.gt_is_ignored[is_gt]  # [M]
    iou = pixel_iou(boxes, record.gt_boxes[is_gt], is_crowd=crowd)  # [D, M]
    nothing = np.zeros((len(iou_thresholds), len(mine)), bool)  # [T, D]

    cells = []
    for lowest, highest in area_ranges:
        ignore = crowd | (gt_areas < lowest) | (gt_areas > highest)  # [M]
        outside = (areas < lowest) | (areas > highest)  # [D]
        matched, on_ignored = nothing, nothing
        if iou.size:
            matched, on_ignored = _match(iou, ignore, crowd, iou_thresholds)
        cells.append(
            {
                "dtScores": scores,
                "dtMatches": matched,
                "dtIgnore": on_ignored | (~matched & outside),
                "gtIgnore": ignore,
            }
        )
    return cells


def _match(
    iou: np.ndarray,
    ignore: np.ndarray,
    crowd: np.ndarray,
    thresholds: np.ndarray,
) -> tuple[np.ndarray, np.ndarray]:
    """Detections matched, and matched with an ignored object: [T, D] bool.

    `iou` is [D, M], best score first; `ignore` and `crowd` are [M] bool.
    """
    matched = np.zeros((len(thresholds), len(iou)), bool)
    on_ignored = np.zeros_like(matched)
    candidates = np.flatnonzero(iou.max(axis=1) >= thresholds[0])
    # Ignored objects last: they are taken only where no other fits.
    order = np.argsort(ignore, kind="stable")
    # Plain lists: reading single numbers out of arrays is ten times slower.
    rows = list(zip(candidates.tolist(), iou[candidates][:, order].tolist()))
    ignored, crowds = ignore[order].tolist(), crowd[order].tolist()
    for t, threshold in enumerate(thresholds.tolist()):
        is_taken = [False] * len(order)
        for detection, row in rows:
            match = _best_free_object(row, is_taken, ignored, threshold)
            if match != _UNMATCHED:
                # Any number of detections may lie on a crowd.
                is_taken[match] = not crowds[match]
                matched[t, detection] = True
                on_ignored[t, detection] = ignored[match]
    return matched, on_ignored


def _best_free_object(
    row: list[float],
    is_taken: list[bool],
    ignored: list[bool],
    threshold: float,
) -> int:
    """The free object with the highest IoU, the last of equals."""
    # pycocotools' guard for a threshold of 1 is not needed up to .95.
    best_iou, match = threshold, _UNMATCHED
    for index, iou in enumerate(row):
        if is_taken[index]:
            continue
        if match != _UNMATCHED and ignored[index] and not ignored[match]:
            break
        if iou >= best_iou:
            best_iou, match = iou, index
    return match
