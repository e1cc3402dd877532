"""Average precision as COCO defines it, computed by pycocotools."""

import contextlib
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
from pycocotools.cocoeval import COCOeval

from ssd_tf.evaluation.coco_matching import evaluate_image_class
from ssd_tf.evaluation.curves import PrecisionRecallCurve
from ssd_tf.evaluation.records import Evaluator, ImageRecord

# Names for `COCOeval.stats`, in the order of `COCOeval.summarize`.
_STATS = (
    *("mAP", "AP50", "AP75", "AP_small", "AP_medium", "AP_large"),
    *("AR_1", "AR_10", "AR_100", "AR_small", "AR_medium", "AR_large"),
)
# Figure of pycocotools where there is no object to be found.
_ABSENT = -1.0


class _ArrayEvaluation(COCOeval):
    """pycocotools' evaluation, fed from arrays.

    `accumulate` and `summarize`, which make the figures, are pycocotools' own.
    Only `evaluate` is replaced: the original wants a dict for each box, which
    takes over a gigabyte for a million detections, and runs through every
    detection ten times in Python, whether or not it overlaps an object.
    """

    def __init__(self, records: Sequence[ImageRecord], num_classes: int):
        super().__init__(iouType="bbox")
        self.params.imgIds = list(range(len(records)))
        self.params.catIds = list(range(1, num_classes + 1))
        self._records = records

    def evaluate(self) -> None:
        """Fills `evalImgs`, ordered by class, area range and image."""
        params = self.params
        num_areas, num_images = len(params.areaRng), len(self._records)
        shape = (len(params.catIds), num_areas, num_images)
        cells = np.full(shape, None, object)
        for image, record in enumerate(self._records):
            for label in np.union1d(record.labels, record.gt_labels):
                cells[label - 1, :, image] = evaluate_image_class(
                    record,
                    label,
                    iou_thresholds=params.iouThrs,
                    area_ranges=params.areaRng,
                    max_detections=params.maxDets[-1],
                )
        self.evalImgs = cells.ravel().tolist()
        self._paramsEval = params


class CocoEvaluator(Evaluator):
    """COCO average precision and recall over images given one by one.

    IoU .5 to .95 in steps of .05, 101 recall points, at most 100 detections
    per image and class. Difficult objects are treated as COCO's crowds, as if
    marked "iscrowd" too: they are not to be found, and a detection that lies
    on one counts neither way.
    """

    def __init__(self, class_names: Sequence[str]):
        super().__init__(class_names)
        self._records: list[ImageRecord] = []
        self._evaluation: _ArrayEvaluation | None = None

    def add(self, record: ImageRecord) -> None:
        """Adds one image that has been checked."""
        self._records.append(record)
        self._evaluation = None

    def result(self) -> dict[str, Any]:
        """The figures of all images so far, ready for `json.dumps`.

        Returns:
          "mAP": AP at IoU .5:.95; 0.0 if there are no objects at all.
          "AP50", "AP75", "AP_small", .. and "AR_1", "AR_10", "AR_100",
            "AR_small", ..: None where there is no object to be found.
          "AP", "AP50_by_class": by class, without the absent ones.
          "absent_classes": classes without an object that is neither
            difficult nor a crowd.
          "num_images".
        """
        evaluation = self._evaluate()
        stats = [None if s == _ABSENT else float(s) for s in evaluation.stats]
        precision = self._precision()  # [T, 101, C]
        ap50 = self._mean_by_class(precision[:1])
        return {
            **dict(zip(_STATS, stats)),
            "mAP": stats[0] or 0.0,
            "AP": self._mean_by_class(precision),
            "AP50_by_class": ap50,
            "absent_classes": [n for n in self.class_names if n not in ap50],
            "num_images": len(self._records),
        }

    def curves(self) -> dict[str, PrecisionRecallCurve]:
        """Curves at IoU .5 by class, without the absent classes.

        They have COCO's 101 recall points and precision made to fall only.
        """
        evaluation = self._evaluate()
        recall = evaluation.params.recThrs
        scores = evaluation.eval["scores"][0, :, :, 0, -1]  # [101, C]
        precision = self._precision()[0]  # [101, C]
        return {
            name: PrecisionRecallCurve(precision[:, k], recall, scores[:, k])
            for k, name in enumerate(self.class_names)
            if precision[0, k] != _ABSENT
        }

    def _evaluate(self) -> _ArrayEvaluation:
        if self._evaluation is None:
            evaluation = _ArrayEvaluation(self._records, len(self.class_names))
            # pycocotools prints its progress and its table.
            with contextlib.redirect_stdout(io.StringIO()):
                evaluation.evaluate()
                evaluation.accumulate()
                evaluation.summarize()
            evaluation.evalImgs = []  # Large, and used up.
            self._evaluation = evaluation
        return self._evaluation

    def _precision(self) -> np.ndarray:
        """Precision for all areas and 100 detections -> [T, 101, C]."""
        return self._evaluate().eval["precision"][:, :, :, 0, -1]

    def _mean_by_class(self, precision: np.ndarray) -> dict[str, float]:
        """Means of precision [T, 101, C], absent classes left out."""
        return {
            name: float(np.mean(precision[:, :, k]))
            for k, name in enumerate(self.class_names)
            if precision[0, 0, k] != _ABSENT
        }
