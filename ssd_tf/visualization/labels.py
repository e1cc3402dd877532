"""Where the names of boxes stand on a picture."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np


class Area(NamedTuple):
    """A rectangle in pixels; the far edges do not belong to it."""

    left: int
    top: int
    right: int
    bottom: int


def overlaps(areas: np.ndarray, others: np.ndarray) -> np.ndarray:
    """[N, M]: pixels of each of N areas that each of M others has, too.

    Args:
      areas: [N, 4], as of `Area`.
      others: [M, 4].
    """
    near = np.maximum(areas[:, None, :2], others[:, :2])
    far = np.minimum(areas[:, None, 2:], others[:, 2:])
    return np.maximum(far - near, 0).prod(axis=-1)


def place_labels(
    boxes: Sequence[Area],
    sizes: Sequence[tuple[int, int]],
    *,
    picture_size: tuple[int, int],
) -> list[Area]:
    """A place for each box's label, in the picture and near its box.

    The first boxes choose first: above the box, or at other places along its
    edges where the labels before would be covered. Where all are taken, it is
    the place that covers least.

    Args:
      boxes: in the picture.
      sizes: width and height of their labels.
      picture_size: width and height.
    """
    placed = np.empty((len(boxes), 4), int)
    for i, (box, size) in enumerate(zip(boxes, sizes, strict=True)):
        places = np.array(list(_places(box, size, picture_size)))
        covered = overlaps(places, placed[:i]).sum(axis=1)
        placed[i] = places[covered.argmin()]  # the first of equals
    return [Area(*place) for place in placed.tolist()]


def _places(
    box: Area, size: tuple[int, int], picture_size: tuple[int, int]
) -> Iterator[Area]:
    """Places along the edges of a box, the usual ones first."""
    (width, height), (picture_width, picture_height) = size, picture_size
    above, below = box.top - height, box.bottom
    inside_top, inside_bottom = box.top, box.bottom - height
    at_left, at_right = box.left, box.right - width
    middle = (at_left + at_right) // 2
    for x, y in (
        (at_left, above),
        (at_left, inside_top),
        (at_right, above),
        (at_left, below),
        (at_right, below),
        (middle, above),
        (middle, below),
        (at_right, inside_top),
        (at_left, inside_bottom),
        (at_right, inside_bottom),
        (box.right, inside_top),
        (box.left - width, inside_top),
        (box.right, inside_bottom),
        (box.left - width, inside_bottom),
        # Nothing of these is outside, whatever the box.
        (at_left, max(0, min(above, picture_height - height))),
    ):
        x = max(0, min(x, picture_width - width))
        is_last = y == max(0, min(y, picture_height - height))
        if is_last:
            yield Area(x, y, x + width, y + height)
