"""Files of records as the TF Object Detection API writes them.

The features: research/object_detection/data_decoders/tf_example_decoder.py of
tensorflow/models.
"""

import dataclasses
import os
import pathlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import tensorflow as tf

from ssd_tf.data.sources.base import (
    UNIT_SIZE,
    RawImage,
    RawObject,
    fault_of_name,
)
from ssd_tf.errors import InputError

ENCODED = "image/encoded"
_BOX = "image/object/bbox/"
_SIDES = ("ymin", "xmin", "ymax", "xmax")
# Of a record: its length in 8 bytes and a checksum of that, then, behind the
# content, a checksum of the content.
_BEFORE, _BEHIND = 12, 4


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class RecordImage(RawImage):
    """An image in a file of records; `image_path` says where."""

    def read(self) -> bytes:
        """The encoded image; raises OSError where that cannot be read."""
        return read_encoded(self.image_path)


def is_records(path: pathlib.Path) -> bool:
    """True for a file whose first record has an image of the OD API."""
    try:
        for content in tf.data.TFRecordDataset(str(path)).take(1):
            features = _features(content.numpy())
            return ENCODED in features or f"{_BOX}xmin" in features
    except (tf.errors.OpError, ValueError):
        pass
    return False


def read_records(
    path: pathlib.Path, names: Mapping[int, str]
) -> Iterator[RecordImage]:
    """The images of a file.

    Args:
      path: of the file.
      names: of the classes by number, for records without their names.

    Raises:
      InputError: the file is damaged, or compressed.
    """
    offset, number = 0, 0
    try:
        for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
            number += 1
            place = f"{path}#{offset + _BEFORE}:{len(record)}"
            offset += _BEFORE + len(record) + _BEHIND
            where = f"{path}: record {number}"
            yield _image(_features(record), place, where, names)
    except (tf.errors.OpError, ValueError) as error:
        why = str(error).split("[")[0].split(";")[0].strip()
        raise InputError(
            f"{path}: record {number + 1} cannot be read: {why}; expected a"
            " whole TFRecord file without compression"
        ) from None


def _features(record: bytes) -> dict[str, Sequence[Any]]:
    example = tf.train.Example.FromString(record)
    return {
        name: getattr(value, value.WhichOneof("kind") or "int64_list").value
        for name, value in example.features.feature.items()
    }


def _image(
    features: Mapping[str, Sequence[Any]],
    place: str,
    where: str,
    names: Mapping[int, str],
) -> RecordImage:
    sides = [features.get(_BOX + side, ()) for side in _SIDES]
    count = len(sides[0])
    problems = []
    objects: list[RawObject] = []
    if any(len(side) != count for side in sides):
        problems.append(f"{where}: its boxes have not all four sides")
    elif not features.get(ENCODED):
        problems.append(f"{where}: it has no {ENCODED}")
    else:
        classes = _classes(features, count, names)
        for i, (box, name) in enumerate(zip(zip(*sides), classes)):
            if not name or fault_of_name(name):
                problems.append(f"{where}: object {i + 1} has no class")
                continue
            objects.append(
                RawObject(
                    name,
                    box,
                    f"object {i + 1}",
                    bool(_item(features, "difficult", i)),
                    bool(_item(features, "is_crowd", i)),
                    _area(features, i),
                )
            )
    key = features.get("image/filename") or features.get("image/source_id")
    name = key[0].decode(errors="replace") if key else ""
    return RecordImage(
        image_id=name or os.path.basename(place),
        location=where,
        image_path=place,
        declared_size=UNIT_SIZE,
        objects=tuple(objects),
        problems=tuple(problems),
    )


def _classes(
    features: Mapping[str, Sequence[Any]], count: int, names: Mapping[int, str]
) -> list[str]:
    """The names of the objects' classes; empty where there is none."""
    numbers = features.get("image/object/class/label", ())
    texts = features.get("image/object/class/text", ())
    if len(numbers) == count and names:
        return [names.get(n, f"class {n}") for n in numbers]
    if len(texts) == count:
        return [text.decode(errors="replace").strip() for text in texts]
    return [""] * count


def _item(features: Mapping[str, Sequence[Any]], name: str, i: int) -> float:
    values = features.get(f"image/object/{name}", ())
    return values[i] if i < len(values) else 0


def _area(features: Mapping[str, Sequence[Any]], i: int) -> float:
    """The mask's area as a fraction of the image; 0 where there is none."""
    height, width = (
        (features.get(f"image/{side}") or [0])[0]
        for side in ("height", "width")
    )
    area = _item(features, "area", i)
    return area / (height * width) if area > 0 and height and width else 0.0


def read_encoded(place: str) -> bytes:
    """The encoded image of a record; the place is PATH#OFFSET:LENGTH."""
    path, _, numbers = place.rpartition("#")
    offset, length = map(int, numbers.split(":"))
    with open(path, "rb") as file:
        file.seek(offset)
        features = _features(file.read(length))
    return features[ENCODED][0]


def read_label_map(path: pathlib.Path) -> dict[int, str]:
    """Names of classes by number, of a .pbtxt file.

    Raises:
      InputError: an item has no number or no name, or one of another.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None
    text = re.sub(r"(?m)^\s*#.*$", "", text)
    names: dict[int, str] = {}
    for item in re.findall(r"item\s*:?\s*\{([^}]*)\}", text):
        number = re.search(r"\bid\s*:\s*(\d+)", item)
        name = re.search(r"""\bdisplay_name\s*:\s*(["'])(.*?)\1""", item)
        name = re.search(r"""(?<!_)\bname\s*:\s*(["'])(.*?)\1""", item) or name
        if number is None or name is None:
            fields = " ".join(item.split())
            raise InputError(f"{path}: an item has no id or no name: {fields}")
        key, value = int(number[1]), name[2]
        if names.setdefault(key, value) != value:
            raise InputError(
                f"{path}: id {key} is {names[key]!r} and {value!r}"
            )
    if not names:
        raise InputError(f"{path}: no item {{ id: 1 name: '...' }} is there")
    return dict(sorted(names.items()))
