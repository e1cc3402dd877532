"""Examples of tensorflow_datasets as a source gives them."""

from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from ssd_tf import box_ops
from ssd_tf.data.sources.annotations import UNIT_SIZE, RawImage, RawObject


def is_usable(raw):
    """Which of the boxes of a tfds example to keep -> [M] bool."""
    boxes = raw["objects"]["bbox"]  # [M, 4]
    # Clipping would make a finite number of an infinite one.
    is_finite = tf.reduce_all(tf.math.is_finite(boxes), axis=-1)
    return is_finite & box_ops.is_valid(box_ops.clip(boxes))


def to_element(raw):
    """A tfds example -> the element of `source.ELEMENT_SPEC`."""
    objects = raw["objects"]
    boxes = box_ops.clip(objects["bbox"])  # [M, 4]
    labels = tf.cast(objects["label"], tf.int32) + 1  # [M]; 0 is background
    none = tf.zeros_like(labels, tf.bool)  # [M]
    columns = {
        "gt_boxes": boxes,
        "gt_labels": labels,
        "gt_is_difficult": objects.get("is_difficult", none),
        "gt_is_crowd": objects.get("is_crowd", none),
        "gt_areas": _areas(raw, boxes),
    }
    keep = is_usable(raw)  # [M]
    return {
        "image": raw["image"],
        "image_id": raw["image/filename"],
        **{k: tf.boolean_mask(v, keep) for k, v in columns.items()},
    }


def _areas(raw, boxes):
    """Areas [M] as fractions of the image: of masks, or else of boxes."""
    areas = box_ops.area(boxes)
    if "area" not in raw["objects"]:
        return areas
    height_width_px = tf.io.extract_jpeg_shape(raw["image"])[:2]
    image_px = tf.cast(tf.reduce_prod(height_width_px), tf.float32)
    mask_areas = tf.cast(raw["objects"]["area"], tf.float32) / image_px
    return tf.where(mask_areas > 0, mask_areas, areas)


def to_raw_image(raw, class_names: Sequence[str], where: str) -> RawImage:
    """A tfds example of NumPy values as annotated."""
    objects = raw["objects"]
    image_id = raw["image/filename"].decode()
    is_crowd = objects.get("is_crowd", np.zeros(len(objects["label"]), bool))
    columns = zip(objects["label"], objects["bbox"], is_crowd, strict=True)
    return RawImage(
        image_id=image_id,
        location=f"{where}: {image_id}",
        image_path=image_id,
        read=lambda: raw["image"],
        declared_size=UNIT_SIZE,
        objects=tuple(
            RawObject(class_names[label], tuple(box.tolist()), bool(crowd))
            for label, box, crowd in columns
        ),
    )
