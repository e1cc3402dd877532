"""Boxes in pixels of an image as fractions of it."""

import os

import numpy as np
from absl import logging

from ssd_tf.data.images import header_size


def size_of_file(
    path: str | os.PathLike,
    *,
    declared_px: tuple[float, float],
    where: str | os.PathLike,
) -> tuple[int, int]:
    """The size of an image file that is used instead of the declared one.

    Args:
      path: of the image.
      declared_px: width and height by the annotation; a difference is logged.
      where: the annotation, for the log.

    Returns:
      See `ssd_tf.data.images.header_size`.

    Raises:
      InputError: the image cannot be read.
    """
    size_px = header_size(path)
    if declared_px != size_px:
        logging.warning(
            "%s: size %gx%g replaced by that of the image, %dx%d",
            *(where, *declared_px, *size_px),
        )
    return size_px


def are_inside(boxes_px: np.ndarray, sizes_px: np.ndarray) -> np.ndarray:
    """Whether boxes end in their images; tells if a size can be believed.

    Args:
      boxes_px: [N, 4] yxyx in pixels; any numbers.
      sizes_px: [N, 2] or [2] width and height of the images in pixels.

    Returns:
      [N] bool.
    """
    # x + width may exceed the side by a rounding error.
    right_bottom = np.floor(boxes_px[:, :1:-1])  # [N, 2]
    return (right_bottom <= sizes_px).all(axis=1)


def normalised_boxes(
    boxes_px: np.ndarray, sizes_px: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Boxes clipped to their images, and which of them can be used.

    Args:
      boxes_px: [N, 4] yxyx in pixels; any numbers.
      sizes_px: [N, 2] or [2] width and height of the images in pixels.

    Returns:
      Boxes [N, 4] float32 yxyx in [0, 1], and [N] bool: whether a box is
      finite and has an area left. The other boxes mean nothing.
    """
    # A number beyond float32 becomes infinite, and is left out as such.
    with np.errstate(over="ignore"):
        raw = np.asarray(boxes_px, np.float32)  # [N, 4]
    height_width = np.asarray(sizes_px, np.float32)[..., ::-1]
    scale = np.concatenate([height_width] * 2, axis=-1)  # [N, 4] or [4]
    boxes = np.clip(raw / scale, 0.0, 1.0)
    is_usable = (
        np.isfinite(raw).all(axis=1)
        & (boxes[:, 2] > boxes[:, 0])
        & (boxes[:, 3] > boxes[:, 1])
    )
    return boxes, is_usable
