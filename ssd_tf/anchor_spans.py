"""The distinct extents of anchors, computed once and looked up many times."""

from typing import NamedTuple

import numpy as np


class AnchorSpans(NamedTuple):
    """The distinct extents of boxes along y and along x, and their areas.

    The anchors of a grid share their extents: 8732 boxes of SSD300 have 372
    pairs of neighbours that differ along an axis. What depends on one axis is
    computed once per extent and then looked up.

    Attributes:
      low: [2, U, 1] float32 lower ends, along y and along x.
      high: [2, U, 1] float32 upper ends.
      area: [V, 1] float32 distinct areas.
      num_groups: rows of `low` and `high` in groups of g: 2 * U / g.
      num_areas: rows of `area` in groups of g: V / g.
      y_group: [A / g] int32 group of each g boxes along y.
      x_group: [A / g] int32 group along x, counted on from those along y.
      area_group: [A / g] int32 group of areas of each g boxes.
    """

    low: np.ndarray
    high: np.ndarray
    area: np.ndarray
    num_groups: int
    num_areas: int
    y_group: np.ndarray
    x_group: np.ndarray
    area_group: np.ndarray


def distinct_spans(boxes: np.ndarray) -> AnchorSpans:
    """Finds the distinct extents of boxes [A, 4] yxyx."""
    # The boxes of a cell come in pairs (2 + 2 per listed ratio), and to copy
    # two at a time takes half as many copies.
    group_size = 2 if len(boxes) % 2 == 0 else 1
    ymin, xmin, ymax, xmax = boxes.T
    y, y_group = _distinct(np.stack([ymin, ymax], axis=-1), group_size)
    x, x_group = _distinct(np.stack([xmin, xmax], axis=-1), group_size)
    # Both axes get as many rows, so that they are one tensor.
    rows = max(len(y), len(x))
    ends = np.stack(
        [np.pad(v, [(0, rows - len(v)), (0, 0)], "edge") for v in (y, x)]
    )  # [2, U, 2]
    area, area_group = _distinct(
        ((ymax - ymin) * (xmax - xmin))[:, None], group_size
    )
    return AnchorSpans(
        low=ends[..., :1].copy(),
        high=ends[..., 1:].copy(),
        area=area,
        num_groups=2 * rows // group_size,
        num_areas=len(area) // group_size,
        y_group=y_group,
        x_group=x_group + np.int32(rows // group_size),
        area_group=area_group,
    )


def _distinct(values: np.ndarray, group_size: int):
    """Distinct groups of g rows: [A, D] -> [U, D], and indices [A / g]."""
    groups = values.reshape(len(values) // group_size, -1)
    distinct, index = np.unique(groups, axis=0, return_inverse=True)
    return (
        distinct.reshape(-1, values.shape[1]),
        index.reshape(-1).astype(np.int32),
    )
