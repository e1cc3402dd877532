"""Precision-recall curves and the two VOC definitions of the area below."""

from typing import NamedTuple

import numpy as np

# MATLAB's 0:0.1:1, which counts up from 0 and down from 1: its .3 is 3 * .1,
# 0.30000000000000004, and all others are the floats nearest to k/10.
_TENTHS = 0.1 * np.arange(5)
_VOC07_RECALLS = np.concatenate([_TENTHS, [0.5], 1.0 - _TENTHS[::-1]])  # [11]


class PrecisionRecallCurve(NamedTuple):
    """Precision and recall after each detection, by falling score."""

    precision: np.ndarray  # [N] float64
    recall: np.ndarray  # [N] float64, never falling
    scores: np.ndarray  # [N] float64, of the last detection counted

    def as_dict(self) -> dict[str, list[float]]:
        """JSON-ready lists, only of points that hold an average precision.

        Between two hits precision only falls at unchanged recall, so the
        points at which recall rises give the same area as all points.
        """
        rises = np.diff(self.recall, prepend=0.0) > 0
        return {
            name: values[rises].tolist()
            for name, values in self._asdict().items()
        }


def average_precision_voc07(precision: np.ndarray, recall: np.ndarray) -> float:
    """Mean over recall 0, .1, .., 1 of the best precision from there on.

    Source: Everingham et al. 2010, section 4.2; VOCdevkit VOCevaldet.m, whose
    rounding decides at recalls of exactly k/10: 3/10 does not reach .3. (Caffe,
    bbox_util.cpp:ComputeAP "11point", has float32 recalls, in which 7/10 and
    9/10 do not reach theirs.)
    """
    envelope = _envelope(precision)  # [N + 1]
    first = np.searchsorted(recall, _VOC07_RECALLS)  # [11]
    return float(envelope[first].mean())


def average_precision_area(precision: np.ndarray, recall: np.ndarray) -> float:
    """Area under the curve, precision made to fall only (VOC 2010 and later).

    Source: VOCdevkit VOCevaldet.m; Caffe bbox_util.cpp:ComputeAP
    "MaxIntegral" gives the same value.
    """
    steps = np.diff(recall, prepend=0.0)  # [N]
    return float(np.sum(steps * _envelope(precision)[:-1]))


def _envelope(precision: np.ndarray) -> np.ndarray:
    """Best precision from each point on, and 0 past the end -> [N + 1]."""
    falling = np.maximum.accumulate(precision[::-1])[::-1]
    return np.append(falling, 0.0)


AVERAGE_PRECISION = {
    "voc07": average_precision_voc07,
    "area": average_precision_area,
}
"""Methods of `VocEvaluator` by name."""
