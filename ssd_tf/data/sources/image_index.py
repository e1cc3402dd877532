"""Annotations of image files held in memory, and the dataset they give."""

import dataclasses
from collections.abc import Sequence

import numpy as np
import tensorflow as tf


@dataclasses.dataclass(frozen=True)
class ImageIndex:
    """Paths and objects of I images with N objects in all.

    Attributes:
      image_ids: I names the user recognises.
      image_paths: I paths of image files.
      boxes: [N, 4] float32 yxyx, normalised, valid.
      labels: [N] int32, 1..C.
      is_difficult: [N] bool.
      is_crowd: [N] bool.
      areas: [N] float32 fractions of the image.
      row_splits: [I + 1] int64; image i has objects
        row_splits[i]..row_splits[i + 1] - 1.
      num_dropped: number of boxes that were left out.
    """

    image_ids: Sequence[str]
    image_paths: Sequence[str]
    boxes: np.ndarray
    labels: np.ndarray
    is_difficult: np.ndarray
    is_crowd: np.ndarray
    areas: np.ndarray
    row_splits: np.ndarray
    num_dropped: int

    def __len__(self) -> int:
        return len(self.image_ids)

    def dataset(self, *, skip: int = 0) -> tf.data.Dataset:
        """Examples as in `source.ELEMENT_SPEC`, without the first `skip`."""
        # The skip comes before the files are read.
        return self.examples_at(
            tf.data.Dataset.range(skip, max(skip, len(self)))
        )

    def examples_at(self, indices: tf.data.Dataset) -> tf.data.Dataset:
        """Examples at the positions that `indices` gives, in that order."""
        # Input pipelines run on the CPU; on a GPU machine a tensor made
        # elsewhere would be copied back for every example.
        with tf.device("/CPU:0"):
            image_ids = tf.constant(self.image_ids, tf.string)  # [I]
            image_paths = tf.constant(self.image_paths, tf.string)  # [I]
            boxes = tf.constant(self.boxes, tf.float32)  # [N, 4]
            labels = tf.constant(self.labels, tf.int32)  # [N]
            is_difficult = tf.constant(self.is_difficult, tf.bool)  # [N]
            is_crowd = tf.constant(self.is_crowd, tf.bool)  # [N]
            areas = tf.constant(self.areas, tf.float32)  # [N]
            row_splits = tf.constant(self.row_splits, tf.int64)  # [I + 1]

        def read_example(i):
            begin, end = row_splits[i], row_splits[i + 1]
            return {
                "image": tf.io.read_file(image_paths[i]),
                "image_id": image_ids[i],
                "gt_boxes": boxes[begin:end],  # [M, 4]
                "gt_labels": labels[begin:end],  # [M]
                "gt_is_difficult": is_difficult[begin:end],  # [M]
                "gt_is_crowd": is_crowd[begin:end],  # [M]
                "gt_areas": areas[begin:end],  # [M]
            }

        return indices.map(
            read_example,
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=True,
        )
