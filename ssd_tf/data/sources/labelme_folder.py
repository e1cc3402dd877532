"""A folder with labelme's annotations."""

import functools
import json
import math
import pathlib
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from ssd_tf.data.images import SUFFIXES
from ssd_tf.data.sources.base import RawImage, RawObject, fault_of_name
from ssd_tf.data.sources.folder import FolderSource
from ssd_tf.data.sources.folder_files import (
    FileFinder,
    FolderFiles,
    name_of,
    suffix,
)
from ssd_tf.data.sources.voc_splits import find_split_folders
from ssd_tf.errors import InputError

_NUM_TRIED = 20


class _Annotation(NamedTuple):
    """The facts of one file, usable or not."""

    image_path: str = ""
    size: tuple[float, float] | None = None
    objects: tuple[RawObject, ...] = ()
    problems: tuple[str, ...] = ()


class _Broken(Exception):
    """A problem of a shape."""


class LabelmeFolder(FolderSource):
    """labelme's JSON, one for each image, and the images.

    Shapes of any kind become the boxes around them. Splits are folders called
    train, val and so on, or there are none. Images without a file are not used.
    """

    name = "labelme_folder"
    expected = "a folder with labelme's JSON files and the images"

    @classmethod
    def recognise(cls, files: FolderFiles) -> str:
        found = files.with_suffix(".json")
        for path in found[:_NUM_TRIED]:
            content = _load(files.root / path)
            if isinstance(content, dict) and _is_labelme(content):
                return f"shapes and imagePath in {path}"
        return ""

    def open(self) -> None:
        files = FolderFiles(self.root)
        found = files.with_suffix(".json")
        self._read = {path: _read(self.root / path) for path in found}
        self._annotations = [p for p in found if self._read[p] is not None]
        if not self._annotations:
            raise InputError(
                f"{self.root}: no .json file is labelme's; expected"
                f" {self.expected}"
            )
        self._image_finder = FileFinder(files.images())
        self._splits = find_split_folders(self._annotations) or {
            "all": self._annotations
        }

    def splits(self) -> tuple[str, ...]:
        """Folders called like splits, or one split, "all"."""
        return tuple(self._splits)

    def explains(self, path: str) -> bool:
        if suffix(path) in SUFFIXES:
            return str(self.root / path) in self._used
        return path in self._annotations

    @functools.cached_property
    def _used(self) -> set[str]:
        return {self._image(path).image_path for path in self._annotations}

    def read_split(self, split: str) -> Iterator[RawImage]:
        return map(self._image, self._splits[split])

    def _image(self, path: str) -> RawImage:
        annotation = self._read[path] or _Annotation()
        location = str(self.root / path)
        image = annotation.image_path.replace("\\", "/")
        found = self._image_finder.images_of(path, file_name=name_of(image))
        problems = list(annotation.problems)
        if len(found) > 1:
            problems.append(
                f"{location}: its image could be {' or '.join(found)}"
            )
        place = self.root / (found[0] if found else name_of(image) or path)
        return RawImage(
            image_id=place.name,
            location=location,
            image_path=str(place),
            declared_size=annotation.size,
            objects=annotation.objects,
            problems=tuple(problems),
            missing="" if found else f"{location}: image {image} is missing",
        )


def _is_labelme(content: dict) -> bool:
    return "shapes" in content and "imagePath" in content


def _without_pixels(item: dict[str, Any]) -> dict[str, Any]:
    item.pop("imageData", None)  # the image itself, in many files
    return item


def _load(path: pathlib.Path) -> Any:
    """The content; an error's text where it cannot be read."""
    try:
        return json.loads(path.read_bytes(), object_hook=_without_pixels)
    except (OSError, ValueError, RecursionError) as error:
        return str(error)


def _read(path: pathlib.Path) -> _Annotation | None:
    """The facts of a file; None of one that is another program's."""
    content = _load(path)
    if isinstance(content, str):
        return _Annotation(problems=(f"{path}: not valid JSON: {content}",))
    if not isinstance(content, dict) or not _is_labelme(content):
        return None
    objects, problems = [], []
    shapes = content["shapes"] if isinstance(content["shapes"], list) else []
    for number, shape in enumerate(shapes, start=1):
        try:
            objects.append(_object(shape, f"shape {number}"))
        except _Broken as error:
            problems.append(f"{path}: shape {number} {error}")
    size = _side(content, "imageHeight"), _side(content, "imageWidth")
    return _Annotation(
        str(content["imagePath"] or ""),
        size if all(size) else None,
        tuple(objects),
        tuple(problems),
    )


def _side(content: dict, key: str) -> float:
    side = content.get(key)
    if isinstance(side, (int, float)) and 0 < side < math.inf:
        return float(side)
    return 0.0


def _object(shape: Any, place: str) -> RawObject:
    if not isinstance(shape, dict):
        raise _Broken("is no object")
    label = shape.get("label")
    if not isinstance(label, str) or not label.strip():
        raise _Broken("has no label")
    if fault := fault_of_name(label.strip()):
        raise _Broken(f"has a bad label: {fault}")
    flags = shape.get("flags")
    return RawObject(
        label.strip(),
        _box(shape.get("points"), shape.get("shape_type")),
        place,
        is_difficult=isinstance(flags, dict) and bool(flags.get("difficult")),
    )


def _box(points: Any, kind: Any) -> tuple[float, float, float, float]:
    """yxyx around a shape's points, in pixels."""
    try:
        xs = [float(x) for x, y in points]
        ys = [float(y) for x, y in points]
    except (TypeError, ValueError):
        raise _Broken("has no points [[x, y], ...]") from None
    if not xs:
        raise _Broken("has no points")
    if kind == "circle" and len(xs) == 2:  # its centre, and a point of it
        return _around_circle(xs, ys)
    return min(ys), min(xs), max(ys), max(xs)


def _around_circle(
    xs: Sequence[float], ys: Sequence[float]
) -> tuple[float, float, float, float]:
    radius = math.hypot(xs[1] - xs[0], ys[1] - ys[0])
    return ys[0] - radius, xs[0] - radius, ys[0] + radius, xs[0] + radius
