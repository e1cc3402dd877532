"""The common part of sources over a folder: all but how it is read."""

import abc
import os
import pathlib
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import tensorflow as tf
from absl import logging

from ssd_tf.data.sources.base import (
    ImageFile,
    RawImage,
    RawObject,
    fault_of_name,
)
from ssd_tf.data.sources.folder_files import FolderFiles
from ssd_tf.data.sources.image_index import ImageIndex, build_index
from ssd_tf.data.sources.rules import fault_of_boxes, mark_repeats
from ssd_tf.data.sources.split_names import find_eval_split, find_train_split
from ssd_tf.errors import InputError


class FolderSource(abc.ABC):
    """A `base.Source` over a folder; a layout says what is in a split.

    A layout is a subclass with `name`, `expected`, `splits` and `read_split`;
    `recognise` makes it known to --dataset=folder; `open`, `where`,
    `annotated_images`, `choose_classes`, `unknown_class` and `explains` may be
    overridden.

    Attributes:
      name: of the layout, a key of `registry.SOURCES`.
      expected: what `data_dir` has to be, for messages.
      val_fraction: the part of the images that a hash of their content has
        chosen for evaluation; 0 where the folder has splits of its own.
      val_dir: the folder of the images to evaluate on, where that is another.
      is_read_here_only: images are read by Python, which no other process can
        be asked for.
    """

    name: str
    expected: str
    val_fraction: float = 0.0
    val_dir: str | None = None
    is_read_here_only: bool = False

    def __init__(
        self,
        data_dir: str | os.PathLike | None,
        class_names: tuple[str, ...] | None = None,
    ):
        """Looks through the folder.

        Args:
          data_dir: the folder.
          class_names: classes in index order; an object of any other is an
            error. By default those that the layout lists, or else the classes
            of all splits in alphabetical order.

        Raises:
          InputError: the folder, a part of it, or every object is missing,
            or a class cannot have its name.
        """
        for fault in filter(None, map(fault_of_name, class_names or ())):
            raise InputError(f"class_names: {fault}")
        if not data_dir:
            raise InputError(f"{self.name} needs data_dir: {self.expected}")
        self.root = pathlib.Path(data_dir).expanduser()
        self._facts: dict[str, list[RawImage]] = {}
        self._indexes: dict[str, ImageIndex] = {}
        self._image_ids: dict[str, dict[str, int | str]] = {}
        self._broken = ""
        self.open()
        self._class_names = self.choose_classes(tuple(class_names or ()))

    @classmethod
    def recognise(cls, files: FolderFiles) -> str:
        """The reason why a folder has this layout; empty if it has not."""
        del files
        return ""

    def open(self) -> None:
        """Looks what is there; called once, with `root` set."""

    @abc.abstractmethod
    def splits(self) -> tuple[str, ...]:
        """The splits that can be asked for."""

    def other_splits(self) -> tuple[str, ...]:
        """Splits that can be asked for and repeat the images of `splits`."""
        return ()

    @abc.abstractmethod
    def read_split(self, split: str) -> Iterable[RawImage]:
        """The images that one split lists; see `base.Source.raw_images`."""

    def where(self, split: str) -> pathlib.Path:
        """The file that lists a split, for messages."""
        del split
        return self.root

    def explains(self, path: str) -> bool:
        """True if a file has a place in this layout.

        Args:
          path: from the folder, as of `FolderFiles`; no hidden file.
        """
        del path
        return True

    def annotated_images(self) -> Iterable[RawImage]:
        """Images of all splits, to find the classes in."""
        for split in self.splits():
            yield from self.read_split(split)

    def choose_classes(self, asked: tuple[str, ...]) -> tuple[str, ...]:
        """The classes that are asked for, or else those that are found."""
        if asked:
            return asked
        names: set[str] = set()
        for raw in self.annotated_images():
            names.update(item.class_name for item in raw.objects)
            self._broken = self._broken or next(iter(raw.problems), "")
        if not names and not self._broken:
            raise InputError(
                f"{self.root}: no object in any annotation of the splits"
                f" {', '.join(self.splits()) or '(none found)'}"
            )
        if not self._broken:
            logging.info("%s: classes %s", self.root, ", ".join(sorted(names)))
        return tuple(sorted(names))

    def unknown_class(self, raw: RawImage, item: RawObject) -> str:
        """The error for an object of another class."""
        return (
            f"{raw.location}: unknown class {item.class_name!r}; known:"
            f" {', '.join(self.class_names)}"
        )

    @property
    def class_names(self) -> tuple[str, ...]:
        """Classes in index order.

        Raises:
          InputError: an annotation to find them in is broken.
        """
        # Its repair could change the indices.
        if self._broken:
            raise InputError(self._broken)
        return self._class_names

    @property
    def known_classes(self) -> tuple[str, ...] | None:
        """The classes; None where a broken annotation hides some."""
        return None if self._broken else self._class_names

    @property
    def category_ids(self) -> tuple[int, ...]:
        """1..C, for a layout without ids."""
        return tuple(range(1, len(self.class_names) + 1))

    @property
    def default_splits(self) -> tuple[str, str]:
        """Splits named train and val, or the only ones beginning like that.

        Where there is none, a name that is not there: the error of those who
        ask for it names those that are.
        """
        names = self.splits()
        return find_train_split(names) or "train", (
            find_eval_split(names) or "val"
        )

    def num_examples(self, split: str) -> int:
        """The number of images in a split."""
        return len(self._index(split))

    def dropped_boxes(self, split: str) -> int:
        """The number of boxes of a split left out; each has been logged."""
        return self._index(split).num_dropped

    def dataset(self, split: str, *, skip: int = 0) -> tf.data.Dataset:
        """Examples in the order of the annotations; see `base.Source`."""
        end = max(skip, self.num_examples(split))
        # The skip comes before the files are read.
        return self.examples_at(split, tf.data.Dataset.range(skip, end))

    def examples_at(
        self, split: str, indices: tf.data.Dataset
    ) -> tf.data.Dataset:
        """Examples at positions; see `shuffling.RandomAccess`."""
        return self._index(split).examples_at(
            indices, read_image=self.read_image
        )

    def read_image(self, path):
        """The encoded image of an `image_path`, both scalars, in graph."""
        return tf.io.read_file(path)

    def image_paths(self, split: str) -> Sequence[str]:
        """See `base.ImageFiles`."""
        return self._index(split).image_paths

    def image_files(self, split: str) -> Sequence[ImageFile]:
        """See `base.ImageFiles`."""
        index = self._index(split)
        return [
            ImageFile(image_id, path, index.missing.get(i, ""))
            for i, (image_id, path) in enumerate(
                zip(index.image_ids, index.image_paths, strict=True)
            )
        ]

    def object_digests(self, split: str) -> dict[str, str]:
        """See `base.DigestedObjects`."""
        return self._index(split).object_digests()

    def object_labels(self, split: str) -> tuple[np.ndarray, np.ndarray]:
        """See `base.ObjectLabels`."""
        index = self._index(split)
        columns = index.columns
        labels = np.where(columns["gt_is_crowd"], 0, columns["gt_labels"])
        return labels, index.row_splits

    def image_ids(self, split: str) -> dict[str, int | str]:
        """See `base.NumberedImages`; empty where images have no numbers."""
        self._index(split)
        return self._image_ids[split]

    def num_raw_images(self, split: str) -> int:
        """See `base.Source`."""
        return sum(len(self._images(part)) for part in split.split("+"))

    def raw_images(self, split: str) -> Iterator[RawImage]:
        """See `base.Source`."""
        for part in split.split("+"):
            yield from self._images(part)

    def _images(self, part: str) -> list[RawImage]:
        """The facts of one split, read when they are first needed."""
        if part in self._facts:
            return self._facts[part]
        where = f"{self.where(part)}: split {part!r}"
        if part not in (*self.splits(), *self.other_splits()):
            found = ", ".join(self.splits()) or "none"
            raise InputError(f"{where} is missing; found: {found}")
        images = list(self.read_split(part))
        if not images:
            raise InputError(f"{where} lists no image")
        self._facts[part] = images
        return images

    def _index(self, split: str) -> ImageIndex:
        """The index of a split, built when it is first needed."""
        if split not in self._indexes:
            images = self.images_to_use(split)
            names = self._names(images)
            self._indexes[split] = index = build_index(
                images,
                image_ids=names,
                class_names=self.class_names,
                unknown_class=self.unknown_class,
            )
            self._image_ids[split] = {
                name: raw.number
                for name, raw in zip(names, images, strict=True)
                if raw.number is not None
            }
            # The index holds all that training needs, in a tenth of the space.
            self._facts.clear()
            if index.num_dropped:
                logging.warning(
                    "%s: split %s: dropped %d of %d boxes",
                    *(self.root, split, index.num_dropped),
                    index.num_dropped + index.row_splits[-1],
                )
        return self._indexes[split]

    def images_to_use(self, split: str) -> list[RawImage]:
        """The images of a split, each once, with sound annotations.

        Files may be missing or damaged: that is for those who read them.

        Raises:
          InputError: naming the first problem of an annotation.
        """
        listed = list(self.raw_images(split))
        for raw in listed:
            for problem in raw.problems:
                raise InputError(problem)
            if fault := fault_of_boxes(raw):
                raise InputError(f"{raw.location}: {fault}")
        images = [
            raw for raw, is_repeat in mark_repeats(listed) if not is_repeat
        ]
        if len(images) < len(listed):
            logging.warning(
                "%s: split %s: %d images listed more than once are taken once",
                *(self.root, split, len(listed) - len(images)),
            )
        return images

    def _names(self, images: list[RawImage]) -> list[str]:
        """The ids of images, or their paths in the folder where two agree."""
        names = [raw.image_id for raw in images]
        if len(set(names)) == len(names):
            return names
        paths = (os.path.relpath(raw.image_path, self.root) for raw in images)
        return [pathlib.PurePath(path).as_posix() for path in paths]
