"""The assignment of FCOS, by points instead of boxes."""

import dataclasses

import numpy as np
import tensorflow as tf

from ssd_tf import box_ops
from ssd_tf.anchors import Anchors
from ssd_tf.matchers import base, overlaps


@dataclasses.dataclass(frozen=True)
class FcosMatcher(base.Matcher):
    """FCOS (arXiv:1904.01355; tianzhi0549/FCOS, fcos/loss.py).

    A cell belongs to an object if its centre lies in it and the farthest of
    the object's edges is as far as the level asks; of several objects the one
    of smallest area wins. All anchors of the cell take its object.

    The range of a level ends at its small square box's side and begins at
    that of the level below; the first begins at 0 and the last has no end.
    FCOS' own ranges end at the side of the anchor it replaces, 8 strides.

    Attributes:
      center_radius: if above 0, the centre must also be nearer to the
        object's than this many steps, along both axes (1.5 in torchvision).
      centerness_weight: weigh the localisation loss by `centerness`.
    """

    center_radius: float = 0.0
    centerness_weight: bool = False

    def __post_init__(self):
        base.check_range("center_radius", self.center_radius, 0, float("inf"))

    def __call__(self, gt_boxes, gt_labels, anchors) -> base.MatchResult:
        boxes = base.matchable_boxes(gt_boxes, gt_labels)  # [M, 4]
        iou = overlaps.anchor_iou(boxes, anchors)  # [A, M]
        of_cells = self._match_cells(boxes, anchors)  # [N]
        index = tf.gather(of_cells, _cell_of_anchors(anchors))  # [A]
        return base.with_quality(iou, tf.reduce_max(iou, axis=1), index)

    def _match_cells(self, boxes, anchors):
        """The object of each cell [N], or `UNMATCHED`."""
        levels = base.grids(anchors, "fcos")
        count = [len(cells.centers) for cells in anchors.cells]
        centers = np.concatenate([cells.centers for cells in anchors.cells])
        ends = [level.min_size for level in levels]
        low = _column([0.0, *ends[:-1]], count)  # [N, 1]
        high = _column([*ends[:-1], np.inf], count)
        ymin, xmin, ymax, xmax = tf.unstack(boxes, axis=-1)
        cx, cy = centers[:, :1], centers[:, 1:]  # [N, 1]
        left, right = cx - xmin, xmax - cx  # [N, M]
        top, bottom = cy - ymin, ymax - cy
        nearest = tf.minimum(tf.minimum(left, right), tf.minimum(top, bottom))
        farthest = tf.maximum(tf.maximum(left, right), tf.maximum(top, bottom))
        # Both ends count: an object at the border of two ranges is learned by
        # both levels.
        accepted = (nearest > 0) & (farthest >= low) & (farthest <= high)
        if self.center_radius:
            radius = _column(
                [self.center_radius * level.step for level in levels], count
            )
            accepted &= (tf.abs(cx - (xmin + xmax) / 2) < radius) & (
                tf.abs(cy - (ymin + ymax) / 2) < radius
            )
        # Of a box as wide as 1e30 it is infinite, and argmin passes over it.
        area = tf.minimum(box_ops.area(boxes), tf.float32.max / 2)  # [M]
        area = tf.where(accepted, area, np.inf)  # [N, M]
        smallest = tf.argmin(area, axis=1, output_type=tf.int32)  # [N]
        return tf.where(
            tf.reduce_any(accepted, axis=1), smallest, base.UNMATCHED
        )


def _cell_of_anchors(anchors: Anchors) -> np.ndarray:
    """Index [A] int32 of each anchor's cell among those of all levels."""
    cells = np.empty(len(anchors), np.int32)
    start = 0
    for level in anchors.cells:
        count, boxes_per_cell = level.anchors.shape
        cells[level.anchors] = np.arange(start, start + count)[:, None]
        start += count
    return cells


def centerness(boxes, anchors: Anchors):
    """Measures how central anchors lie in the objects assigned to them.

    sqrt(min(l, r) / max(l, r) * min(t, b) / max(t, b)), with the distances of
    the anchor's centre to the object's edges (FCOS, equation 3).

    From decoded targets [.., A, 4] yxyx -> [.., A] float32 in 0..1; 0 where
    the centre lies outside.
    """
    ymin, xmin, ymax, xmax = tf.unstack(boxes, axis=-1)
    cx, cy = anchors.cxcywh[:, 0], anchors.cxcywh[:, 1]

    def ratio(low, high):
        return tf.nn.relu(
            tf.math.divide_no_nan(tf.minimum(low, high), tf.maximum(low, high))
        )

    return tf.sqrt(ratio(cx - xmin, xmax - cx) * ratio(cy - ymin, ymax - cy))


def _column(values, count) -> np.ndarray:
    """One value per level -> one per cell, [N, 1] float32."""
    return np.repeat(np.array(values, np.float32), count)[:, None]
