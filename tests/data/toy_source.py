"""A small source in memory."""

import io

import numpy as np
import tensorflow as tf
from PIL import Image

from ssd_tf import box_ops
from ssd_tf.data.sources.base import ELEMENT_SPEC


def encode(pixels, fmt="PNG", **options) -> bytes:
    """An image file of an array or of a `PIL.Image`."""
    if isinstance(pixels, np.ndarray):
        pixels = Image.fromarray(pixels)
    buffer = io.BytesIO()
    pixels.save(buffer, fmt, **options)
    return buffer.getvalue()


def to_example(
    image: bytes, image_id: str, boxes=(), labels=None, is_crowd=None
) -> dict:
    """One example as in `ssd_tf.data.sources.base.ELEMENT_SPEC`."""
    boxes = np.asarray(boxes, np.float32).reshape(-1, 4)
    if labels is None:
        labels = np.ones(len(boxes))
    if is_crowd is None:
        is_crowd = np.zeros(len(boxes), bool)
    return {
        "image": tf.constant(image),
        "image_id": tf.constant(image_id),
        "gt_boxes": tf.constant(boxes),
        "gt_labels": tf.constant(labels, tf.int32),
        "gt_is_difficult": tf.zeros([len(boxes)], tf.bool),
        "gt_is_crowd": tf.constant(is_crowd, tf.bool),
        "gt_areas": box_ops.area(boxes),
    }


class ToySource:
    """Source of given examples in one split, "train"."""

    name = "toy"
    class_names = ("thing",)
    category_ids = (1,)
    default_splits = ("train", "train")

    def __init__(self, examples):
        self._examples = list(examples)
        self.num_read = 0

    def splits(self):
        return ("train",)

    def num_examples(self, split):
        return len(self._examples)

    def dropped_boxes(self, split):
        return 0

    def dataset(self, split, *, skip=0):
        order = range(skip, len(self._examples))
        return self._read(tf.data.Dataset.from_tensor_slices(list(order)))

    def _read(self, indices):
        def generate():
            for i in indices.as_numpy_iterator():
                self.num_read += 1
                yield self._examples[i]

        return tf.data.Dataset.from_generator(
            generate, output_signature=ELEMENT_SPEC
        )


class SeekableToySource(ToySource):
    """A source that can be read in any order."""

    def examples_at(self, split, indices):
        return self._read(indices)
