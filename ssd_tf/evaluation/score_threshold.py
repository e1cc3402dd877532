"""The score above which detections are best believed."""

from typing import NamedTuple

import numpy as np

THRESHOLDS = np.arange(1, 100) / 100
"""The scores that are tried, [99] float64."""


class ThresholdSweep(NamedTuple):
    """Precision, recall and F1 of the detections from each threshold on.

    Precision is NaN where there is no detection left.
    """

    precision: np.ndarray  # [99] float64
    recall: np.ndarray  # [99] float64
    f1: np.ndarray  # [99] float64

    def best(self) -> dict[str, float] | None:
        """The threshold of the best F1; None if nothing correct is found.

        Of several it is the middle one. JSON-ready: "score_threshold", "f1",
        "precision", "recall".
        """
        equals = np.flatnonzero(self.f1 == self.f1.max())
        k = equals[len(equals) // 2]
        if self.f1[k] == 0:
            return None
        return {
            "score_threshold": float(THRESHOLDS[k]),
            "f1": float(self.f1[k]),
            "precision": float(self.precision[k]),
            "recall": float(self.recall[k]),
        }


def sweep(
    scores: np.ndarray, is_correct: np.ndarray, *, num_objects: int
) -> ThresholdSweep:
    """Counts the detections from each of `THRESHOLDS` on, itself included.

    A detection is correct or not whatever the threshold: what takes an object
    before it has a higher score.

    Args:
      scores: [N], of the detections that count.
      is_correct: [N] bool.
      num_objects: that were to be found.
    """
    order = np.argsort(-scores, kind="stable")
    hits = np.append(0, np.cumsum(is_correct[order]))  # [N + 1]
    count = np.searchsorted(-scores[order], -THRESHOLDS, side="right")  # [99]
    correct = hits[count]
    with np.errstate(divide="ignore", invalid="ignore"):
        precision = correct / count
        recall = correct / num_objects
        # 2 p r / (p + r), which is 0 where one of them is.
        f1 = 2 * correct / (count + num_objects)
    nothing = np.zeros(len(THRESHOLDS))
    return ThresholdSweep(
        precision,
        recall if num_objects else nothing,
        np.where(count + num_objects > 0, f1, nothing),
    )
