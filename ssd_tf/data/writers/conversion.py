"""A folder written again in another layout."""

import os
import pathlib
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ssd_tf.data.images import SUFFIXES, find_format
from ssd_tf.data.sources import FolderSource
from ssd_tf.data.sources.base import RawImage
from ssd_tf.data.sources.rules import labels_of
from ssd_tf.data.writers.facts import LabelledImage, Writer, to_labelled
from ssd_tf.errors import InputError
from ssd_tf.unfinished import unfinished_folder


class Converted(NamedTuple):
    """What was written.

    Attributes:
      num_images: by split.
      num_objects: in all images, each once.
      notes: what was left out or changed, a line each.
    """

    num_images: Mapping[str, int]
    num_objects: int
    notes: list[str]


class _Counts:
    """Marks of objects, counted once for each image."""

    def __init__(self) -> None:
        self.objects = self.difficult = self.crowds = 0

    def add(self, image: LabelledImage) -> None:
        self.objects += len(image.objects)
        self.difficult += sum(item.is_difficult for item in image.objects)
        self.crowds += sum(item.is_crowd for item in image.objects)


def convert_folder(
    source: FolderSource,
    writer_type: type[Writer],
    output: str | os.PathLike,
) -> Converted:
    """Writes all splits of a folder in another layout, whole or not at all.

    Boxes are written as they are annotated, whether training can use them or
    not; images are copied byte by byte, each once for the splits that it is
    in. A split that only repeats images of others is not written.

    Raises:
      InputError: the output is there already or cannot be written, an
        annotation is broken, or an image is missing.
    """
    output = pathlib.Path(output)
    if os.path.lexists(output):
        raise InputError(
            f"{output} exists already; expected a folder that is not there"
        )
    class_names = source.class_names
    splits, notes = _splits_to_write(source)
    names = _Names()
    counts = _Counts()
    num_images: dict[str, int] = {}
    try:
        output.parent.mkdir(parents=True, exist_ok=True)
        with unfinished_folder(output.parent) as folder:
            writer = writer_type(folder, class_names, source.category_ids)
            for split, images in splits.items():
                num_images[split] = len(images)
                for image, encoded, is_new in _read(source, images, names):
                    writer.add(split, image, encoded)
                    if is_new:
                        counts.add(image)
            notes += writer.close() + _lost(writer, counts)
            folder.chmod(0o755)  # A temporary folder is its owner's alone.
            folder.rename(output)
    except OSError as error:
        raise InputError(
            f"{output} cannot be written: {error.strerror or error}"
        ) from error
    return Converted(num_images, counts.objects, notes)


def _splits_to_write(
    source: FolderSource,
) -> tuple[dict[str, list[RawImage]], list[str]]:
    """The images by split, and what is said of splits left out."""
    own = source.splits()
    first = [name for name in source.default_splits if name in own]
    found: dict[str, list[RawImage]] = {}
    notes = []
    seen: set[str] = set()
    for name in dict.fromkeys([*first, *own]):
        try:
            images = source.images_to_use(name)
        except InputError as error:
            if name in first:
                raise
            notes.append(f"split {name!r} is not written: {error}")
            continue
        paths = {raw.image_path for raw in images}
        if paths <= seen and name not in first:
            notes.append(
                f"split {name!r} is not written: it repeats images of"
                f" {', '.join(found)}"
            )
            continue
        seen |= paths
        found[name] = images
    return found, notes


def _read(
    source: FolderSource, images: list[RawImage], names: "_Names"
) -> Iterator[tuple[LabelledImage, bytes, bool]]:
    """Images as they are to be written, each with its bytes, and if it is the
    first time."""
    for raw in images:
        labels = labels_of(raw.objects, source.class_names)
        for item, label in zip(raw.objects, labels, strict=True):
            if not label:
                raise InputError(source.unknown_class(raw, item))
        try:
            encoded = raw.read()
        except OSError as error:
            raise InputError(
                f"{raw.image_path}: image cannot be read:"
                f" {error.strerror or error}"
            ) from error
        name, is_new = names.of(raw, encoded)
        yield to_labelled(raw, encoded, name), encoded, is_new


class _Names:
    """A name for each image, of which no two have the same stem."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._stems: set[str] = set()

    def of(self, raw: RawImage, encoded: bytes) -> tuple[str, bool]:
        """The name of a file, and True where it is given only now."""
        if raw.image_path in self._names:
            return self._names[raw.image_path], False
        place = pathlib.PurePosixPath(raw.image_id.replace("\\", "/"))
        suffix = place.suffix
        stem = place.stem
        if suffix.lower() not in SUFFIXES:
            fmt = find_format(encoded)
            stem, suffix = place.name, fmt.suffixes[0] if fmt else ""
        folder = pathlib.Path(raw.image_path).parent.name
        name, count = stem, 1
        # Some file systems take small letters and capitals for the same.
        while name.lower() in self._stems:
            name = f"{folder}_{stem}" if count == 1 else f"{stem}_{count}"
            count += 1
        self._stems.add(name.lower())
        self._names[raw.image_path] = name + suffix
        return name + suffix, True


def _lost(writer: Writer, counts: _Counts) -> list[str]:
    """The marks of objects that the layout has no place for."""
    notes = []
    if counts.difficult and not writer.keeps_difficult:
        notes.append(
            f"{counts.difficult} difficult objects are written without that"
            " mark, which the layout has not"
        )
    if counts.crowds and not writer.keeps_crowds:
        what = (
            "written as difficult objects"
            if writer.keeps_difficult
            else "left out"
        )
        notes.append(
            f"{counts.crowds} crowds are {what}: the layout has no mark for"
            " them"
        )
    return notes
