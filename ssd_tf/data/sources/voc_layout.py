"""What lies where in a folder in the layout of Pascal VOC."""

import os
import pathlib

from absl import logging

from ssd_tf.data.sources.voc_xml import VocAnnotation
from ssd_tf.errors import InputError

_IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp")
# The second column of per-class sets: without, with, with difficult objects.
_CLASS_MARKS = ("-1", "1", "0")
_FOLDERS = ("Annotations", "ImageSets/Main", "JPEGImages")


class VocLayout:
    """Splits, ids and files; Annotations and JPEGImages are listed once.

    Attributes:
      root: the folder.
    """

    def __init__(self, data_dir: str | os.PathLike):
        """Lists the folder.

        Raises:
          InputError: the folder or a part of it is missing.
        """
        self.root = pathlib.Path(data_dir).expanduser()
        _check_layout(self.root)
        self._annotation_ids = {
            name.removesuffix(".xml")
            for name in os.listdir(self.root / "Annotations")
            if name.endswith(".xml")
        }
        self._images = _list_images(self.root / "JPEGImages")

    def splits(self) -> tuple[str, ...]:
        """Names of the files in ImageSets/Main, without .txt."""
        files = (self.root / "ImageSets/Main").glob("*.txt")
        return tuple(sorted(file.stem for file in files))

    def split_ids(self, split: str) -> list[str]:
        """Ids of a split, or of several as in "train+val", each id once.

        Raises:
          InputError: a split is missing or lists no image.
        """
        image_ids = self.listed_ids(split)
        # trainval+val, for one, would show and count images twice.
        unique = list(dict.fromkeys(image_ids))
        if len(unique) < len(image_ids):
            logging.warning(
                "%s: split %s: %d images listed more than once are taken once",
                *(self.root, split, len(image_ids) - len(unique)),
            )
        return unique

    def listed_ids(self, split: str) -> list[str]:
        """Ids of a split, or of several, as often as they are listed.

        Raises:
          InputError: a split is missing, lists no image, or lists one with
            its suffix.
        """
        image_ids: list[str] = []
        for part in split.split("+"):
            part_ids = self._read_ids(part)
            if not part_ids:
                raise InputError(
                    f"{self._split_path(part)}: split {part!r} lists no image"
                )
            self.check_suffixes(part)
            image_ids.extend(part_ids)
        return image_ids

    def check_suffixes(self, split: str) -> None:
        """Refuses a split that lists files, as in "a.jpg" for "a".

        Raises:
          InputError: it does, or it is missing.
        """
        for image_id in self._read_ids(split):
            stem, suffix = os.path.splitext(image_id)
            if (
                image_id not in self._annotation_ids
                and suffix.lower() in (*_IMAGE_SUFFIXES, ".xml")
                and (stem in self._annotation_ids or stem in self._images)
            ):
                raise InputError(
                    f"{self._split_path(split)}: {image_id!r}: a split lists"
                    f" names without suffix, expected {stem!r}"
                )

    def annotated_ids(self) -> list[str]:
        """Ids that any split lists and that have an annotation file."""
        # A split that is used and lacks one is refused when it is read.
        found = (i for split in self.splits() for i in self._read_ids(split))
        return [i for i in dict.fromkeys(found) if i in self._annotation_ids]

    def ids_to_validate(self, split: str) -> list[str]:
        """`listed_ids` of a split in which some image has an annotation.

        Raises:
          InputError: none has, as in VOC's test split of 2012.
        """
        image_ids = self.listed_ids(split)
        if self._annotation_ids.isdisjoint(image_ids):
            raise InputError(
                f"{self.root}: no image of split {split!r} has an annotation"
            )
        return image_ids

    def xml_path(self, image_id: str) -> pathlib.Path:
        """The annotation file of an id, whether it is there or not."""
        return self.root / "Annotations" / f"{image_id}.xml"

    def image_path(
        self, image_id: str, annotation: VocAnnotation
    ) -> pathlib.Path:
        """The file named after the id, else the <filename> in the XML.

        The id comes first, as in VOC's own tools: renamed images keep their
        old <filename>, which may be another image by now.

        Raises:
          InputError: the image is missing.
        """
        folder = self.root / "JPEGImages"
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

    def _split_path(self, split: str) -> pathlib.Path:
        return self.root / "ImageSets/Main" / f"{split}.txt"

    def _read_ids(self, split: str) -> list[str]:
        """The ids in one split file, in its order."""
        path = self._split_path(split)
        if split not in self.splits():
            raise InputError(
                f"{path}: split {split!r} is missing; found:"
                f" {', '.join(self.splits()) or 'none'}"
            )
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
