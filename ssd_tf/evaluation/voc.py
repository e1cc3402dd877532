"""Average precision as PASCAL VOC defines it."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from ssd_tf.evaluation.curves import AVERAGE_PRECISION, PrecisionRecallCurve
from ssd_tf.evaluation.matching import match_own_class
from ssd_tf.evaluation.records import Evaluator, ImageRecord, check_fraction
from ssd_tf.evaluation.score_threshold import ThresholdSweep, sweep


class _Detections(NamedTuple):
    """Detections of one image or of all."""

    labels: np.ndarray  # [N] int64
    scores: np.ndarray  # [N] float64
    is_correct: np.ndarray  # [N] bool
    is_ignored: np.ndarray  # [N] bool


class VocEvaluator(Evaluator):
    """VOC average precision over images given one by one.

    Each detection is compared with the object of its class and image that it
    overlaps most. Below the threshold it is a false positive. Otherwise it
    counts neither way if that object is difficult, is a true positive if no
    detection with a higher score took the object, and else a false positive.
    Equal scores keep the order in which they were given. Difficult objects do
    not count as objects.

    Nor do crowds, which VOC does not have: a detection below the threshold
    counts neither way if its share in a crowd of its class reaches it.

    Source: VOCdevkit VOCevaldet.m; Caffe detection_evaluate_layer.cpp; for
    crowds pycocotools maskApi.c:bbIou.

    Args:
      class_names: as of every `Evaluator`.
      iou_threshold: lowest IoU of a true positive, itself included.
      method: "area" (VOC 2010 and later) or "voc07" (eleven points).
      plus_one: sides are max - min + 1 pixels long, as in the devkit and in
        Caffe, which raises the figures of small objects slightly. Ground truth
        and detections must count pixels from the same origin.

    Raises:
      ValueError: on an unknown method, a threshold outside (0, 1] or names.
    """

    def __init__(
        self,
        class_names: Sequence[str],
        iou_threshold: float = 0.5,
        method: str = "area",
        *,
        plus_one: bool = False,
    ):
        if method not in AVERAGE_PRECISION:
            raise ValueError(
                f"method must be one of {sorted(AVERAGE_PRECISION)}, "
                f"got {method!r}"
            )
        super().__init__(class_names)
        self.iou_threshold = check_fraction("iou_threshold", iou_threshold)
        self.method = method
        self.plus_one = bool(plus_one)
        self._detections: list[_Detections] = []
        self._num_objects = np.zeros(len(self.class_names) + 1, np.int64)

    def add(self, record: ImageRecord) -> None:
        """Adds one image that has been checked."""
        match = match_own_class(
            record, iou_threshold=self.iou_threshold, plus_one=self.plus_one
        )
        self._detections.append(
            _Detections(
                record.labels, record.scores, match.is_first, match.is_ignored
            )
        )
        self._num_objects += np.bincount(
            record.gt_labels[~record.gt_is_ignored],
            minlength=len(self._num_objects),
        )

    def result(self) -> dict[str, Any]:
        """The figures of all images so far, ready for `json.dumps`.

        Returns:
          "mAP": mean over the classes that have objects; 0.0 if none has.
          "AP": average precision by class, without the absent ones.
          "absent_classes": classes without an object that is neither
            difficult nor a crowd. (Caffe counts them as 0 in its mean.)
          "num_objects", "num_detections": by class, absent ones included.
            Objects are without the difficult ones and without crowds.
          "num_images", "iou_threshold", "method", "plus_one".
        """
        average = AVERAGE_PRECISION[self.method]
        ap = {
            name: average(curve.precision, curve.recall)
            for name, curve in self.curves().items()
        }
        counts = np.bincount(
            self._all_detections().labels, minlength=len(self._num_objects)
        )
        return {
            "mAP": float(np.mean(list(ap.values()))) if ap else 0.0,
            "AP": ap,
            "absent_classes": [n for n in self.class_names if n not in ap],
            "num_objects": self._by_class(self._num_objects),
            "num_detections": self._by_class(counts),
            "num_images": len(self._detections),
            "iou_threshold": self.iou_threshold,
            "method": self.method,
            "plus_one": self.plus_one,
        }

    def curves(self) -> dict[str, PrecisionRecallCurve]:
        """Precision-recall curve by class, without the absent classes."""
        everything = self._all_detections()
        # One stable sort for all classes keeps equal scores in given order.
        order = np.argsort(-everything.scores, kind="stable")
        ranked = _Detections(*(values[order] for values in everything))
        curves = {}
        for label, name in enumerate(self.class_names, start=1):
            num_objects = self._num_objects[label]
            if num_objects:
                counted = (ranked.labels == label) & ~ranked.is_ignored
                hits = np.cumsum(ranked.is_correct[counted])
                curves[name] = PrecisionRecallCurve(
                    precision=hits / np.arange(1, len(hits) + 1),
                    recall=hits / num_objects,
                    scores=ranked.scores[counted],
                )
        return curves

    def threshold_sweeps(self) -> dict[str, ThresholdSweep]:
        """`ThresholdSweep` by class, without the absent classes."""
        everything = self._all_detections()
        sweeps = {}
        for label, name in enumerate(self.class_names, start=1):
            if self._num_objects[label]:
                counted = everything.labels == label
                sweeps[name] = self._sweep(everything, counted, label)
        return sweeps

    def threshold_sweep(self) -> ThresholdSweep:
        """That of all classes together: each object counts the same."""
        everything = self._all_detections()
        return self._sweep(everything, np.full(len(everything.labels), True))

    def _sweep(self, everything, counted, label=slice(None)):
        counted = counted & ~everything.is_ignored
        return sweep(
            everything.scores[counted],
            everything.is_correct[counted],
            num_objects=int(self._num_objects[label].sum()),
        )

    def _all_detections(self) -> _Detections:
        none = _Detections(
            labels=np.zeros(0, np.int64),
            scores=np.zeros(0),
            is_correct=np.zeros(0, bool),
            is_ignored=np.zeros(0, bool),
        )
        columns = zip(none, *self._detections)
        return _Detections(*(np.concatenate(column) for column in columns))

    def _by_class(self, counts: np.ndarray) -> dict[str, int]:
        return dict(zip(self.class_names, counts[1:].tolist()))
