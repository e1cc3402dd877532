"""A folder with annotations in the form of Pascal VOC."""

import functools
import os
import pathlib
from collections.abc import Iterator
from typing import NamedTuple

from ssd_tf.data.images import SUFFIXES
from ssd_tf.data.sources.base import RawImage
from ssd_tf.data.sources.folder import FolderSource
from ssd_tf.data.sources.folder_files import FileFinder, FolderFiles, suffix
from ssd_tf.data.sources.voc_splits import (
    find_split_files,
    find_split_folders,
    folder_of_most,
    image_named,
    read_lines,
    xmls_of,
)
from ssd_tf.data.sources.voc_xml import is_voc, read_annotation
from ssd_tf.errors import InputError

# Where VOC itself has them; what lies elsewhere is not looked at then.
_ANNOTATIONS, _IMAGES = "Annotations/", "JPEGImages/"
_NUM_TRIED = 3


class _Entry(NamedTuple):
    """An annotation file that a split names, from the root; may be missing."""

    xml: str
    image_name: str = ""
    problem: str = ""


class VocFolder(FolderSource):
    """XML files and images, in folders of any name or in one.

    Splits are lists of names: ImageSets/Main/<split>.txt, as VOC has them, or
    <split>.txt elsewhere; or else folders: train/, valid/. Without either all
    is one split, "all". A list names images by their names alone, with a
    suffix, with folders or by a whole path.

    Pixel coordinates are divided by the size of the image as they are, as
    Caffe does (src/caffe/util/io.cpp), though VOC counts from 1: subtracting
    1 puts boxes of the many folders that count from 0 outside the image.
    """

    name = "voc_folder"
    expected = "a folder with VOC's XML files and the images"

    @classmethod
    def recognise(cls, files: FolderFiles) -> str:
        found = _below(_ANNOTATIONS, files.with_suffix(".xml"))
        if not any(is_voc(files.root / path) for path in found[:_NUM_TRIED]):
            return ""
        return f"{len(found)} XML files such as {found[0]}"

    def open(self) -> None:
        files = FolderFiles(self.root)
        xmls = _below(_ANNOTATIONS, files.with_suffix(".xml"))
        if not xmls:
            raise InputError(
                f"{self.root}: no .xml file is there; expected {self.expected}"
            )
        images = _below(_IMAGES, files.images())
        self._read: dict[str, RawImage] = {}
        self._entries_of: dict[str, list[_Entry]] = {}
        self._xmls = frozenset(xmls)
        self._annotations = FileFinder(xmls)
        self._image_finder = FileFinder(images)
        self._lists = find_split_files(files, self._annotations)
        self._folders = {}
        if not self._lists:
            self._folders = find_split_folders(xmls)
        if not self._lists and not self._folders:
            self._folders = {"all": xmls}
        self._xml_folder = folder_of_most(xmls)
        self._image_folder = folder_of_most(images or xmls)

    def splits(self) -> tuple[str, ...]:
        """Names of the lists or folders; see the class."""
        return tuple(sorted(self._lists or self._folders))

    def where(self, split: str) -> pathlib.Path:
        if not self._lists:
            return self.root
        folder = os.path.dirname(next(iter(self._lists.values())))
        return self.root / self._lists.get(split, f"{folder}/{split}.txt")

    def explains(self, path: str) -> bool:
        is_image = suffix(path) in SUFFIXES
        return (
            suffix(path) == ".xml"
            or path in self._lists.values()
            or (is_image and str(self.root / path) in self._used_images)
        )

    @functools.cached_property
    def _used_images(self) -> set[str]:
        entries = (e for split in self.splits() for e in self._entries(split))
        return {self._image(entry).image_path for entry in entries}

    def read_split(self, split: str) -> Iterator[RawImage]:
        entries = self._entries(split)
        # As in VOC's test split of 2012.
        if entries and not any(map(self._is_there, entries)):
            raise InputError(
                f"{self.root}: no image of split {split!r} has an annotation"
            )
        return map(self._image, entries)

    def annotated_images(self) -> Iterator[RawImage]:
        # A split that is used and lacks one is refused when it is read.
        entries = (e for split in self.splits() for e in self._entries(split))
        return map(self._image, filter(self._is_there, dict.fromkeys(entries)))

    def _entries(self, split: str) -> list[_Entry]:
        """The annotations of a split, in its order."""
        if split in self._folders:
            return [_Entry(xml) for xml in self._folders[split]]
        if split not in self._entries_of:
            path = self.root / self._lists[split]
            lines = read_lines(path)
            self._entries_of[split] = [self._entry(n, path) for n in lines]
        return self._entries_of[split]

    def _entry(self, line: str, path: pathlib.Path) -> _Entry:
        entry, xmls = xmls_of(line, self._annotations)
        if not xmls:
            # Where it would be.
            xmls = [f"{self._xml_folder}/{entry}.xml"]
        problem = ""
        if len(xmls) > 1:
            problem = (
                f"{path}: {entry!r} could be {xmls[0]} or {xmls[1]}; expected"
                " a name with its folder"
            )
        return _Entry(xmls[0].lstrip("/"), image_named(entry), problem)

    def _is_there(self, entry: _Entry) -> bool:
        return entry.xml in self._xmls

    def _image(self, entry: _Entry) -> RawImage:
        key = entry.xml + entry.image_name + entry.problem
        if key not in self._read:
            self._read[key] = self._read_image(entry)
        return self._read[key]

    def _read_image(self, entry: _Entry) -> RawImage:
        xml = self.root / entry.xml
        annotation = read_annotation(xml)
        found = self._image_finder.images_of(
            entry.xml, file_name=entry.image_name or annotation.filename
        )
        problems = [entry.problem, *annotation.problems]
        if len(found) > 1:
            problems.append(f"{xml}: its image could be {' or '.join(found)}")
        if found:
            path = self.root / found[0]
        else:
            # With the folders that stand in a list, as in "sub/x".
            stem = entry.xml.removesuffix(xml.suffix).removeprefix(_ANNOTATIONS)
            stem = stem if _ANNOTATIONS in entry.xml else xml.stem
            path = self.root / self._image_folder / stem
        expected = f"expected one of {', '.join(SUFFIXES)}"
        return RawImage(
            image_id=path.name,
            location=str(xml),
            image_path=str(path),
            declared_size=annotation.declared_size,
            objects=annotation.objects,
            problems=tuple(filter(None, problems)),
            missing="" if found else f"{path}: image is missing, {expected}",
        )


def _below(folder: str, paths: list[str]) -> list[str]:
    """The files in a folder, if it has any; else all."""
    return [path for path in paths if path.startswith(folder)] or paths
