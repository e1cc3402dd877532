"""Annotation files in the form of COCO.

The form: https://cocodataset.org/#format-data, "Object Detection".
"""

import contextlib
import gc
import json
import math
import mmap
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from ssd_tf.data.sources.base import RawObject, fault_of_name
from ssd_tf.errors import InputError

_KEYS = ("images", "annotations", "categories")
_NUMBER = (int, float)
_ID = (int, str)


class CocoImage(NamedTuple):
    """One image with its objects.

    Attributes:
      image_id: as written.
      file_name: with forward slashes.
      declared_size: (height, width) in pixels; None if missing or unusable.
      objects: those that are complete, in the order of the file.
      problems: of the other objects; a line each.
    """

    image_id: int | str
    file_name: str
    declared_size: tuple[float, float] | None
    objects: list[RawObject]
    problems: list[str]


class CocoAnnotations(NamedTuple):
    """One annotation file; its problems belong to none of the images."""

    categories: dict[int, str]  # names by id, sorted by id
    images: list[CocoImage]  # in the order of the file
    problems: list[str]  # a line each


class _Broken(Exception):
    """A problem of an entry, to be put behind its name."""


def is_coco(path: pathlib.Path) -> bool:
    """True for a file with the keys of COCO's annotations; fast if it is big.

    A file that has them and is broken counts.
    """
    try:
        with path.open("rb") as file:
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
                return any(
                    all(text.find(f'"{k}"'.encode(code)) >= 0 for k in _KEYS)
                    for code in ("utf-8", "utf-16-le", "utf-16-be")
                )
    except (OSError, ValueError):  # A folder, or an empty file.
        return False


def read_coco(path: pathlib.Path) -> CocoAnnotations:
    """Reads an annotation file.

    A broken image or annotation is told in `problems`.

    Raises:
      InputError: the file cannot be read, is not JSON, lacks a part, or its
        categories are broken.
    """
    with _without_garbage_collection():
        content = _load(path)
        try:
            categories = _categories(content["categories"])
        except _Broken as error:
            raise InputError(f"{path}: {error}") from None
        problems: list[str] = []
        images = dict(_images(content["images"], problems))
        if content["annotations"] and not content["images"]:
            problems.append(
                f"the list 'images' is empty; {len(content['annotations'])}"
                " annotations are of images that are not there"
            )
            return CocoAnnotations(categories, [], problems)
        _add_objects(images, content["annotations"], categories, problems)
        return CocoAnnotations(categories, list(images.values()), problems)


@contextlib.contextmanager
def _without_garbage_collection() -> Iterator[None]:
    # It would look through millions of new objects for cycles in vain.
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _load(path: pathlib.Path) -> dict[str, list]:
    try:
        # Bytes: json knows UTF-8 with a mark and UTF-16, too.
        content = json.loads(path.read_bytes(), object_hook=_without_masks)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
    except ValueError as error:
        raise InputError(f"{path}: not valid JSON: {error}") from None
    except RecursionError:
        raise InputError(f"{path}: not usable JSON: nested too deep") from None
    expected = "expected a COCO file, an object with the lists"
    if not isinstance(content, dict):
        raise InputError(
            f"{path}: {expected} {', '.join(_KEYS)}; got {_short(content)}"
        )
    for key in _KEYS:
        if not isinstance(content.get(key), list):
            raise InputError(
                f"{path}: {expected} {', '.join(_KEYS)}; {key!r}"
                f" {'is no list' if key in content else 'is missing'}"
            )
    return content


def _without_masks(item: dict[str, Any]) -> dict[str, Any]:
    # The polygons of COCO's train2017 alone would take gigabytes.
    item.pop("segmentation", None)
    return item


def _categories(items: list) -> dict[int, str]:
    categories: dict[int, str] = {}
    for item, where in _named(items, "category", "categories"):
        try:
            category_id = _field(item, "id", int, "a whole number")
            name = _field(item, "name", str, "text").strip()
        except _Broken as error:
            raise _Broken(f"{where} {error}") from None
        if not name:
            raise _Broken(f"{where} has an empty name")
        if fault := fault_of_name(name):
            raise _Broken(f"{where}: {fault}")
        if category_id in categories:
            raise _Broken(f"{where} is there twice")
        if name in categories.values():
            raise _Broken(f"the name {name!r} belongs to two categories")
        categories[category_id] = name
    if not categories:
        raise _Broken("there are no categories")
    return dict(sorted(categories.items()))


