"""A folder in the layout of Pascal VOC.

Annotations/*.xml  ImageSets/Main/<split>.txt  JPEGImages/*
"""

import os
import pathlib
from collections.abc import Iterator

import numpy as np
from absl import logging

from ssd_tf import box_ops
from ssd_tf.data.sources import voc_raw
from ssd_tf.data.sources.annotations import RawImage
from ssd_tf.data.sources.folder_source import FolderSource
from ssd_tf.data.sources.image_index import ImageIndex
from ssd_tf.data.sources.voc_boxes import image_size, normalised_box
from ssd_tf.data.sources.voc_layout import VocLayout
from ssd_tf.data.sources.voc_xml import (
    VocAnnotation,
    VocObject,
    read_annotation,
)
from ssd_tf.errors import InputError


class VocFolder(FolderSource):
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
        self._layout = VocLayout(data_dir)
        super().__init__(self._layout.root)
        self._annotations: dict[str, VocAnnotation] = {}
        self._class_names = tuple(class_names or ())
        self._broken: InputError | None = None
        if not self._class_names:
            self._class_names, self._broken = self._discover_classes()

    @property
    def class_names(self) -> tuple[str, ...]:
        """Classes in index order.

        Raises:
          InputError: classes are to be found and an annotation is broken, so
            that its repair could change the indices.
        """
        if self._broken:
            raise InputError(str(self._broken))
        return self._class_names

    @property
    def category_ids(self) -> tuple[int, ...]:
        """VOC has no ids: 1..C."""
        return tuple(range(1, len(self.class_names) + 1))

    def splits(self) -> tuple[str, ...]:
        """Names of the files in ImageSets/Main, without .txt."""
        return self._layout.splits()

    def num_raw_images(self, split: str) -> int:
        """See `annotations.Annotated`."""
        return len(self._layout.ids_to_validate(split))

    def raw_images(self, split: str) -> Iterator[RawImage]:
        """See `annotations.Annotated`."""
        return voc_raw.raw_images(self._layout, split)

    def _build_index(self, split: str) -> ImageIndex:
        image_ids = self._layout.split_ids(split)
        labels = {name: i for i, name in enumerate(self.class_names, start=1)}
        paths, objects, row_splits, num_objects = [], [], [0], 0
        for image_id in image_ids:
            annotation = self._annotation(image_id)
            path = self._layout.image_path(image_id, annotation)
            kept = self._usable_objects(image_id, annotation, path)
            num_objects += len(annotation.objects)
            paths.append(str(path))
            objects.extend(kept)
            row_splits.append(len(objects))
        boxes = np.array([box for _, box in objects], np.float32)
        boxes = boxes.reshape(-1, 4)
        return ImageIndex(
            image_ids=[os.path.basename(path) for path in paths],
            image_paths=paths,
            boxes=boxes,
            labels=np.array([labels[o.class_name] for o, _ in objects], "i4"),
            is_difficult=np.array([o.is_difficult for o, _ in objects], bool),
            is_crowd=np.zeros(len(objects), bool),
            areas=box_ops.area(boxes).numpy(),
            row_splits=np.array(row_splits, np.int64),
            num_dropped=num_objects - len(objects),
        )

    def _usable_objects(
        self, image_id: str, annotation: VocAnnotation, path: pathlib.Path
    ) -> list[tuple[VocObject, tuple[float, float, float, float]]]:
        """Objects with their yxyx boxes; logs those that cannot be used."""
        xml = self._layout.xml_path(image_id)
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

    def _annotation(self, image_id: str) -> VocAnnotation:
        if image_id not in self._annotations:
            path = self._layout.xml_path(image_id)
            self._annotations[image_id] = read_annotation(path)
        return self._annotations[image_id]

    def _discover_classes(self) -> tuple[tuple[str, ...], InputError | None]:
        """Classes of the annotations that can be read; why one cannot."""
        names: set[str] = set()
        broken = None
        root = self._layout.root
        for image_id in self._layout.annotated_ids():
            try:
                objects = self._annotation(image_id).objects
            except InputError as error:
                broken = broken or error
                continue
            names.update(item.class_name for item in objects)
        if not names and not broken:
            for split in self.splits():
                self._layout.check_suffixes(split)
            raise InputError(
                f"{root}: no object in any annotation of the splits"
                f" {', '.join(self.splits()) or '(none found)'}"
            )
        if not broken:
            logging.info("%s: classes %s", root, ", ".join(sorted(names)))
        return tuple(sorted(names)), broken
