"""Sizes and ratios of anchors that fit a data set better."""

import dataclasses

import numpy as np

from ssd_tf.anchor_sizes import spread_sizes_px
from ssd_tf.config import DetectorConfig

_ITERATIONS = 100
_MIN_RATIO = 1.25
# (first level, second level) in percent of the image side.
_PERCENTS = ((3, 8), (4, 10), (5, 12), (7, 15), (10, 20), (14, 28))


def propose_configs(
    config: DetectorConfig, shapes: np.ndarray
) -> list[DetectorConfig]:
    """Anchors that may fit objects better, as many as before.

    Sizes come from Caffe's rule with other percentages, and from clusters of
    the objects' sides on a logarithmic scale, one per level. Aspect ratios
    come from clusters too (k-means over box shapes: Redmon and Farhadi 2017,
    YOLO9000, section 2). Which one is best depends on the grids: measure.

    Args:
      config: the detector; its levels and the number of ratios stay.
      shapes: [N, 2] widths and heights of objects, relative to the image.

    Raises:
      ValueError: there are no objects.
    """
    if len(shapes) == 0:
        raise ValueError("cannot fit anchors to no objects")
    ratios = _fit_ratios(shapes, config.aspect_ratios)
    levels = len(config.feature_sizes)
    sizes = [
        spread_sizes_px(config.image_size, levels, first, minimum)
        for first, minimum in _PERCENTS
    ]
    sizes.append(_clustered_sizes_px(config.image_size, levels, shapes))
    return [
        dataclasses.replace(
            config,
            min_sizes_px=min_sizes_px,
            max_sizes_px=max_sizes_px,
            aspect_ratios=aspect_ratios,
        )
        for min_sizes_px, max_sizes_px in sizes
        for aspect_ratios in (config.aspect_ratios, ratios)
    ]


def _clustered_sizes_px(image_size, levels, shapes):
    log_sides = np.log(np.sqrt(np.prod(shapes, axis=1)) * image_size)
    centres = kmeans_1d(log_sides, levels)
    # Neighbouring levels stay at least a tenth apart.
    for k in range(1, levels):
        centres[k] = max(centres[k], centres[k - 1] + np.log(1.1))
    sizes = [round(float(size), 1) for size in np.exp(centres)]
    last = round(sizes[-1] ** 2 / sizes[-2], 1)
    return tuple(sizes), (*sizes[1:], last)


def kmeans_1d(values: np.ndarray, clusters: int) -> np.ndarray:
    """Lloyd's algorithm on [N] numbers, started at their quantiles.

    Returns the sorted centres; a cluster that loses its members stays.
    """
    centres = np.quantile(values, (np.arange(clusters) + 0.5) / clusters)
    for _ in range(_ITERATIONS):
        nearest = np.argmin(np.abs(values[:, None] - centres), axis=1)
        moved = np.array(
            [
                values[nearest == k].mean() if (nearest == k).any() else c
                for k, c in enumerate(centres)
            ]
        )
        if np.array_equal(moved, centres):
            break
        centres = moved
    return np.sort(centres)


def _fit_ratios(shapes, old) -> tuple[tuple[float, ...], ...]:
    """As many ratios above 1 in each level as before, sorted."""
    log_ratios = np.abs(np.log(shapes[:, 0] / shapes[:, 1]))
    # The squares are there anyway: shapes near 1 need no anchor of their own.
    oblong = log_ratios[log_ratios > np.log(_MIN_RATIO)]
    fitted: dict[int, tuple[float, ...]] = {0: ()}
    for count in {len(level) for level in old} - {0}:
        if len(oblong) < count:
            return old
        centres = np.exp(kmeans_1d(oblong, count))
        fitted[count] = tuple(round(float(r), 2) for r in centres)
    return tuple(fitted[len(level)] for level in old)
