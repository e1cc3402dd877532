"""Default boxes: the anchors of SSD, in Caffe's order.

Levels run fine to coarse, cells row by row, and the boxes of a cell fastest:
(m, m), (sqrt(mM), sqrt(mM)), then w > h and w < h for each listed ratio
(weiliu89/caffe, prior_box_layer.cpp with flip; SSD paper, section 2.2).
"""

import dataclasses
import functools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from ssd_tf.anchor_spans import AnchorSpans, distinct_spans
from ssd_tf.config import DetectorConfig


@dataclasses.dataclass(frozen=True)
class AnchorLevel:
    """One feature map's grid of anchors.

    Attributes:
      feature_size: cells per side.
      step: distance between cell centres, relative to the image side.
      shapes: [A_k, 2] float32 widths and heights of a cell's boxes, relative
        to the image side.
      min_size: side of the small square box, relative to the image side.
      start: index of the level's first anchor.
    """

    feature_size: int
    step: float
    shapes: np.ndarray
    min_size: float
    start: int

    @property
    def boxes_per_cell(self) -> int:
        """Number of boxes in each cell, A_k."""
        return len(self.shapes)

    @property
    def num_anchors(self) -> int:
        """Number of anchors of the level."""
        return self.feature_size**2 * self.boxes_per_cell


class LevelCells(NamedTuple):
    """Cells of one level.

    Attributes:
      centers: [N, 2] float32 cx, cy of each cell.
      anchors: [N, A_k] int32 indices of each cell's anchors.
    """

    centers: np.ndarray
    anchors: np.ndarray


@dataclasses.dataclass(frozen=True, eq=False)
class Anchors:
    """Anchors as constants.

    Attributes:
      boxes: [A, 4] float32 yxyx, relative to the image; not clipped unless
        asked for.
      level: [A] int32 index of the feature map each belongs to.
      levels: the grids, for rules that need cells; empty when the anchors
        were made from boxes alone.
    """

    boxes: np.ndarray
    level: np.ndarray
    levels: tuple[AnchorLevel, ...] = ()

    def __len__(self) -> int:
        return len(self.boxes)

    @classmethod
    def from_boxes(cls, boxes, level=None) -> "Anchors":
        """Anchors from any boxes [A, 4] yxyx and their levels [A]."""
        boxes = np.array(boxes, np.float32)
        if boxes.ndim != 2 or boxes.shape[1] != 4:
            raise ValueError(f"boxes must be [A, 4], got {boxes.shape}")
        if level is None:
            level = np.zeros(len(boxes))
        return cls(_read_only(boxes), _read_only(np.array(level, np.int32)))

    @classmethod
    def from_levels(cls, levels: Sequence[AnchorLevel]) -> "Anchors":
        """Anchors of any grids; each `start` must follow the level before."""
        boxes = [
            _grid_boxes(v.feature_size, v.step, v.shapes.astype(np.float64))
            for v in levels
        ]
        level = np.repeat(
            np.arange(len(levels)), [v.num_anchors for v in levels]
        )
        return cls(
            boxes=_read_only(np.concatenate(boxes).astype(np.float32)),
            level=_read_only(level.astype(np.int32)),
            levels=tuple(levels),
        )

    @functools.cached_property
    def cxcywh(self) -> np.ndarray:
        """[A, 4] float32 centre form cx, cy, w, h."""
        ymin, xmin, ymax, xmax = self.boxes.T.astype(np.float64)
        centre_form = np.stack(
            [(xmin + xmax) / 2, (ymin + ymax) / 2, xmax - xmin, ymax - ymin],
            axis=-1,
        )
        return _read_only(centre_form.astype(np.float32))

    @functools.cached_property
    def cells(self) -> tuple[LevelCells, ...]:
        """The cells of each level; without grids, each anchor is a cell."""
        if self.levels:
            return tuple(_grid_cells(level) for level in self.levels)
        members = [
            np.flatnonzero(self.level == k).astype(np.int32)
            for k in np.unique(self.level)
        ]
        return tuple(
            LevelCells(self.cxcywh[index, :2], index[:, None])
            for index in members
        )

    @functools.cached_property
    def spans(self) -> AnchorSpans:
        """The distinct extents and areas of the boxes."""
        return distinct_spans(self.boxes)


