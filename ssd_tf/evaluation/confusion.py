"""Confusion between classes."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ssd_tf.evaluation.error_breakdown import CORRECT, IGNORED, judge
from ssd_tf.evaluation.records import Evaluator, ImageRecord, check_fraction


class ConfusionMatrix(Evaluator):
    """Counts which class objects were taken for.

    Row: the class of the object. Column: the class of the detection. The row
    0 are detections on none, the column 0 objects that were missed. A
    detection that is correct (`ErrorBreakdown`) takes its object; after those,
    from the best score on, each takes the free object of any class that it
    overlaps most, by the threshold or more. Difficult objects and crowds, and
    the detections on them that `ErrorBreakdown` ignores, are left out. So a
    row adds up to the objects of a class, and a column to its detections.

    Args:
      class_names: as of every `Evaluator`.
      score_threshold: lowest score that counts, itself included.
      iou_threshold: lowest IoU of a detection with its object.
      plus_one: a box is max - min + 1 pixels long.
    """

    def __init__(
        self,
        class_names: Sequence[str],
        *,
        score_threshold: float,
        iou_threshold: float = 0.5,
        plus_one: bool = False,
    ):
        super().__init__(class_names)
        self.score_threshold = check_fraction(
            "score_threshold", score_threshold, zero_allowed=True
        )
        self.iou_threshold = check_fraction("iou_threshold", iou_threshold)
        self.plus_one = plus_one
        size = len(self.class_names) + 1
        self.counts = np.zeros((size, size), np.int64)

    def add(self, record: ImageRecord) -> None:
        """Adds one image that has been checked."""
        record = record.above(self.score_threshold)
        judged = judge(
            record, iou_threshold=self.iou_threshold, plus_one=self.plus_one
        )
        is_free = ~record.gt_is_ignored  # [M]
        taken = np.full(len(record.scores), -1)  # [D]
        order = np.argsort(-record.scores, kind="stable")
        is_correct = judged.outcomes == CORRECT
        for i in [*order[is_correct[order]], *order[~is_correct[order]]]:
            if judged.outcomes[i] == IGNORED:
                continue
            allowed = is_free.copy()
            if is_correct[i]:
                allowed &= record.gt_labels == record.labels[i]
            iou = np.where(allowed, judged.iou[i], -1.0)  # [M]
            if len(iou) and iou.max() >= self.iou_threshold:
                taken[i] = iou.argmax()
                is_free[taken[i]] = False
        counted = judged.outcomes != IGNORED
        objects = np.append(record.gt_labels, 0)[taken]  # of -1: on none
        np.add.at(self.counts, (objects[counted], record.labels[counted]), 1)
        np.add.at(self.counts, (record.gt_labels[is_free], 0), 1)

    def result(self) -> dict[str, Any]:
        """JSON-ready: "counts" [C + 1][C + 1], its names, the thresholds.

        In the names, None stands for no object, and none found.
        """
        return {
            "score_threshold": self.score_threshold,
            "iou_threshold": self.iou_threshold,
            "names": [None, *self.class_names],
            "counts": self.counts.tolist(),
        }
