"""What sources over a folder share: an index of each split, in memory."""

import abc
import pathlib

import tensorflow as tf
from absl import logging

from ssd_tf.data.sources.image_index import ImageIndex


class FolderSource(abc.ABC):
    """The part of `source.Source` that an index answers.

    Args:
      root: the folder.
    """

    def __init__(self, root: pathlib.Path):
        self._root = root
        self._indexes: dict[str, ImageIndex] = {}

    @abc.abstractmethod
    def _build_index(self, split: str) -> ImageIndex:
        """Reads the annotations of a split.

        Raises:
          InputError: the split is missing or cannot be used.
        """

    def num_examples(self, split: str) -> int:
        """The number of images in a split."""
        return len(self._index(split))

    def dropped_boxes(self, split: str) -> int:
        """How many boxes of a split are left out; each has been logged."""
        return self._index(split).num_dropped

    def dataset(self, split: str, *, skip: int = 0) -> tf.data.Dataset:
        """Examples in the order of the annotations; see `source.Source`."""
        return self._index(split).dataset(skip=skip)

    def examples_at(
        self, split: str, indices: tf.data.Dataset
    ) -> tf.data.Dataset:
        """Examples at positions; see `shuffling.RandomAccess`."""
        return self._index(split).examples_at(indices)

    def _index(self, split: str) -> ImageIndex:
        """The index of a split, built when it is first needed."""
        if split not in self._indexes:
            index = self._build_index(split)
            if index.num_dropped:
                logging.warning(
                    "%s: split %s: dropped %d of %d boxes",
                    *(self._root, split, index.num_dropped),
                    index.num_dropped + len(index.boxes),
                )
            self._indexes[split] = index
        return self._indexes[split]
