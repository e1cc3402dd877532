"""Boxes of Pascal VOC annotations, in pixels, as fractions of the image."""

import pathlib

import numpy as np

from ssd_tf.data.sources.pixel_boxes import (
    are_inside,
    normalised_boxes,
    size_of_file,
)
from ssd_tf.data.sources.voc_xml import VocAnnotation, VocObject


def image_size(
    annotation: VocAnnotation, path: pathlib.Path, xml: pathlib.Path
) -> tuple[float, float]:
    """Width and height in pixels, from the XML where it can be believed."""
    declared_px = annotation.width_px, annotation.height_px
    boxes = [(o.ymin, o.xmin, o.ymax, o.xmax) for o in annotation.objects]
    boxes_px = np.array(boxes).reshape(-1, 4)  # [M, 4]
    # Reading every header would take minutes for 100,000 images.
    if all(declared_px) and are_inside(boxes_px, np.array(declared_px)).all():
        return declared_px
    return size_of_file(path, declared_px=declared_px, where=xml)


def normalised_box(
    item: VocObject, width_px: float, height_px: float
) -> tuple[float, float, float, float] | None:
    """The clipped yxyx box in [0, 1], or None if nothing is left of it."""
    raw = np.array([[item.ymin, item.xmin, item.ymax, item.xmax]])
    boxes, is_usable = normalised_boxes(raw, np.array([width_px, height_px]))
    ymin, xmin, ymax, xmax = boxes[0].tolist()
    return (ymin, xmin, ymax, xmax) if is_usable[0] else None
