"""The rules by which every reader of annotations goes, each stated once."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from ssd_tf import box_ops
from ssd_tf.data.images import header_size
from ssd_tf.data.sources.base import (
    UNIT_SIZE,
    ImageFiles,
    ObjectLabels,
    RawImage,
    RawObject,
    Source,
)
from ssd_tf.errors import InputError


def usable_boxes(boxes):
    """Clips boxes [M, 4], any numbers, to the image.

    Returns:
      Boxes [M, 4] in [0, 1], and [M] bool: the box is finite and has an area
      left. The other boxes mean nothing.
    """
    # Clipping would make a finite number of an infinite one.
    is_finite = tf.reduce_all(tf.math.is_finite(boxes), axis=-1)
    clipped = box_ops.clip(boxes)
    return clipped, is_finite & box_ops.is_valid(clipped)


def labels_to_learn(example):
    """Labels [M] of an example, 0 for crowds.

    Crowds take part in the augmentation, and `drop_unlabelled` drops them
    after it. Source: weiliu89/caffe, which stores COCO's crowds as difficult:
    the batch samplers look at these (sampler.cpp), the loss does not
    (train_on_diff_gt=False).
    """
    return tf.where(example["gt_is_crowd"], 0, example["gt_labels"])


def drop_unlabelled(gt_labels, gt_boxes):
    """Labels [N] and boxes [N, 4] of M objects, without those of label 0."""
    keep = tf.where(gt_labels > 0)[:, 0]  # [N]
    return tf.gather(gt_labels, keep), tf.gather(gt_boxes, keep)


def objects_to_learn(example):
    """Labels [N] and boxes [N, 4] of an example, crowds left out."""
    return drop_unlabelled(labels_to_learn(example), example["gt_boxes"])


def has_objects(
    source: Source, split: str, *, counted: Callable[[dict], tf.Tensor]
) -> bool:
    """True if an image of a split has an object that counts.

    Stops at the first; `counted` marks those of an example, [M] bool.
    """
    found = source.dataset(split).map(lambda e: tf.reduce_any(counted(e)))
    # An image that cannot be read is told where it is used.
    return any(found.ignore_errors().as_numpy_iterator())


def class_presence(source: Source, split: str) -> np.ndarray:
    """Which classes the images of a split have to learn, [I, C] bool.

    A source that is read from its beginning is read once.
    """
    num_images, num_classes = source.num_examples(split), len(
        source.class_names
    )
    if isinstance(source, ObjectLabels):
        labels, row_splits = source.object_labels(split)
        counts = np.diff(row_splits)
    else:
        found = [
            labels.numpy()
            for labels in source.dataset(split).map(labels_to_learn)
        ]
        counts = np.array([len(labels) for labels in found], int)
        labels = np.concatenate([*found, np.zeros(0, np.int32)])
    presence = np.zeros((num_images, num_classes + 1), bool)
    presence[np.repeat(np.arange(num_images), counts), labels] = True
    return presence[:, 1:]


def count_shared_files(source: Source, split: str, other: str) -> int:
    """The number of image files that are in both splits."""
    if not isinstance(source, ImageFiles):
        return 0
    paths = source.image_paths(split)
    return len(set(paths) & set(source.image_paths(other)))


def cached_objects(source: Source, split: str) -> tf.data.Dataset:
    """The labels [M] and boxes [M, 4] to learn of each image of a split.

    Kept in memory after the first pass: a source reads image files as well.
    Those of images that cannot be read are left out.
    """
    objects = source.dataset(split).map(objects_to_learn)
    return objects.ignore_errors().cache()


def labels_of(
    objects: Sequence[RawObject], class_names: Iterable[str]
) -> np.ndarray:
    """Labels [N] int32, 1..C; 0 where the class is unknown."""
    label_of = {name: i for i, name in enumerate(class_names, start=1)}
    labels = (label_of.get(item.class_name, 0) for item in objects)
    return np.fromiter(labels, np.int32, len(objects))


def mark_repeats(
    images: Iterable[RawImage],
) -> Iterator[tuple[RawImage, bool]]:
    """Images of a split, each with True if its file has been listed before.

    Those are taken once: trainval+val, for one, lists images twice.
    """
    seen: set[str] = set()
    for raw in images:
        yield raw, raw.image_path in seen
        seen.add(raw.image_path)


def fault_of_boxes(raw: RawImage) -> str:
    """The reason why the boxes of an image mean nothing; empty if they do."""
    boxes = [item.box for item in raw.objects]
    if raw.declared_size is UNIT_SIZE or any(max(box) > 1 for box in boxes):
        return ""
    if not any(0 <= b[0] < b[2] and 0 <= b[1] < b[3] for b in boxes):
        return ""
    try:
        size = raw.declared_size or header_size(raw.image_path)[::-1]
    except InputError:
        return ""  # Its own problem.
    if max(size) <= 1:
        return ""
    return (
        "all boxes lie in 0..1 and look like fractions; expected pixels of the"
        f" image of {size[1]:g}x{size[0]:g}"
    )


class Judged(NamedTuple):
    """The objects of I images, N in all, as training takes them.

    Attributes:
      image_of: [N] int64 position of each object's image.
      sizes: [I, 2] float64 height and width that boxes are divided by; 0 for
        an image without objects that declares none, or one whose size is
        needed and cannot be read.
      boxes: [N, 4] float32 yxyx, normalised and clipped.
      is_usable: [N] bool; training drops the other boxes.
    """

    image_of: np.ndarray
    sizes: np.ndarray
    boxes: np.ndarray
    is_usable: np.ndarray


def judge(images: Sequence[RawImage], *, is_size_needed: bool = True) -> Judged:
    """Judges the objects of images.

    Where the size of an image is needed and cannot be read, its objects are
    not usable unless `is_size_needed`.

    Raises:
      InputError: a size that is needed cannot be read.
    """
    counts = [len(raw.objects) for raw in images]
    image_of = np.repeat(np.arange(len(images)), counts)  # [N]
    written = np.array(
        [item.box for raw in images for item in raw.objects], np.float64
    ).reshape(-1, 4)
    sizes = _believed_sizes(
        images, image_of, written, is_size_needed=is_size_needed
    )
    # A number beyond float32 becomes infinite, and is dropped as such.
    with np.errstate(over="ignore"):
        boxes = written.astype(np.float32)  # [N, 4]
    # Of no size, a box becomes infinite or no number, and is not usable.
    with np.errstate(divide="ignore", invalid="ignore"):
        boxes /= np.tile(sizes.astype(np.float32)[image_of], 2)
    with tf.device("/CPU:0"):
        clipped, is_usable = usable_boxes(boxes)
    return Judged(image_of, sizes, clipped.numpy(), is_usable.numpy())


def _believed_sizes(
    images: Sequence[RawImage],
    image_of: np.ndarray,
    boxes: np.ndarray,
    *,
    is_size_needed: bool,
) -> np.ndarray:
    """Sizes [I, 2]: the declared one if all boxes end in it, else the file's.

    Reading every header would take minutes for 100,000 images.
    """
    sizes = np.array(
        [raw.declared_size or (0.0, 0.0) for raw in images], np.float64
    ).reshape(-1, 2)
    has_fractions = np.array(
        [raw.declared_size is UNIT_SIZE for raw in images], bool
    )
    declared = sizes[image_of]  # [N, 2]
    # x + width may exceed the side by a rounding error.
    is_inside = (np.floor(boxes[:, 2:]) <= declared).all(axis=1)  # [N]
    is_believed = has_fractions[image_of] | (
        (declared > 0).all(axis=1) & is_inside
    )
    for i in np.unique(image_of[~is_believed]):
        try:
            sizes[i] = header_size(images[i].image_path)[::-1]
        except InputError:
            if is_size_needed:
                raise
            sizes[i] = 0.0
    return sizes