def _images(
    items: list, problems: list[str]
) -> Iterator[tuple[int | str, CocoImage]]:
    """Images by id; adds to the problems."""
    ids: set[int | str] = set()
    id_of_file: dict[str, int | str] = {}
    for item, where in _named(items, "image", "images"):
        try:
            image_id = _field(item, "id", _ID, "a number or text")
            file_name = _field(item, "file_name", str, "text")
        except _Broken as error:
            problems.append(f"{where} {error}")
            continue
        # Annotation tools on Windows write its paths.
        file_name = file_name.replace("\\", "/")
        other = id_of_file.setdefault(file_name, image_id)
        if image_id in ids:
            problems.append(f"{where} is there twice")
        elif other != image_id:
            problems.append(f"{where} is the file of image {other}")
        else:
            ids.add(image_id)
            size = _positive(item.get("height")), _positive(item.get("width"))
            yield image_id, CocoImage(
                image_id,
                file_name,
                declared_size=size if all(size) else None,
                objects=[],
                problems=[],
            )


def _add_objects(
    images: Mapping[int | str, CocoImage],
    items: list,
    categories: Mapping[int, str],
    problems: list[str],
) -> None:
    """Gives every image its objects; adds to the problems."""
    for item, where in _named(items, "annotation", "annotations"):
        try:
            image_id = _field(item, "image_id", _ID, "a number or text")
        except _Broken as error:
            problems.append(f"{where} {error}")
            continue
        image = images.get(image_id)
        if image is None:
            problems.append(
                f"{where}: image_id {image_id!r} is not among the images"
            )
            continue
        try:
            image.objects.append(_object(item, where, categories))
        except _Broken as error:
            image.problems.append(f"{where} {error}")


def _object(
    item: dict[str, Any], place: str, categories: Mapping[int, str]
) -> RawObject:
    bbox = _field(item, "bbox", list, "[x, y, width, height]")
    if len(bbox) != 4 or not all(isinstance(v, _NUMBER) for v in bbox):
        raise _Broken(f"has the bbox {_short(bbox)}, expected four numbers")
    is_crowd = item.get("iscrowd") or 0
    if is_crowd not in (0, 1):
        raise _Broken(f"has iscrowd {_short(is_crowd)}, expected 0 or 1")
    x, y, width, height = map(_float, bbox)
    number = _field(item, "category_id", int, "a whole number")
    return RawObject(
        class_name=categories.get(number) or f"category {number}",
        box=(y, x, y + height, x + width),
        place=place,
        is_crowd=bool(is_crowd),
        area=_positive(item.get("area")),
    )


def _named(items: list, noun: str, key: str) -> Iterator[tuple[Any, str]]:
    """Entries of a list, each with what to call it."""
    for i, item in enumerate(items):
        has_id = isinstance(item, dict) and isinstance(item.get("id"), _ID)
        yield item, f"{noun} {item['id']}" if has_id else f"{key}[{i}]"


def _field(item: Any, key: str, types, expected: str) -> Any:
    if not isinstance(item, dict):
        raise _Broken(f"is {_short(item)}, expected an object")
    if key not in item:
        raise _Broken(f"has no {key!r}")
    value = item[key]
    if not isinstance(value, types):
        raise _Broken(f"has the {key} {_short(value)}, expected {expected}")
    return value


def _positive(value: Any) -> float:
    """A finite number above 0; 0 for anything else."""
    if isinstance(value, _NUMBER) and 0 < _float(value) < math.inf:
        return float(value)
    return 0.0


def _float(value: int | float) -> float:
    """The number as a float, infinite beyond the range of floats."""
    try:
        return float(value)
    except OverflowError:  # Whole numbers; json reads 1e999 as infinite.
        return math.inf if value > 0 else -math.inf


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
