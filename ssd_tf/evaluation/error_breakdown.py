"""Kinds of errors of a detector, by class."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ssd_tf.evaluation.matching import best_object, match_own_class
from ssd_tf.evaluation.records import Evaluator, ImageRecord, check_fraction

OUTCOMES = (
    "correct",
    "wrong_class",
    "poor_localisation",
    "duplicate",
    "background",
    "ignored",
)
"""Outcomes of a detection; each has exactly one."""

SCORE_THRESHOLD = 0.4
"""Lowest score of the detections whose errors are counted."""

CORRECT, WRONG, POOR, DUPLICATE, BACKGROUND, IGNORED = range(6)

# Below this IoU a box does not point at the object at all (Hoiem et al. 2012,
# "Diagnosing Error in Object Detectors", section 2).
_LEAST_IOU = 0.1


class Judgement(NamedTuple):
    """The outcome of each detection of an image, see `ErrorBreakdown`."""

    iou: np.ndarray  # [D, M] float64
    outcomes: np.ndarray  # [D] int64, index in `OUTCOMES`
    confused_with: np.ndarray  # [D] int64, class of the object; 0 without one


def judge(
    record: ImageRecord, *, iou_threshold: float, plus_one: bool = False
) -> Judgement:
    """The outcomes of all detections of an image, whatever their score."""
    own = match_own_class(
        record, iou_threshold=iou_threshold, plus_one=plus_one
    )
    is_other = record.labels[:, None] != record.gt_labels  # [D, M]
    other_iou, other = best_object(own.iou, is_other & ~record.gt_is_crowd)
    on_other = other_iou >= iou_threshold

    outcomes = np.full(len(on_other), BACKGROUND)
    # A later line overrules those before it.
    outcomes[own.best_iou >= _LEAST_IOU] = POOR
    outcomes[on_other] = WRONG
    outcomes[own.is_hit] = DUPLICATE
    outcomes[own.is_first] = CORRECT
    outcomes[own.is_ignored] = IGNORED

    confused_with = np.zeros(len(on_other), np.int64)
    confused_with[on_other] = record.gt_labels[other[on_other]]
    return Judgement(own.iou, outcomes, confused_with)


class ErrorBreakdown(Evaluator):
    """Counts the outcomes of detections with a sufficient score, by class.

    A detection that reaches the IoU threshold with the object of its class
    which it overlaps most is *correct*, a *duplicate* if a detection with a
    higher score took that object, or *ignored* if the object is difficult.
    Below the threshold it is *ignored* too if the share of it that lies in a
    crowd of its class reaches the threshold. Otherwise it has the *wrong
    class* if it reaches the threshold with an object of another class, is
    *poorly localised* if its IoU with an object of its class is at least .1,
    and else lies on *background*. So "correct" are `VocEvaluator`'s true
    positives above the score threshold, and the four errors its false
    positives. *Missed* are the objects, other than difficult ones, that no
    correct detection found. Crowds are not objects in any of this.

    Args:
      class_names: as of every `Evaluator`.
      score_threshold: lowest score that counts, itself included.
      iou_threshold: lowest IoU of a correct detection, itself included.
      plus_one: see `VocEvaluator`.

    Raises:
      ValueError: on thresholds out of range or names.
    """

    def __init__(
        self,
        class_names: Sequence[str],
        *,
        score_threshold: float = SCORE_THRESHOLD,
        iou_threshold: float = 0.5,
        plus_one: bool = False,
    ):
        super().__init__(class_names)
        self.score_threshold = check_fraction(
            "score_threshold", score_threshold, zero_allowed=True
        )
        self.iou_threshold = check_fraction("iou_threshold", iou_threshold)
        self.plus_one = bool(plus_one)
        size = len(self.class_names) + 1  # Row 0 stays empty.
        self._outcomes = np.zeros((size, len(OUTCOMES)), np.int64)
        self._num_objects = np.zeros(size, np.int64)
        self._confusions = np.zeros((size, size), np.int64)

    def add(self, record: ImageRecord) -> None:
        """Adds one image that has been checked."""
        record = record.above(self.score_threshold)
        _, outcomes, confused_with = judge(
            record, iou_threshold=self.iou_threshold, plus_one=self.plus_one
        )
        np.add.at(self._outcomes, (record.labels, outcomes), 1)
        wrong = outcomes == WRONG
        np.add.at(
            self._confusions, (record.labels[wrong], confused_with[wrong]), 1
        )
        self._num_objects += np.bincount(
            record.gt_labels[~record.gt_is_ignored],
            minlength=len(self._num_objects),
        )

    def result(self) -> dict[str, Any]:
        """Counts over all images so far, ready for `json.dumps`.

        Returns:
          "per_class": for each class the six `OUTCOMES` of its detections,
            "missed" and "num_objects", and under "confused_with" the classes
            of the objects that its wrong-class detections lie on.
          "total": the same sums over all classes, without "confused_with".
          "score_threshold", "iou_threshold", "plus_one".
        """
        per_class = {}
        for label, name in enumerate(self.class_names, start=1):
            confused = zip(self.class_names, self._confusions[label, 1:])
            per_class[name] = {
                **self._counts(self._outcomes[label], self._num_objects[label]),
                "confused_with": {n: int(c) for n, c in confused if c},
            }
        return {
            "per_class": per_class,
            "total": self._counts(
                self._outcomes.sum(axis=0), self._num_objects.sum()
            ),
            "score_threshold": self.score_threshold,
            "iou_threshold": self.iou_threshold,
            "plus_one": self.plus_one,
        }

    def _counts(self, outcomes: np.ndarray, num_objects) -> dict[str, Any]:
        return {
            **dict(zip(OUTCOMES, outcomes.tolist())),
            "missed": int(num_objects - outcomes[CORRECT]),
            "num_objects": int(num_objects),
        }
