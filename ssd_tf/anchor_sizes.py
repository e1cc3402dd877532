"""Sizes of anchors by Caffe's rule, and those that were published."""

import math

from ssd_tf.errors import InputError

# (first, second) level in percent of the image side: the paper's scales as
# Caffe computes them (ssd_pascal.py, ssd_coco.py; paper, footnotes 3 and 5).
_PUBLISHED_PERCENTS = {
    ("voc", 300): (10, 20),
    ("coco", 300): (7, 15),
    ("voc", 512): (7, 15),
    ("coco", 512): (4, 10),
}
_MAX_PERCENT = 90


def published_sizes_px(
    scales: str, image_size: int, num_levels: int
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Minimum and maximum anchor sizes of each level, in pixels.

    Args:
      scales: "voc" or "coco".
      image_size: side of the square input, in pixels.
      num_levels: number of feature maps, 6 at 300 and 7 at 512.

    Raises:
      InputError: the scales were not published for this size.
    """
    if (scales, image_size) not in _PUBLISHED_PERCENTS:
        known = ", ".join(f"{s} at {n}" for s, n in sorted(_PUBLISHED_PERCENTS))
        raise InputError(
            f"no anchor sizes for scales {scales!r} at {image_size} px; "
            f"known: {known}"
        )
    first, second = _PUBLISHED_PERCENTS[scales, image_size]
    return spread_sizes_px(image_size, num_levels, first, second)


def spread_sizes_px(
    image_size: int, num_levels: int, first_percent: int, second_percent: int
) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Sizes that rise evenly, with the first level set apart.

    Caffe's rule (examples/ssd/ssd_pascal.py): an integer percentage step of
    floor((90 - second) / (levels - 2)). The sizes of the first two levels are
    in percent of the image side. Returns `(min_sizes_px, max_sizes_px)`.
    """
    step = math.floor((_MAX_PERCENT - second_percent) / (num_levels - 2))
    percents = [first_percent]
    percents += [second_percent + step * k for k in range(num_levels)]
    sizes = tuple(image_size * percent / 100 for percent in percents)
    return sizes[:num_levels], sizes[1 : num_levels + 1]
