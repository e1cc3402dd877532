"""The facts that every data source yields, and the interface of a source."""

import dataclasses
import pathlib
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
import tensorflow as tf

from ssd_tf.errors import InputError

# Examples: M objects, boxes yxyx normalised to the image, labels 1..C.
# A crowd is a box around objects that are not told apart (COCO's iscrowd).
# Areas are fractions of the image: of the mask where the data tell, else of
# the box.
ELEMENT_SPEC = {
    "image": tf.TensorSpec([], tf.string),
    "image_id": tf.TensorSpec([], tf.string),
    "gt_boxes": tf.TensorSpec([None, 4], tf.float32),
    "gt_labels": tf.TensorSpec([None], tf.int32),
    "gt_is_difficult": tf.TensorSpec([None], tf.bool),
    "gt_is_crowd": tf.TensorSpec([None], tf.bool),
    "gt_areas": tf.TensorSpec([None], tf.float32),
}

# The declared size of images whose boxes are fractions. It is recognised by
# identity: a file may declare 1 x 1 pixel.
UNIT_SIZE = (1.0, 1.0)

# Line breaks and other control characters, and the halves of characters that
# JSON can write and UTF-8 cannot.
_NOT_IN_NAMES = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class RawObject(NamedTuple):
    """One object as its annotation has it.

    Attributes:
      class_name: as written; may be unknown.
      box: yxyx in pixels of the declared size; may be of no use.
      place: where it stands, as in "box 3" or "annotation 17".
      is_difficult: VOC's mark of objects that evaluation leaves out.
      is_crowd: COCO's mark of a box around several objects.
      area: of its mask, in square pixels; 0 where there is none.
    """

    class_name: str
    box: tuple[float, float, float, float]
    place: str
    is_difficult: bool = False
    is_crowd: bool = False
    area: float = 0.0


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RawImage:
    """The facts of one image as its annotation has them, nothing repaired.

    Attributes:
      image_id: a name the user recognises.
      location: of the annotation: its file, or a place in it.
      image_path: file of the image; the id where it has no file of its own.
      declared_size: (height, width) in pixels by the annotation; None where it
        does not tell; `UNIT_SIZE` where boxes are fractions.
      objects: in the order of the annotation.
      problems: of the annotation; a line each, with its place.
      missing: what to say where the image has no file; else empty.
      number: its id in the data set's own annotations; None without one.
      encoded: the image where it has no file of its own.
    """

    image_id: str
    location: str
    image_path: str
    declared_size: tuple[float, float] | None
    objects: Sequence[RawObject]
    problems: Sequence[str] = ()
    missing: str = ""
    number: int | str | None = None
    encoded: bytes | None = None

    def read(self) -> bytes:
        """The encoded image; raises OSError where that cannot be read."""
        if self.encoded is not None:
            return self.encoded
        if self.missing:
            raise FileNotFoundError(self.missing)
        return pathlib.Path(self.image_path).read_bytes()


class Source(Protocol):
    """Annotated images, by split.

    Several splits are joined with "+", as in "train+val". Asking for a split
    that is not there raises `InputError` naming those that are.
    """

    @property
    def name(self) -> str:
        """Name of the data set, as the user gives it."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes; that of label i is `class_names[i - 1]`."""

    @property
    def category_ids(self) -> tuple[int, ...]:
        """Ids of the classes in its own annotations; 1..C without any."""

    @property
    def default_splits(self) -> tuple[str, str]:
        """The splits for training and for evaluation."""

    def splits(self) -> tuple[str, ...]:
        """The splits that can be asked for."""

    def num_examples(self, split: str) -> int:
        """The number of images in a split."""

    def dropped_boxes(self, split: str) -> int:
        """The number of boxes of a split that cannot be used."""

    def dataset(self, split: str, *, skip: int = 0) -> tf.data.Dataset:
        """The examples of a split as in `ELEMENT_SPEC`, always in one order.

        Images are encoded bytes, as stored. Boxes are clipped to the image;
        those that are not finite or have no area are left out. To `skip`
        leading examples is cheaper than `dataset(split).skip(n)`: a folder
        reads no image file of them.
        """

    def num_raw_images(self, split: str) -> int:
        """The number of images that `raw_images` gives."""

    def raw_images(self, split: str) -> Iterator[RawImage]:
        """The facts of every image, in the order of `dataset(split)`.

        An image that the split lists twice comes twice. A broken annotation
        is told in `RawImage.problems`; it does not raise.

        Raises:
          InputError: the split as a whole cannot be used.
        """


class ImageFile(NamedTuple):
    """The file of an image.

    Attributes:
      image_id: as of the examples.
      path: of the file.
      missing: what to say where there is none; else empty.
    """

    image_id: str
    path: str
    missing: str = ""


@runtime_checkable
class ImageFiles(Protocol):
    """The part of a source whose images are files that splits may share."""

    def image_paths(self, split: str) -> Sequence[str]:
        """The files of a split, each once."""

    def image_files(self, split: str) -> Sequence[ImageFile]:
        """The same in the order of `dataset(split)`, with their names."""


@runtime_checkable
class DigestedObjects(Protocol):
    """The part of a source that can tell whether its objects have changed."""

    def object_digests(self, split: str) -> dict[str, str]:
        """A digest of the objects of each image, by `image_id`.

        Empty where they cannot be known, as the file of the image is missing.
        """


@runtime_checkable
class ObjectLabels(Protocol):
    """The part of a source that knows its objects without its images."""

    def object_labels(self, split: str) -> tuple[np.ndarray, np.ndarray]:
        """Labels [N] to learn of all images, and [I + 1] where each begins.

        Crowds have the label 0.
        """


@runtime_checkable
class NumberedImages(Protocol):
    """The part of a source whose annotations may number the images."""

    def image_ids(self, split: str) -> dict[str, int | str]:
        """Ids in the data set's own annotations, by `image_id`, if any."""


def fault_of_name(class_name: str) -> str:
    """The reason why a class cannot have this name; empty if it can.

    Names stand in files with one a line, and in tables.
    """
    if _NOT_IN_NAMES.search(class_name):
        return (
            f"the class name {class_name!r} has a line break or another"
            " control character"
        )
    return ""


def usable_class_names(source: Source) -> tuple[str, ...]:
    """The classes of a source, in index order, if training can use them.

    Raises:
      InputError: a class is named twice, or the source cannot tell them.
    """
    names = tuple(source.class_names)
    if len(set(names)) < len(names):
        raise InputError(f"a class is named twice: {', '.join(names)}")
    return names
