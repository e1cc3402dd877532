"""The facts of image files in memory, and the dataset they give."""

import dataclasses
import hashlib
from collections.abc import Callable, Collection, Mapping, Sequence

import numpy as np
import tensorflow as tf
from absl import logging

from ssd_tf import box_ops
from ssd_tf.data.sources import rules
from ssd_tf.data.sources.base import RawImage, RawObject
from ssd_tf.errors import InputError

_DIGEST_BYTES = 6


@dataclasses.dataclass(frozen=True)
class ImageIndex:
    """Paths and objects of I images with N objects in all.

    Attributes:
      image_ids, image_paths: I names and files.
      columns: the facts of objects, [N, ...] each, by the keys and with the
        dtypes of `base.ELEMENT_SPEC`.
      row_splits: [I + 1] int64; image i has objects
        row_splits[i]..row_splits[i + 1] - 1.
      num_dropped: number of boxes that were left out.
      missing: what to say of images without a file, by position.
      unsure: positions of images whose objects depend on a file that cannot
        be read.
    """

    image_ids: Sequence[str]
    image_paths: Sequence[str]
    columns: Mapping[str, np.ndarray]
    row_splits: np.ndarray
    num_dropped: int
    missing: Mapping[int, str] = dataclasses.field(default_factory=dict)
    unsure: Collection[int] = ()

    def __len__(self) -> int:
        return len(self.image_ids)

    def object_digests(self) -> dict[str, str]:
        """See `base.DigestedObjects`."""
        digests = {}
        unsure = {*self.unsure, *self.missing}
        columns = [self.columns[name] for name in sorted(self.columns)]
        for i, image_id in enumerate(self.image_ids):
            objects = slice(self.row_splits[i], self.row_splits[i + 1])
            digest = hashlib.blake2b(digest_size=_DIGEST_BYTES)
            for column in columns:
                digest.update(column[objects].tobytes())
            digests[image_id] = "" if i in unsure else digest.hexdigest()
        return digests

    def examples_at(
        self,
        indices: tf.data.Dataset,
        *,
        read_image: Callable = tf.io.read_file,
    ) -> tf.data.Dataset:
        """Examples as in `base.ELEMENT_SPEC` at positions, in that order.

        `read_image` reads the encoded image of a path, in graph.
        """
        # Input pipelines run on the CPU; on a GPU machine a tensor made
        # elsewhere would be copied back for every example.
        with tf.device("/CPU:0"):
            image_ids = tf.constant(self.image_ids, tf.string)  # [I]
            image_paths = tf.constant(self.image_paths, tf.string)  # [I]
            columns = {k: tf.constant(v) for k, v in self.columns.items()}
            row_splits = tf.constant(self.row_splits)  # [I + 1]

        def read_example(i):
            begin, end = row_splits[i], row_splits[i + 1]
            return {
                "image": read_image(image_paths[i]),
                "image_id": image_ids[i],
                **{k: v[begin:end] for k, v in columns.items()},  # [M, ...]
            }

        return indices.map(
            read_example,
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=True,
        )


def build_index(
    images: Sequence[RawImage],
    *,
    image_ids: Sequence[str],
    class_names: Sequence[str],
    unknown_class: Callable[[RawImage, RawObject], str],
) -> ImageIndex:
    """Makes the index of images; logs what it changes.

    An image whose size is needed and cannot be read has no objects: without
    its file it cannot be used.

    Args:
      images: of the split, each once.
      image_ids: the name of each.
      class_names: of the labels 1..C.
      unknown_class: the error for an object of another class.

    Raises:
      InputError: an object is of another class.
    """
    judged = rules.judge(images, is_size_needed=False)
    image_of, sizes, keep = judged.image_of, judged.sizes, judged.is_usable
    objects = [item for raw in images for item in raw.objects]
    labels = rules.labels_of(objects, class_names)  # [N]
    for i in np.flatnonzero(labels == 0)[:1]:
        raise InputError(unknown_class(images[image_of[i]], objects[i]))
    for raw, size in zip(images, sizes.tolist(), strict=True):
        _log_replaced_size(raw, size)
    dropped = np.flatnonzero(~keep & (sizes[image_of] > 0).all(axis=1))
    for i in dropped:
        _log_dropped_box(images[image_of[i]], objects[i], sizes[image_of[i]])
    image_areas = np.maximum(sizes.prod(axis=1), 1)[image_of]  # [N]
    mask_areas = np.array([o.area for o in objects]) / image_areas  # [N]
    box_areas = box_ops.area(judged.boxes).numpy()
    areas = np.where(mask_areas > 0, mask_areas, box_areas)
    kept_counts = np.bincount(image_of[keep], minlength=len(images))
    columns = {
        "gt_boxes": judged.boxes,
        "gt_labels": labels,
        "gt_is_difficult": np.array([o.is_difficult for o in objects], bool),
        "gt_is_crowd": np.array([o.is_crowd for o in objects], bool),
        "gt_areas": areas.astype(np.float32),
    }
    return ImageIndex(
        image_ids=image_ids,
        image_paths=[raw.image_path for raw in images],
        columns={key: values[keep] for key, values in columns.items()},
        row_splits=np.concatenate([[0], np.cumsum(kept_counts)]),
        num_dropped=len(dropped),
        unsure=frozenset(image_of[(sizes[image_of] == 0).all(axis=1)].tolist()),
        missing={i: raw.missing for i, raw in enumerate(images) if raw.missing},
    )


def _log_replaced_size(raw: RawImage, size: Sequence[float]) -> None:
    height, width = raw.declared_size or (0.0, 0.0)
    if [height, width] != size and all(size):
        logging.warning(
            "%s: size %gx%g replaced by that of the image, %dx%d",
            *(raw.location, width, height, size[1], size[0]),
        )


def _log_dropped_box(raw: RawImage, item: RawObject, size: np.ndarray) -> None:
    ymin, xmin, ymax, xmax = item.box
    logging.warning(
        "%s: %s: dropped a box of class %s, no area inside the image:"
        " xmin=%g ymin=%g xmax=%g ymax=%g, image %gx%g",
        *(raw.location, item.place, item.class_name),
        *(xmin, ymin, xmax, ymax, size[1], size[0]),
    )
