"""Boxes in pixels of an image as fractions of it."""

import os
import pathlib
from collections.abc import Callable

import numpy as np
import tensorflow as tf
from absl import logging
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    WebPImagePlugin,
)

from ssd_tf.data.images import exif
from ssd_tf.errors import InputError

# The formats that are decoded. Image.open would refuse large images, as their
# pixels could fill the memory; none are decoded here.
_READERS: dict[str, Callable[[str | os.PathLike], ImageFile.ImageFile]] = {
    "JPEG": JpegImagePlugin.JpegImageFile,
    "PNG": PngImagePlugin.PngImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "WebP": WebPImagePlugin.WebPImageFile,
}


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
      See `header_size`.

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


def header_size(path: str | os.PathLike) -> tuple[int, int]:
    """Width and height of an image file as shown, in pixels, by its header.

    Raises:
      InputError: the image cannot be read.
    """
    try:
        width_px, height_px = _stored_size(path)
        is_turned = bool(_is_turned(pathlib.Path(path).read_bytes()))
    # Pillow's reader of WebP refuses large images by itself.
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{path}: image cannot be read: {error}") from None
    return (height_px, width_px) if is_turned else (width_px, height_px)


def _stored_size(path: str | os.PathLike) -> tuple[int, int]:
    """Width and height of an image file before its Exif block turns it.

    Raises:
      OSError, ValueError, Image.DecompressionBombError: it cannot be read.
    """
    for reader in _READERS.values():
        try:
            with reader(path) as image:
                return image.size
        except SyntaxError:
            continue  # Pillow says so of another format.
    raise ValueError(f"none of {', '.join(_READERS)}, or damaged")


# In a graph: eagerly it takes several times as long.
@tf.function(input_signature=[tf.TensorSpec([], tf.string)])
def _is_turned(encoded):
    """Whether Exif turns an encoded image by a quarter, as decoding does."""
    with tf.device("/CPU:0"):
        return exif.is_quarter_turn(encoded)


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
