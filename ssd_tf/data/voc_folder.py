"""A folder in the layout of Pascal VOC.

Annotations/*.xml  ImageSets/Main/<split>.txt  JPEGImages/*
"""

import os
import pathlib

import numpy as np
import tensorflow as tf
from absl import logging

from ssd_tf.data.image_index import ImageIndex
from ssd_tf.data.voc_boxes import image_size, normalised_box
from ssd_tf.data.voc_xml import VocAnnotation, VocObject, read_annotation
from ssd_tf.errors import InputError

_IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp")
_FOLDERS = ("Annotations", "ImageSets/Main", "JPEGImages")


class VocFolder:
    """Source reading a VOC folder; see `source.Source`.

    Pixel coordinates are divided by the size of the image as they are, as
    Caffe does (src/caffe/util/io.cpp), though VOC counts from 1: subtracting
    1 puts boxes of the many folders that count from 0 outside the image.

    Annotations are read when first needed and kept in memory.
    """

    name = "voc_folder"
    default_splits = ("train", "val")

    def __init__(
        self,
        data_dir: str | os.PathLike,
        class_names: tuple[str, ...] | None = None,
    ):
        """Lists the folder.

        Args:
          data_dir: the folder.
          class_names: classes in index order. When not given, the classes
            of all splits in alphabetical order, so that training and
            evaluation agree; every annotation is read then.

        Raises:
          InputError: the folder, a part of it, or every object is missing.
        """
        self._root = pathlib.Path(data_dir).expanduser()
        _check_layout(self._root)
        self._annotation_ids = {
            name.removesuffix(".xml")
            for name in os.listdir(self._root / "Annotations")
            if name.endswith(".xml")
        }
        self._images = _list_images(self._root / "JPEGImages")
        self._annotations: dict[str, VocAnnotation] = {}
        self._indexes: dict[str, ImageIndex] = {}
        self.class_names = tuple(class_names or self._discover_classes())

    def splits(self) -> tuple[str, ...]:
        """Names of the files in ImageSets/Main, without .txt."""
        files = (self._root / "ImageSets/Main").glob("*.txt")
        return tuple(sorted(file.stem for file in files))

    def num_examples(self, split: str) -> int:
        """The number of images in a split."""
        return len(self._index(split))

    def dropped_boxes(self, split: str) -> int:
        """How many boxes of a split are left out; each has been logged."""
        return self._index(split).num_dropped

    def dataset(self, split: str, *, skip: int = 0) -> tf.data.Dataset:
        """Examples in the order of the split file; see `source.Source`."""
        return self._index(split).dataset(skip=skip)

    def examples_at(
        self, split: str, indices: tf.data.Dataset
    ) -> tf.data.Dataset:
        """Examples at positions; see `pipeline.RandomAccess`."""
        return self._index(split).examples_at(indices)

    def _index(self, split: str) -> ImageIndex:
        if split not in self._indexes:
            self._indexes[split] = self._build_index(split)
        return self._indexes[split]

    def _build_index(self, split: str) -> ImageIndex:
        image_ids = self._split_ids(split)
        labels = {name: i for i, name in enumerate(self.class_names, start=1)}
        paths, objects, row_splits, num_objects = [], [], [0], 0
        for image_id in image_ids:
            annotation = self._annotation(image_id)
            path = self._image_path(image_id, annotation)
            kept = self._usable_objects(image_id, annotation, path)
            num_objects += len(annotation.objects)
            paths.append(str(path))
            objects.extend(kept)
            row_splits.append(len(objects))
        num_dropped = num_objects - len(objects)
        if num_dropped:
            logging.warning(
                "%s: split %s: dropped %d of %d boxes",
                *(self._root, split, num_dropped, num_objects),
            )
        boxes = np.array([box for _, box in objects], np.float32)
        return ImageIndex(
            image_ids=[os.path.basename(path) for path in paths],
            image_paths=paths,
            boxes=boxes.reshape(-1, 4),
            labels=np.array([labels[o.class_name] for o, _ in objects], "i4"),
            is_difficult=np.array([o.is_difficult for o, _ in objects], bool),
            row_splits=np.array(row_splits, np.int64),
            num_dropped=num_dropped,
        )

    def _usable_objects(
        self, image_id: str, annotation: VocAnnotation, path: pathlib.Path
    ) -> list[tuple[VocObject, tuple[float, float, float, float]]]:
        """Objects with their yxyx boxes; logs those that cannot be used."""
        xml = self._xml_path(image_id)
        width_px, height_px = image_size(annotation, path, xml)
        usable = []
        for item in annotation.objects:
            if item.class_name not in self.class_names:
                raise InputError(
                    f"{xml}: unknown class {item.class_name!r}; known:"
                    f" {', '.join(self.class_names)}"
                )
            box = normalised_box(item, width_px, height_px)
            if box is None:
                logging.warning(
                    "%s: dropped a box of class %s, no area inside the image:"
                    " xmin=%g ymin=%g xmax=%g ymax=%g, image %gx%g",
                    *(xml, *item[:5], width_px, height_px),
                )
            else:
                usable.append((item, box))
        return usable

    def _split_ids(self, split: str) -> list[str]:
        image_ids: list[str] = []
        for part in split.split("+"):
            path = self._root / "ImageSets/Main" / f"{part}.txt"
            if part not in self.splits():
                raise InputError(
                    f"{path}: split {part!r} is missing; found:"
                    f" {', '.join(self.splits()) or 'none'}"
                )
            part_ids = self._listed_ids(part)
            if not part_ids:
                raise InputError(f"{path}: split {part!r} lists no image")
            image_ids.extend(part_ids)
        # trainval+val, for one, would show and count images twice.
        unique = list(dict.fromkeys(image_ids))
        if len(unique) < len(image_ids):
            logging.warning(
                "%s: split %s: %d images listed more than once are taken once",
                *(self._root, split, len(image_ids) - len(unique)),
            )
        return unique

    def _listed_ids(self, split: str) -> list[str]:
        """The ids in one split file, in its order."""
        path = self._root / "ImageSets/Main" / f"{split}.txt"
        text = path.read_text(encoding="utf-8")
        lines = (line.strip() for line in text.splitlines())
        # Per-class sets have a second column, 1 or -1; names may have spaces.
        return [
            line if line in self._annotation_ids else line.split()[0]
            for line in lines
            if line
        ]

    def _annotation(self, image_id: str) -> VocAnnotation:
        if image_id not in self._annotations:
            path = self._xml_path(image_id)
            self._annotations[image_id] = read_annotation(path)
        return self._annotations[image_id]

    def _xml_path(self, image_id: str) -> pathlib.Path:
        return self._root / "Annotations" / f"{image_id}.xml"

    def _image_path(
        self, image_id: str, annotation: VocAnnotation
    ) -> pathlib.Path:
        """The file named after the id, else the <filename> in the XML.

        The id comes first, as in VOC's own tools: renamed images keep their
        old <filename>, which may be another image by now.
        """
        folder = self._root / "JPEGImages"
        names = self._images.get(image_id, ())
        if annotation.filename in names:
            return folder / annotation.filename
        if names:
            return folder / names[0]
        stem = os.path.splitext(annotation.filename)[0]
        if annotation.filename in self._images.get(stem, ()):
            return folder / annotation.filename
        raise InputError(
            f"{folder / image_id}: image is missing, expected one of"
            f" {', '.join(_IMAGE_SUFFIXES)}"
        )

    def _discover_classes(self) -> tuple[str, ...]:
        names: set[str] = set()
        for split in self.splits():
            for image_id in self._listed_ids(split):
                # VOC's test split of 2012 has no annotations. A split that
                # is used and lacks one is refused when it is read.
                if image_id in self._annotation_ids:
                    objects = self._annotation(image_id).objects
                    names.update(item.class_name for item in objects)
        if not names:
            raise InputError(
                f"{self._root}: no object in any annotation of the splits"
                f" {', '.join(self.splits()) or '(none found)'}"
            )
        logging.info("%s: classes %s", self._root, ", ".join(sorted(names)))
        return tuple(sorted(names))


def _check_layout(root: pathlib.Path) -> None:
    for folder in (root, *(root / name for name in _FOLDERS)):
        if not folder.is_dir():
            raise InputError(
                f"{folder}: folder is missing; a VOC folder has"
                f" {', '.join(_FOLDERS)}"
            )


def _list_images(folder: pathlib.Path) -> dict[str, list[str]]:
    """Image files by name without suffix, the usual suffixes first."""
    names = (os.path.splitext(name) for name in os.listdir(folder))
    known = [pair for pair in names if pair[1].lower() in _IMAGE_SUFFIXES]
    known.sort(key=lambda pair: _IMAGE_SUFFIXES.index(pair[1].lower()))
    images: dict[str, list[str]] = {}
    for stem, suffix in known:
        images.setdefault(stem, []).append(stem + suffix)
    return images
