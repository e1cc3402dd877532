"""The distinct extents of anchors, computed once and looked up many times."""

from typing import NamedTuple

import numpy as np


class AnchorSpans(NamedTuple):
    """The distinct extents of boxes along y and along x, and their areas.

    The anchors of a grid share their extents: 8732 boxes of SSD300 have 372
    pairs of neighbours that differ along an axis. What depends on one axis is
    computed once per extent and then looked up.

    Attributes:
      group_size: boxes g that are looked up together, 2 or 1.
      low: [2, U * g, 1] float32 lower ends, along y and along x.
      high: [2, U * g, 1] float32 upper ends.
      y_group: [A / g] int32 group of each g boxes along y.
      x_group: [A / g] int32 group along x, counted from the first of y.
      area: [V * g, 1] float32 distinct areas.
      area_group: [A / g] int32 group of areas of each g boxes.
    """

    group_size: int
    low: np.ndarray
    high: np.ndarray
    y_group: np.ndarray
    x_group: np.ndarray
    area: np.ndarray
    area_group: np.ndarray


def distinct_spans(boxes: np.ndarray) -> AnchorSpans:
    """Finds the distinct extents of boxes [A, 4] yxyx."""
    # The boxes of a cell come in pairs: 2 + 2 per listed ratio.
    group_size = 2 if len(boxes) % 2 == 0 else 1
    ymin, xmin, ymax, xmax = boxes.T
    y, y_group = _distinct(np.stack([ymin, ymax], axis=-1), group_size)
    x, x_group = _distinct(np.stack([xmin, xmax], axis=-1), group_size)
    # Both axes get as many rows, so that they are one tensor.
    rows = max(len(y), len(x))
    ends = np.stack(
        [np.pad(v, [(0, rows - len(v)), (0, 0)], "edge") for v in (y, x)]
    )  # [2, U * g, 2]
    area, area_group = _distinct(
        ((ymax - ymin) * (xmax - xmin))[:, None], group_size
    )
    return AnchorSpans(
        group_size=group_size,
        low=ends[..., :1].copy(),
        high=ends[..., 1:].copy(),
        y_group=y_group,
        x_group=x_group + np.int32(rows // group_size),
        area=area,
        area_group=area_group,
    )


def _distinct(values: np.ndarray, group_size: int):
    """Distinct groups of rows [A, D] -> [U * g, D], and each group's [A / g]."""
    groups = values.reshape(len(values) // group_size, -1)
    distinct, index = np.unique(groups, axis=0, return_inverse=True)
    return (
        distinct.reshape(-1, values.shape[1]),
        index.reshape(-1).astype(np.int32),
    )
