"""A folder with annotations in the form of COCO and the images."""

import functools
import os
import pathlib
from collections.abc import Iterator, Sequence

from ssd_tf.data.sources.base import RawImage, RawObject
from ssd_tf.data.sources.coco_json import (
    CocoAnnotations,
    is_coco,
    read_coco,
)
from ssd_tf.data.sources.folder import FolderSource
from ssd_tf.data.sources.folder_files import (
    FileFinder,
    FolderFiles,
    folders_of,
    stem_of,
    suffix,
)
from ssd_tf.data.sources.split_names import is_split_name
from ssd_tf.errors import InputError

# The first of these that finds a file counts: COCO's own annotations folder
# has captions and keypoints of the same images as well.
_PATTERNS = (
    "annotations/instances_*.json",
    "annotations/*.json",
    "*/_annotations.coco.json",
    "*.json",
)
_ROBOFLOW_NAME = "_annotations.coco.json"
_COCO_PREFIX = "instances_"


class CocoFolder(FolderSource):
    """Annotations in JSON and images, as COCO or an annotation tool has them.

    The first of these forms that is there counts, and names the splits:

      annotations/instances_<split>.json  COCO, CVAT
      annotations/<split>.json
      <split>/_annotations.coco.json      Roboflow
      <split>.json                        Label Studio: result.json
      <split>/**/*.json                   FiftyOne: train/labels.json

    The images of a split lie in <split>/, images/<split>/, images/ or beside
    these folders; the first that has the file counts. One that is in none of
    them is looked for in the whole folder. Its name may contain folders, and
    names the image; where two images of joined splits have the same, all are
    called by their paths in the data folder.

    Boxes are x, y, width, height in pixels from the left upper corner. Crowds
    are kept and marked, images without annotations kept. Classes are the
    categories by id, the same in all splits.
    """

    name = "coco_folder"
    expected = (
        "a folder with COCO annotations, such as"
        " annotations/instances_train2017.json, and images"
    )

    @classmethod
    def recognise(cls, files: FolderFiles) -> str:
        found = [
            path
            for path in files.with_suffix(".json")
            if is_coco(files.root / path)
        ]
        if not found:
            return ""
        more = f" and {len(found) - 1} more" if len(found) > 1 else ""
        return f"images, annotations, categories in {found[0]}{more}"

    def open(self) -> None:
        self._files = _find_annotations(self.root)
        self._first_file = min(
            self._files.values(), key=lambda path: path.stat().st_size
        )
        # Kept until its split is read, so that a large file is read once.
        self._unused = {self._first_file: read_coco(self._first_file)}
        self._categories = self._unused[self._first_file].categories
        self._id_of = {name: i for i, name in self._categories.items()}

    def choose_classes(self, asked: tuple[str, ...]) -> tuple[str, ...]:
        for name in asked:
            if name not in self._id_of:
                raise InputError(
                    f"{self._first_file}: class_names asks for {name!r}; the"
                    f" categories are {', '.join(self._id_of)}"
                )
        return asked or tuple(self._id_of)

    def unknown_class(self, raw: RawImage, item: RawObject) -> str:
        name = item.class_name
        what = (
            f"category {self._id_of[name]} ({name})"
            if name in self._id_of
            else f"{name} (no name)"
        )
        known = (f"{self._id_of[name]} ({name})" for name in self.class_names)
        return (
            f"{raw.location}: {item.place}: unknown {what}; known:"
            f" {', '.join(known)}"
        )

    @property
    def category_ids(self) -> tuple[int, ...]:
        """Ids of the categories."""
        return tuple(self._id_of[name] for name in self.class_names)

    def splits(self) -> tuple[str, ...]:
        """Names of the annotation files; see the class."""
        return tuple(self._files)

    def where(self, split: str) -> pathlib.Path:
        return self._files.get(split, self.root)

    def explains(self, path: str) -> bool:
        # To know which images are listed takes all files of annotations.
        return suffix(path) != ".json" or (
            self.root / path in self._files.values()
        )

    def read_split(self, split: str) -> Iterator[RawImage]:
        path = self._files[split]
        annotations = self._read(path)
        # What belongs to no image is told with the first.
        problems = [f"{path}: {what}" for what in annotations.problems]
        if problems and not annotations.images:
            raise InputError(problems[0])
        root = self.root
        places = (root / split, root / "images" / split, root / "images", root)
        folders = [str(folder) for folder in places if folder.is_dir()]
        looked_in = f"looked in {', '.join(folders)}"
        for image in annotations.images:
            location = f"{path}: image {image.image_id}"
            problems += [f"{location}: {what}" for what in image.problems]
            name = image.file_name
            found = _find(name, folders) or self._find_anywhere(name)
            missing = f"{location}: file {name!r} is missing; {looked_in}"
            yield RawImage(
                image_id=name,
                location=location,
                image_path=found or os.path.join(root, name),
                declared_size=image.declared_size,
                objects=image.objects,
                problems=tuple(problems),
                missing="" if found else missing,
                number=image.image_id,
            )
            problems = []

    @functools.cached_property
    def _anywhere(self) -> FileFinder:
        return FileFinder(FolderFiles(self.root).images())

    def _find_anywhere(self, name: str) -> str | None:
        """The file whose path ends most like that of another machine."""
        stem, end = os.path.splitext(name)
        found = self._anywhere.ending_like(stem, stem_of(name))
        found = [path for path in found if path.endswith(end)]
        return str(self.root / found[0]) if len(found) == 1 else None

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


def _find_annotations(root: pathlib.Path) -> dict[str, pathlib.Path]:
    """Annotation files by split, sorted by name."""
    if not root.is_dir():
        raise InputError(f"{root}: folder is missing")
    for pattern in _PATTERNS:
        paths = sorted(root.glob(pattern))
        if paths:
            return {_split_name(path): path for path in paths}
    found = FolderFiles(root).with_suffix(".json")
    paths = [root / path for path in found if is_coco(root / path)]
    by_split = {_split_in(path, root): path for path in paths}
    if paths and len(by_split) == len(paths):
        return by_split
    if paths:
        raise InputError(
            f"{root}: {len(paths)} files of annotations, of which some are of"
            f" one split, such as {paths[0]}; expected <split>.json each"
        )
    raise InputError(
        f"{root}: no annotations; a COCO folder has one of"
        " annotations/instances_<split>.json, annotations/<split>.json,"
        f" <split>/{_ROBOFLOW_NAME}, <split>.json"
    )


def _split_name(path: pathlib.Path) -> str:
    if path.name == _ROBOFLOW_NAME:
        return path.parent.name
    return path.stem.removeprefix(_COCO_PREFIX)


def _split_in(path: pathlib.Path, root: pathlib.Path) -> str:
    """The name of a file, or of the folder above it that is called a split."""
    name = _split_name(path)
    relative = path.relative_to(root).as_posix()
    names = (name, *reversed(folders_of(relative)))
    return next(filter(is_split_name, names), name)


def _find(file_name: str, folders: Sequence[str]) -> str | None:
    """The file in the first of the folders that has it."""
    paths = (os.path.join(folder, file_name) for folder in folders)
    return next((path for path in paths if os.path.isfile(path)), None)
