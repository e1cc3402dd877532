"""A folder with labels in the form of YOLO."""

import functools
import os
import pathlib
from collections.abc import Iterable, Iterator

from absl import logging

from ssd_tf.data.images import SUFFIXES
from ssd_tf.data.sources.base import UNIT_SIZE, RawImage, RawObject
from ssd_tf.data.sources.folder import FolderSource
from ssd_tf.data.sources.folder_files import (
    FolderFiles,
    name_of,
    stem_of,
    suffix,
)
from ssd_tf.data.sources.split_names import is_split_name
from ssd_tf.data.sources.voc_splits import find_split_folders, read_lines
from ssd_tf.data.sources.yolo_description import (
    find_yaml,
    is_list,
    read_description,
    resolve,
)
from ssd_tf.data.sources.yolo_labels import is_label_line, read_labels
from ssd_tf.errors import InputError

_IMAGES, _LABELS = "images", "labels"
_NUM_TRIED = 20


class YoloFolder(FolderSource):
    """Label files, a line an object, and the images.

    The labels of images/train/a.jpg are in labels/train/a.txt, or else beside
    it. Splits and names of classes are those of data.yaml, or of any YAML file
    with `names` and `train`; without one the names are in classes.txt, and the
    splits are lists (train.txt) or folders (train/). An image without labels
    has no objects, as for Ultralytics. Polygons become the boxes around them.
    """

    name = "yolo_folder"
    expected = "a folder with images/, labels/ and data.yaml or classes.txt"

    @classmethod
    def recognise(cls, files: FolderFiles) -> str:
        labels = _label_files(files)
        path = find_yaml(files)
        if path is None:
            if not labels:
                return ""
            return f"label files beside images such as {labels[0]}"
        return f"names and splits in {path}"

    def open(self) -> None:
        self._folder_files = FolderFiles(self.root)
        self._described = read_description(self._folder_files)
        self._lists: dict[str, str] = {}
        self._splits: dict[str, list[str]] = {}
        for split, entries in self._described.splits.items():
            self._splits[split] = list(self._images_of(split, entries))
        if not self._splits:
            self._splits = self._splits_without_yaml()

    def _splits_without_yaml(self) -> dict[str, list[str]]:
        """Images by split: of lists, or of folders; or else all."""
        files = self._folder_files
        for path in files.with_suffix(".txt"):
            name = stem_of(path)
            if is_split_name(name) and any(
                suffix(line) in SUFFIXES
                for line in read_lines(files.root / path)[:1]
            ):
                self._lists[name] = str(self.root / path)
        if self._lists:
            return {n: self._listed(path) for n, path in self._lists.items()}
        images = files.images()
        splits = find_split_folders(images) or (
            {"all": images} if images else {}
        )
        return {
            name: [str(self.root / path) for path in paths]
            for name, paths in splits.items()
        }

    def _images_of(self, split: str, entries: Iterable[str]) -> Iterator[str]:
        """The images that the entries of a split in the YAML file mean."""
        for entry in entries:
            there = os.path.isfile if is_list(entry) else os.path.isdir
            found = resolve(entry, self._described.places, there)
            if found is None:
                # Told to those who ask for the split.
                self._lists.setdefault(split, entry)
            elif is_list(entry):
                yield from self._listed(found)
            else:
                files = FolderFiles(pathlib.Path(found))
                yield from (f"{found}/{path}" for path in files.images())

    def _listed(self, path: str) -> list[str]:
        """The images that a list names, whether they are there or not."""
        places = (os.path.dirname(path), str(self.root))
        return [
            resolve(line, places, os.path.isfile)
            or os.path.join(places[0], line)
            for line in read_lines(pathlib.Path(path))
        ]

    def splits(self) -> tuple[str, ...]:
        """Those of the YAML file, or names of lists or folders."""
        return tuple(self._splits)

    def where(self, split: str) -> pathlib.Path:
        return self.root / self._described.path

    def explains(self, path: str) -> bool:
        place = str(self.root / path)
        if path == self._described.path or place in self._lists.values():
            return True
        if suffix(path) in SUFFIXES:
            return place in self._used
        return suffix(path) == ".txt" and (
            os.path.splitext(place)[0] in self._used_labels
        )

    @functools.cached_property
    def _used(self) -> set[str]:
        return {image for images in self._splits.values() for image in images}

    @functools.cached_property
    def _used_labels(self) -> set[str]:
        return {os.path.splitext(self._label_of(i))[0] for i in self._used}

    def read_split(self, split: str) -> Iterator[RawImage]:
        missing = self._lists.get(split) if not self._splits[split] else None
        if missing:
            raise InputError(
                f"{self.where(split)}: {split}: {missing} is not there; looked"
                f" for it from {', '.join(self._described.places)}"
            )
        images = self._splits[split]
        labels = [self._label_of(image) for image in images]
        unlabelled = [
            i for i, n in zip(images, labels) if not os.path.exists(n)
        ]
        if len(unlabelled) == len(images) > 0:
            raise InputError(
                f"{self.root}: no image of split {split!r} has labels; those of"
                f" {images[0]} would be {labels[0]}"
            )
        if unlabelled:
            logging.info(
                "%s: split %s: %d of %d images have no label file and so no"
                " objects, such as %s",
                *(self.root, split, len(unlabelled), len(images)),
                unlabelled[0],
            )
        return map(self._image, images, labels)

    def _label_of(self, image: str) -> str:
        """The label file of an image, there or not."""
        stem = os.path.splitext(image)[0]
        folders = stem.split("/")
        for i in reversed(range(len(folders) - 1)):
            if folders[i].lower() == _IMAGES:
                apart = "/".join([*folders[:i], _LABELS, *folders[i + 1 :]])
                if os.path.exists(f"{apart}.txt") or not os.path.exists(
                    f"{stem}.txt"
                ):
                    return f"{apart}.txt"
                break
        return f"{stem}.txt"

    def _image(self, image: str, label: str) -> RawImage:
        labels = read_labels(
            pathlib.Path(label),
            self._listed_names,
            has_keypoints=self._described.has_keypoints,
        )
        is_there = os.path.isfile(image)
        return RawImage(
            image_id=name_of(image),
            location=label,
            image_path=image,
            declared_size=UNIT_SIZE,
            objects=labels.objects,
            problems=labels.problems,
            missing="" if is_there else f"{image}: image is missing",
        )

    @property
    def _listed_names(self) -> tuple[str, ...]:
        return self._described.names or self._asked

    def choose_classes(self, asked: tuple[str, ...]) -> tuple[str, ...]:
        self._asked = asked
        names = self._described.names
        if not names and not asked:
            raise InputError(
                f"{self.root}: the names of the classes are unknown; expected"
                " data.yaml or classes.txt, or --class_names=NAME,... in the"
                " order of their numbers"
            )
        for name in asked:
            if names and name not in names:
                raise InputError(
                    f"{self.root / self._described.path}: class_names asks for"
                    f" {name!r}; the names are {', '.join(names)}"
                )
        return asked or names

    def unknown_class(self, raw: RawImage, item: RawObject) -> str:
        return (
            f"{raw.location}: {item.place}: unknown {item.class_name!r}; known,"
            f" from 0 on: {', '.join(self._listed_names)}"
        )


def _label_files(files: FolderFiles) -> list[str]:
    """Some texts that have labels in their first line, and an image."""
    images = {stem_of(path) for path in files.images()}
    found = []
    texts = [p for p in files.with_suffix(".txt") if stem_of(p) in images]
    for path in texts[:_NUM_TRIED]:
        try:
            lines = read_lines(files.root / path)
        except InputError:
            continue
        if lines and is_label_line(lines[0]):
            found.append(path)
    return found
