"""Anchors of SSD, in Caffe's order.

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

from ssd_tf.config import DetectorConfig


class LevelCells(NamedTuple):
    """Cells of one level."""

    centers: np.ndarray  # [N, 2] float32 cx, cy
    anchors: np.ndarray  # [N, A_k] int32 indices of each cell's anchors


@dataclasses.dataclass(frozen=True)
class AnchorLevel:
    """One feature map's grid of anchors.

    Lengths are relative to the image side.

    Attributes:
      feature_size: cells per side.
      step: distance between cell centres.
      shapes: [A_k, 2] float64 widths and heights of a cell's boxes.
      min_size: side of the small square box.
      start: index of the level's first anchor.
      clip_centers: move centres beyond the image to its edge.
    """

    feature_size: int
    step: float
    shapes: np.ndarray
    min_size: float
    start: int
    clip_centers: bool = False

    @property
    def boxes_per_cell(self) -> int:
        """Number of boxes in each cell, A_k."""
        return len(self.shapes)

    @property
    def num_anchors(self) -> int:
        """Number of anchors of the level."""
        return self.feature_size**2 * self.boxes_per_cell

    def _grid(self) -> tuple[np.ndarray, np.ndarray]:
        """Cell centres cy and cx, each [f, f] float64."""
        # Caffe multiplies by the step instead of dividing by the number of
        # cells, so the last centre of the 10x10 level lies at 304 of 300 px.
        axis = (np.arange(self.feature_size) + 0.5) * self.step
        if self.clip_centers:
            axis = np.minimum(axis, 1.0)
        cy, cx = np.meshgrid(axis, axis, indexing="ij")
        return cy, cx

    def boxes(self) -> np.ndarray:
        """Boxes [f * f * A_k, 4] yxyx float64, row by row."""
        cy, cx = (v[..., None] for v in self._grid())  # [f, f, 1]
        half_w, half_h = self.shapes.astype(np.float64).T / 2  # [A_k]
        corners = cy - half_h, cx - half_w, cy + half_h, cx + half_w
        return np.stack(corners, axis=-1).reshape(-1, 4)

    def cells(self) -> LevelCells:
        """Centres of the cells, and the anchors of each."""
        cy, cx = self._grid()
        centers = np.stack([cx.ravel(), cy.ravel()], axis=-1)  # [N, 2]
        index = np.arange(self.start, self.start + self.num_anchors)
        return LevelCells(
            centers.astype(np.float32),
            index.reshape(-1, self.boxes_per_cell).astype(np.int32),
        )


@dataclasses.dataclass(frozen=True, eq=False)
class Anchors:
    """Anchors as constants.

    Attributes:
      boxes: [A, 4] float32 yxyx, normalised, as a rule not clipped.
      level: [A] int32 index of the feature map each belongs to.
      levels: the grids; empty if the anchors were made from boxes alone.
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
    def from_levels(
        cls, levels: Sequence[AnchorLevel], *, clip: bool = False
    ) -> "Anchors":
        """Anchors of grids, fine to coarse, clipped to the image if asked.

        Each `start` must follow the level before.
        """
        boxes = np.concatenate([v.boxes() for v in levels])  # [A, 4]
        if clip:
            boxes = np.clip(boxes, 0.0, 1.0)
        level = np.repeat(
            np.arange(len(levels)), [v.num_anchors for v in levels]
        )
        return cls(
            boxes=_read_only(boxes.astype(np.float32)),
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
            return tuple(level.cells() for level in self.levels)
        members = [
            np.flatnonzero(self.level == k).astype(np.int32)
            for k in np.unique(self.level)
        ]
        return tuple(
            LevelCells(self.cxcywh[index, :2], index[:, None])
            for index in members
        )


def build_anchors(config: DetectorConfig) -> Anchors:
    """Builds the anchors of a detector: 8732 at 300 pixels, 24564 at 512."""
    levels: list[AnchorLevel] = []
    for feature_size, step_px, min_size_px, max_size_px, aspect_ratios in zip(
        config.feature_sizes,
        config.steps_px,
        config.min_sizes_px,
        config.max_sizes_px,
        config.aspect_ratios,
        strict=True,
    ):
        if config.truncate_sizes:
            min_size_px, max_size_px = int(min_size_px), int(max_size_px)
        shapes = _cell_shapes(min_size_px, max_size_px, aspect_ratios)
        shapes /= config.image_size
        if config.clip_anchor_sizes:
            shapes = np.minimum(shapes, 1.0)
        levels.append(
            AnchorLevel(
                feature_size=feature_size,
                step=step_px / config.image_size,
                shapes=_read_only(shapes),
                min_size=min_size_px / config.image_size,
                start=sum(level.num_anchors for level in levels),
                clip_centers=config.clip_anchor_centers,
            )
        )
    return Anchors.from_levels(levels, clip=config.clip_anchors)


def _cell_shapes(min_size, max_size, aspect_ratios) -> np.ndarray:
    """Widths and heights of one cell's boxes, in Caffe's order -> [A_k, 2]."""
    large = math.sqrt(min_size * max_size)
    shapes = [(min_size, min_size), (large, large)]
    for ratio in aspect_ratios:
        root = math.sqrt(ratio)
        shapes.append((min_size * root, min_size / root))
        shapes.append((min_size / root, min_size * root))
    return np.array(shapes)


def _read_only(array: np.ndarray) -> np.ndarray:
    array.setflags(write=False)
    return array
