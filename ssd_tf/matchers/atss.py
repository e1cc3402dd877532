"""Adaptive training sample selection."""

import dataclasses

import numpy as np
import tensorflow as tf

from ssd_tf.matchers import base, overlaps


@dataclasses.dataclass(frozen=True)
class AtssMatcher(base.Matcher):
    """ATSS (arXiv:1912.02424; sfzhang15/ATSS, atss/loss.py, "ATSS").

    Candidates of an object are, on each level, all anchors of the k cells
    whose centres are nearest to the object's. Positive are candidates whose
    IoU reaches the mean plus the sample standard deviation (N - 1) of all
    the object's candidates, and whose centre lies in the object. An anchor
    that several objects take goes to the one it overlaps more. Without grids
    each anchor counts as a cell.

    Attributes:
      k: cells per level.
      use_variance: add the sample variance to the mean in place of the
        standard deviation.
    """

    k: int = 9
    use_variance: bool = False

    def __post_init__(self):
        base.check_range("k", self.k, 1, tf.int32.max)

    def __call__(self, gt_boxes, gt_labels, anchors) -> base.MatchResult:
        boxes = base.matchable_boxes(gt_boxes, gt_labels)  # [M, 4]
        iou = overlaps.anchor_iou(boxes, anchors)  # [A, M]
        anchor, centers = self._candidates(boxes, anchors)  # [M, N], [M, N, 2]
        score = overlaps.iou_at(iou, anchor)  # [M, N]
        inside = overlaps.centers_inside(boxes[:, None], centers)  # [M, N]
        selected = (score >= self._threshold(score)) & inside
        index = base.match_best_claim(
            anchor, tf.where(selected, score, 0.0), len(anchors)
        )  # [A]
        return base.with_quality(iou, tf.reduce_max(iou, axis=1), index)

    def _candidates(self, boxes, anchors):
        """Candidate anchors [M, N] and their centres [M, N, 2]."""
        candidates, centers = [], []
        for cells in anchors.cells:
            nearest = _nearest_cells(boxes, cells.centers, self.k)  # [M, K]
            boxes_per_cell = cells.anchors.shape[1]
            width = nearest.shape[1] * boxes_per_cell
            candidates.append(
                tf.reshape(tf.gather(cells.anchors, nearest), [-1, width])
            )
            of_anchors = np.repeat(
                cells.centers[:, None], boxes_per_cell, axis=1
            )  # [n, A_k, 2]
            centers.append(
                tf.reshape(tf.gather(of_anchors, nearest), [-1, width, 2])
            )
        return tf.concat(candidates, axis=1), tf.concat(centers, axis=1)

    def _threshold(self, score):
        """Mean plus spread of each object's candidates: [M, N] -> [M, 1]."""
        mean = tf.reduce_mean(score, axis=1, keepdims=True)
        squares = tf.reduce_sum(tf.square(score - mean), axis=1, keepdims=True)
        # One candidate has no spread; N - 1 would make it 0 / 0.
        variance = squares / max(score.shape[1] - 1, 1)
        return mean + (variance if self.use_variance else tf.sqrt(variance))


def _nearest_cells(boxes, centers, k: int):
    """Of cells with centres [n, 2] the nearest to boxes: [M, min(k, n)]."""
    ymin, xmin, ymax, xmax = tf.split(boxes, 4, axis=1)  # 4 x [M, 1]
    distance = tf.square(centers[:, 0] - (xmin + xmax) / 2) + tf.square(
        centers[:, 1] - (ymin + ymax) / 2
    )  # [M, n], squared
    return tf.math.top_k(-distance, min(k, len(centers))).indices
