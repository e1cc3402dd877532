"""A folder in the layout of Pascal VOC."""

import os
import pathlib
from collections.abc import Iterator

from ssd_tf.data.images import SUFFIXES
from ssd_tf.data.sources.base import RawImage
from ssd_tf.data.sources.folder import FolderSource
from ssd_tf.data.sources.voc_xml import read_annotation
from ssd_tf.errors import InputError

# The second column of per-class sets: without, with, with difficult objects.
_CLASS_MARKS = ("-1", "1", "0")
_FOLDERS = ("Annotations", "ImageSets/Main", "JPEGImages")


class VocFolder(FolderSource):
    """Annotations/*.xml  ImageSets/Main/<split>.txt  JPEGImages/*.

    Pixel coordinates are divided by the size of the image as they are, as
    Caffe does (src/caffe/util/io.cpp), though VOC counts from 1: subtracting
    1 puts boxes of the many folders that count from 0 outside the image.
    """

    name = "voc_folder"
    expected = f"a folder with {', '.join(_FOLDERS)}"

    def open(self) -> None:
        for folder in (self.root, *(self.root / name for name in _FOLDERS)):
            if not folder.is_dir():
                raise InputError(
                    f"{folder}: folder is missing; a VOC folder has"
                    f" {', '.join(_FOLDERS)}"
                )
        self._read: dict[str, RawImage] = {}
        self._annotation_ids = {
            name.removesuffix(".xml")
            for name in os.listdir(self.root / "Annotations")
            if name.endswith(".xml")
        }
        self._files = _list_images(self.root / "JPEGImages")

    def splits(self) -> tuple[str, ...]:
        """Names of the files in ImageSets/Main, without .txt."""
        files = (self.root / "ImageSets/Main").glob("*.txt")
        return tuple(sorted(file.stem for file in files))

    def where(self, split: str) -> pathlib.Path:
        return self.root / "ImageSets/Main" / f"{split}.txt"

    def read_split(self, split: str) -> Iterator[RawImage]:
        image_ids = self._ids(split)
        self._check_suffixes(split)
        # As in VOC's test split of 2012.
        if image_ids and self._annotation_ids.isdisjoint(image_ids):
            raise InputError(
                f"{self.root}: no image of split {split!r} has an annotation"
            )
        return map(self._image, image_ids)

    def annotated_images(self) -> Iterator[RawImage]:
        # A split that is used and lacks one is refused when it is read.
        listed = [i for split in self.splits() for i in self._ids(split)]
        found = [i for i in dict.fromkeys(listed) if i in self._annotation_ids]
        if not found:
            for split in self.splits():
                self._check_suffixes(split)
        return map(self._image, found)

    def _image(self, image_id: str) -> RawImage:
        if image_id not in self._read:
            xml = self.root / "Annotations" / f"{image_id}.xml"
            annotation = read_annotation(xml)
            name = self._image_name(image_id, annotation.filename)
            path = self.root / "JPEGImages" / (name or image_id)
            expected = f"expected one of {', '.join(SUFFIXES)}"
            self._read[image_id] = RawImage(
                image_id=path.name,
                location=str(xml),
                image_path=str(path),
                declared_size=annotation.declared_size,
                objects=annotation.objects,
                problems=annotation.problems,
                missing=(
                    "" if name else f"{path}: image is missing, {expected}"
                ),
            )
        return self._read[image_id]

    def _image_name(self, image_id: str, filename: str) -> str | None:
        """The file named after the id, else the <filename> in the XML.

        The id comes first, as in VOC's own tools: renamed images keep their
        old <filename>, which may be another image by now.
        """
        names = self._files.get(image_id, ())
        if names:
            return filename if filename in names else names[0]
        stem = os.path.splitext(filename)[0]
        return filename if filename in self._files.get(stem, ()) else None

    def _check_suffixes(self, split: str) -> None:
        """Refuses a split that lists files, as in "a.jpg" for "a"."""
        for image_id in self._ids(split):
            stem, suffix = os.path.splitext(image_id)
            if (
                image_id not in self._annotation_ids
                and suffix.lower() in (*SUFFIXES, ".xml")
                and (stem in self._annotation_ids or stem in self._files)
            ):
                raise InputError(
                    f"{self.where(split)}: {image_id!r}: a split lists names"
                    f" without suffix, expected {stem!r}"
                )

    def _ids(self, split: str) -> list[str]:
        """The ids in the file of a split, in its order."""
        path = self.where(split)
        try:
            # Editors on Windows put a mark at the beginning.
            text = path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            raise InputError(f"{path}: not UTF-8 text: {error}") from None
        lines = (line.strip() for line in text.splitlines())
        return [self._id_in(line) for line in lines if line]

    def _id_in(self, line: str) -> str:
        """The id in a line of a split; ids may have spaces."""
        *columns, mark = line.rsplit(maxsplit=1)
        if line in self._annotation_ids or mark not in _CLASS_MARKS:
            return line
        image_id = columns[0] if columns else line
        is_id = image_id in self._annotation_ids or not image_id.split()[1:]
        return image_id if is_id else line


def _list_images(folder: pathlib.Path) -> dict[str, list[str]]:
    """Image files by name without suffix, the usual suffixes first."""
    names = (os.path.splitext(name) for name in os.listdir(folder))
    known = [pair for pair in names if pair[1].lower() in SUFFIXES]
    known.sort(key=lambda pair: SUFFIXES.index(pair[1].lower()))
    images: dict[str, list[str]] = {}
    for stem, suffix in known:
        images.setdefault(stem, []).append(stem + suffix)
    return images
