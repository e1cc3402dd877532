"""What every data source offers, and the elements it gives."""

from typing import Protocol, runtime_checkable

import tensorflow as tf

from ssd_tf.data.sources.annotations import Annotated
from ssd_tf.errors import InputError

# Raw examples: M objects, boxes yxyx normalised to the image, labels 1..C.
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


class Source(Annotated, Protocol):
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
        """Ids of the classes in the data set's own annotations.

        1..C where it has none.
        """

    @property
    def default_splits(self) -> tuple[str, str]:
        """The splits for training and for evaluation."""

    def splits(self) -> tuple[str, ...]:
        """The splits that can be asked for."""

    def num_examples(self, split: str) -> int:
        """The number of images in a split."""

    def dropped_boxes(self, split: str) -> int:
        """How many boxes of a split are left out, as they cannot be used."""

    def dataset(self, split: str, *, skip: int = 0) -> tf.data.Dataset:
        """The examples of a split as in `ELEMENT_SPEC`.

        The order is always the same. Images are encoded bytes, as stored, so
        that decoding can be fused with cropping. Boxes are clipped to the
        image; those that are not finite or have no area are left out.

        Args:
          split: name of the split.
          skip: number of leading examples to leave out. Cheaper than
            `dataset(split).skip(n)`: a folder reads no image file of them.
        """


def usable_class_names(source: Source) -> tuple[str, ...]:
    """The classes of a source, in index order, if training can use them.

    Raises:
      InputError: a class is named twice, or the source cannot tell them.
    """
    names = tuple(source.class_names)
    if len(set(names)) < len(names):
        raise InputError(f"a class is named twice: {', '.join(names)}")
    return names


@runtime_checkable
class NumberedImages(Protocol):
    """What a source offers besides if its annotations number the images."""

    def image_ids(self, split: str) -> dict[str, int | str]:
        """Ids in the data set's own annotations, by `image_id` of an example.

        An image that is not in it has no other id than its name.
        """
