"""A folder with annotations in the form of COCO and the images."""

import itertools
import os
import pathlib
from collections.abc import Iterator

from absl import logging

from ssd_tf.data.sources.annotations import RawImage, RawObject
from ssd_tf.data.sources.coco_index import build_index
from ssd_tf.data.sources.coco_json import CocoAnnotations, CocoObject, read_coco
from ssd_tf.data.sources.coco_layout import (
    ListedImage,
    find_annotations,
    list_images,
)
from ssd_tf.data.sources.folder_source import FolderSource
from ssd_tf.data.sources.image_index import ImageIndex
from ssd_tf.errors import InputError


class CocoFolder(FolderSource):
    """Source reading a COCO folder; see `source.Source`.

    Annotations are looked for in this order; the first form that is there
    counts, and gives the splits their names:

      annotations/instances_<split>.json  COCO, CVAT
      annotations/<split>.json
      <split>/_annotations.coco.json      Roboflow
      <split>.json                        Label Studio: result.json

    The images of a split lie in <split>/, images/<split>/, images/ or beside
    these folders; the first that has the file counts. Its name may contain
    folders. An image is called by that name; where two images of joined
    splits have the same, all are called by their paths in the data folder.

    Boxes are x, y, width, height in pixels from the left upper corner. Crowds
    (iscrowd) are kept and marked. Images without annotations are kept.

    An annotation file is read when first needed; its numbers are kept.
    """

    name = "coco_folder"

    def __init__(
        self,
        data_dir: str | os.PathLike,
        class_names: tuple[str, ...] | None = None,
    ):
        """Lists the folder and reads the smallest annotation file.

        Args:
          data_dir: the folder.
          class_names: classes in index order; an annotation of any other is
            an error. When not given, the categories by id. They are the same
            in all splits.

        Raises:
          InputError: the folder or its annotations are missing, or a class is
            not among the categories.
        """
        super().__init__(pathlib.Path(data_dir).expanduser())
        self._files = find_annotations(self._root)
        self._image_ids: dict[str, dict[str, int | str]] = {}
        self._listings: dict[str, list[ListedImage]] = {}
        self._first_file = min(
            self._files.values(), key=lambda path: path.stat().st_size
        )
        # Kept until its split is read, so that a large file is read once.
        self._unused = {self._first_file: read_coco(self._first_file)}
        self._categories = self._unused[self._first_file].categories
        ids = {name: i for i, name in self._categories.items()}
        self.class_names = tuple(class_names or ids)
        for name in self.class_names:
            if name not in ids:
                raise InputError(
                    f"{self._first_file}: class_names asks for {name!r}; the"
                    f" categories are {', '.join(ids)}"
                )
        self.category_ids = tuple(ids[name] for name in self.class_names)

    @property
    def default_splits(self) -> tuple[str, str]:
        """Splits named train or val, or the only ones beginning like that."""
        return self._default_split("train"), self._default_split("val")

    def _default_split(self, prefix: str) -> str:
        if prefix in self._files:
            return prefix
        found = [name for name in self._files if name.startswith(prefix)]
        # Otherwise a name that is not there: who asks for it is told so.
        return found[0] if len(found) == 1 else prefix

    def splits(self) -> tuple[str, ...]:
        """Names of the annotation files; see the class."""
        return tuple(self._files)

    def image_ids(self, split: str) -> dict[str, int | str]:
        """See `source.NumberedImages`."""
        self._index(split)
        return self._image_ids[split]

    def num_raw_images(self, split: str) -> int:
        """See `annotations.Annotated`."""
        return sum(len(self._listing(part)) for part in self._parts(split))

    def raw_images(self, split: str) -> Iterator[RawImage]:
        """Every image as annotated; see `annotations.Annotated`."""
        for part in self._parts(split):
            for item in self._listing(part):
                size = item.image.height_px, item.image.width_px
                yield RawImage(
                    image_id=item.image.file_name,
                    location=item.location,
                    image_path=item.path,
                    read=item.read,
                    declared_size=size if all(size) else None,
                    objects=tuple(map(self._raw_object, item.image.objects)),
                    problems=item.problems,
                )

    def _raw_object(self, item: CocoObject) -> RawObject:
        number = item.category_id
        return RawObject(
            class_name=self._categories.get(number, f"category {number}"),
            box=(item.y, item.x, item.y + item.height, item.x + item.width),
            is_crowd=item.is_crowd,
            place=item.name,
        )

    def _build_index(self, split: str) -> ImageIndex:
        images = self._unique_images(split)
        names = self._names(images)
        index = build_index(
            images,
            image_ids=names,
            class_names=dict(zip(self.category_ids, self.class_names)),
            categories=self._categories,
        )
        self._image_ids[split] = {
            name: item.image.image_id
            for name, item in zip(names, images, strict=True)
        }
        # The index holds all that training needs, in a tenth of the space.
        self._listings.clear()
        return index

    def _names(self, images: list[ListedImage]) -> list[str]:
        """What each image is called; no two alike."""
        names = [item.image.file_name for item in images]
        if len(set(names)) == len(names):
            return names
        paths = (os.path.relpath(item.path, self._root) for item in images)
        return [pathlib.PurePath(path).as_posix() for path in paths]

    def _unique_images(self, split: str) -> list[ListedImage]:
        """The images of a split, each once and without a problem."""
        parts = [self._listing(part) for part in self._parts(split)]
        images: dict[str, ListedImage] = {}
        for item in itertools.chain(*parts):
            for problem in (*item.problems, item.missing):
                if problem:
                    raise InputError(problem)
            images.setdefault(item.path, item)
        # trainval+val, for one, would show and count images twice.
        num_repeated = sum(map(len, parts)) - len(images)
        if num_repeated:
            logging.warning(
                "%s: split %s: %d images listed more than once are taken once",
                *(self._root, split, num_repeated),
            )
        return list(images.values())

    def _parts(self, split: str) -> list[str]:
        parts = split.split("+")
        for part in parts:
            if part not in self._files:
                raise InputError(
                    f"{self._root}: split {part!r} is missing; found:"
                    f" {', '.join(self._files)}"
                )
        return parts

    def _listing(self, part: str) -> list[ListedImage]:
        if part not in self._listings:
            path = self._files[part]
            self._listings[part] = list(
                list_images(self._root, part, path, self._read(path))
            )
        return self._listings[part]

    def _read(self, path: pathlib.Path) -> CocoAnnotations:
        """Reads a file and compares its categories with the first one's."""
        annotations = self._unused.pop(path, None) or read_coco(path)
        here, there = annotations.categories, self._categories
        for number in sorted(here.keys() | there.keys()):
            if here.get(number) != there.get(number):
                raise InputError(
                    f"{path}: category {number} is"
                    f" {here.get(number, 'missing')}; in {self._first_file} it"
                    f" is {there.get(number, 'missing')}, and splits must agree"
                )
        return annotations