def build_anchors(config: DetectorConfig) -> Anchors:
    """Default boxes of a detector.

    Args:
      config: sizes, steps and ratios of every level.

    Returns:
      `Anchors` with 8732 boxes for the 300 presets and 24564 for 512.
    """
    levels: list[AnchorLevel] = []
    boxes = []
    start = 0
    for k, feature_size in enumerate(config.feature_sizes):
        min_size_px, max_size_px = (
            config.min_sizes_px[k],
            config.max_sizes_px[k],
        )
        if config.truncate_sizes:
            min_size_px, max_size_px = int(min_size_px), int(max_size_px)
        shapes = (
            _cell_shapes(min_size_px, max_size_px, config.aspect_ratios[k])
            / config.image_size
        )  # [A_k, 2]
        step = config.steps_px[k] / config.image_size
        levels.append(
            AnchorLevel(
                feature_size=feature_size,
                step=step,
                shapes=_read_only(shapes.astype(np.float32)),
                min_size=min_size_px / config.image_size,
                start=start,
            )
        )
        start += levels[-1].num_anchors
        boxes.append(_grid_boxes(feature_size, step, shapes))
    all_boxes = np.concatenate(boxes)  # [A, 4]
    if config.clip_anchors:
        all_boxes = np.clip(all_boxes, 0.0, 1.0)
    level = np.repeat(np.arange(len(levels)), [v.num_anchors for v in levels])
    return Anchors(
        boxes=_read_only(all_boxes.astype(np.float32)),
        level=_read_only(level.astype(np.int32)),
        levels=tuple(levels),
    )


def _cell_shapes(min_size, max_size, aspect_ratios) -> np.ndarray:
    """Widths and heights of one cell's boxes, in Caffe's order -> [A_k, 2]."""
    shapes = [
        (min_size, min_size),
        (math.sqrt(min_size * max_size), math.sqrt(min_size * max_size)),
    ]
    for ratio in aspect_ratios:
        root = math.sqrt(ratio)
        shapes.append((min_size * root, min_size / root))
        shapes.append((min_size / root, min_size * root))
    return np.array(shapes)


def _grid_boxes(feature_size, step, shapes) -> np.ndarray:
    """Boxes of every cell of a level, row by row -> [f * f * A_k, 4] yxyx."""
    # Caffe multiplies by the step instead of dividing by the number of cells,
    # so the last centre of the 10x10 level lies at 304 of 300 pixels.
    centres = (np.arange(feature_size) + 0.5) * step
    cy = centres[:, None, None]
    cx = centres[None, :, None]
    half_w, half_h = shapes[:, 0] / 2, shapes[:, 1] / 2
    corners = np.broadcast_arrays(
        cy - half_h, cx - half_w, cy + half_h, cx + half_w
    )  # 4 x [f, f, A_k]
    return np.stack(corners, axis=-1).reshape(-1, 4)


def _grid_cells(level: AnchorLevel) -> LevelCells:
    axis = (np.arange(level.feature_size) + 0.5) * level.step
    cy, cx = np.meshgrid(axis, axis, indexing="ij")
    centers = np.stack([cx.ravel(), cy.ravel()], axis=-1)  # [N, 2]
    index = np.arange(level.start, level.start + level.num_anchors)
    return LevelCells(
        centers.astype(np.float32),
        index.reshape(-1, level.boxes_per_cell).astype(np.int32),
    )


def _read_only(array: np.ndarray) -> np.ndarray:
    array.setflags(write=False)
    return array
