"""Annotations in the form of COCO as arrays."""

from collections.abc import Mapping, Sequence

import numpy as np
from absl import logging

from ssd_tf import box_ops
from ssd_tf.data.sources.coco_json import CocoObject
from ssd_tf.data.sources.coco_layout import ListedImage
from ssd_tf.data.sources.image_index import ImageIndex
from ssd_tf.data.sources.pixel_boxes import (
    are_inside,
    normalised_boxes,
    size_of_file,
)
from ssd_tf.errors import InputError


def build_index(
    images: Sequence[ListedImage],
    *,
    image_ids: Sequence[str],
    class_names: Mapping[int, str],
    categories: Mapping[int, str],
) -> ImageIndex:
    """The index of a split; logs boxes that cannot be used.

    Args:
      images: of the split.
      image_ids: what each is called.
      class_names: by category id, in index order.
      categories: names of all categories, for messages.

    Raises:
      InputError: an object is of another class, or the size of an image is
        needed and its file cannot be read.
    """
    counts = [len(item.image.objects) for item in images]
    image_of = np.repeat(np.arange(len(images)), counts)  # [N]
    objects = [o for item in images for o in item.image.objects]
    labels = _labels(objects, class_names)  # [N]
    for i in np.flatnonzero(labels == 0)[:1]:
        number = objects[i].category_id
        known = (f"{k} ({name})" for k, name in class_names.items())
        raise InputError(
            f"{images[image_of[i]].location}: {objects[i].name}: unknown"
            f" category {number} ({categories.get(number, 'no name')}); known:"
            f" {', '.join(known)}"
        )
    boxes_px = _boxes_px(objects)  # [N, 4]
    sizes_px = _sizes_px(images, image_of, boxes_px)[image_of]  # [N, 2]
    boxes, keep = normalised_boxes(boxes_px, sizes_px)
    for i in np.flatnonzero(~keep):
        item, name = objects[i], class_names[objects[i].category_id]
        logging.warning(
            "%s: %s: dropped a box of class %s, no area inside the image:"
            " x=%g y=%g width=%g height=%g, image %gx%g",
            *(images[image_of[i]].location, item.name, name),
            *(item.x, item.y, item.width, item.height, *sizes_px[i]),
        )
    kept_counts = np.bincount(image_of[keep], minlength=len(images))
    mask_areas = np.array([o.area_px for o in objects]) / sizes_px.prod(axis=1)
    areas = np.where(mask_areas > 0, mask_areas, box_ops.area(boxes))  # [N]
    return ImageIndex(
        image_ids=image_ids,
        image_paths=[item.path for item in images],
        boxes=boxes[keep],
        labels=labels[keep],
        is_difficult=np.zeros(np.count_nonzero(keep), bool),
        is_crowd=np.array([o.is_crowd for o in objects], bool)[keep],
        areas=areas.astype(np.float32)[keep],
        row_splits=np.concatenate([[0], np.cumsum(kept_counts)]),
        num_dropped=int(np.count_nonzero(~keep)),
    )


def _labels(
    objects: Sequence[CocoObject], class_names: Mapping[int, str]
) -> np.ndarray:
    """Labels [N] int32; 0 where the category has none."""
    label_of = {number: i for i, number in enumerate(class_names, start=1)}
    labels = (label_of.get(item.category_id, 0) for item in objects)
    return np.fromiter(labels, np.int32, len(objects))


def _boxes_px(objects: Sequence[CocoObject]) -> np.ndarray:
    """Corners [N, 4] float64 yxyx in pixels."""
    rows = [(o.y, o.x, o.height, o.width) for o in objects]
    boxes = np.array(rows, np.float64).reshape(-1, 4)
    # Infinite numbers may cancel; such boxes are left out.
    with np.errstate(invalid="ignore"):
        boxes[:, 2:] += boxes[:, :2]
    return boxes


def _sizes_px(
    images: Sequence[ListedImage], image_of: np.ndarray, boxes_px: np.ndarray
) -> np.ndarray:
    """Width and height [I, 2] in pixels, declared where that is believable."""
    sizes_px = np.array(
        [(item.image.width_px, item.image.height_px) for item in images]
    )
    declared_px = sizes_px[image_of]  # [N, 2]
    has_size = declared_px.min(axis=1) > 0  # [N]
    is_believable = has_size & are_inside(boxes_px, declared_px)  # [N]
    # Reading every header would take minutes for 100,000 images.
    for i in np.unique(image_of[~is_believable]):
        width_px, height_px = sizes_px[i].tolist()
        sizes_px[i] = size_of_file(
            images[i].path,
            declared_px=(width_px, height_px),
            where=images[i].location,
        )
    return sizes_px
