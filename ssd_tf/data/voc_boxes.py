"""Boxes of Pascal VOC annotations, in pixels, as fractions of the image."""

import pathlib

import numpy as np
from absl import logging
from PIL import Image

from ssd_tf.data.voc_xml import VocAnnotation, VocObject
from ssd_tf.errors import InputError

_EXIF_ORIENTATION = 0x0112


def image_size(
    annotation: VocAnnotation, path: pathlib.Path, xml: pathlib.Path
) -> tuple[float, float]:
    """Width and height in pixels, from the XML where it can be believed."""
    width_px, height_px = annotation.width_px, annotation.height_px
    inside = all(
        item.xmax <= width_px and item.ymax <= height_px
        for item in annotation.objects
    )
    # Reading every header would take minutes for 100,000 images.
    if width_px and height_px and inside:
        return width_px, height_px
    real_width_px, real_height_px = _header_size(path)
    if (width_px, height_px) != (real_width_px, real_height_px):
        logging.warning(
            "%s: size %gx%g replaced by that of the image, %dx%d",
            *(xml, width_px, height_px, real_width_px, real_height_px),
        )
    return real_width_px, real_height_px


def _header_size(path: pathlib.Path) -> tuple[int, int]:
    try:
        with Image.open(path) as image:
            orientation = image.getexif().get(_EXIF_ORIENTATION, 1)
            width_px, height_px = image.size
    except OSError as error:
        raise InputError(f"{path}: image cannot be read: {error}") from None
    # Orientations 5..8 turn the image by a quarter.
    return (height_px, width_px) if orientation > 4 else (width_px, height_px)


def normalised_box(
    item: VocObject, width_px: float, height_px: float
) -> tuple[float, float, float, float] | None:
    """The clipped yxyx box in [0, 1], or None if nothing is left of it."""
    raw = np.array([item.ymin, item.xmin, item.ymax, item.xmax], np.float32)
    if not np.isfinite(raw).all():
        return None
    size = np.array([height_px, width_px] * 2, np.float32)
    ymin, xmin, ymax, xmax = np.clip(raw / size, 0.0, 1.0).tolist()
    return (ymin, xmin, ymax, xmax) if ymax > ymin and xmax > xmin else None
