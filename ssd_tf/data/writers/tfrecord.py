"""Records of the TF Object Detection API, written.

The features: research/object_detection/dataset_tools/create_coco_tf_record.py
of tensorflow/models.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from ssd_tf.data.images import find_format
from ssd_tf.data.writers.facts import LabelledImage, Writer

_LISTS: Mapping[type, tuple[str, Any]] = {
    bytes: ("bytes_list", tf.train.BytesList),
    float: ("float_list", tf.train.FloatList),
    int: ("int64_list", tf.train.Int64List),
}


def tf_example(
    image: LabelledImage, encoded: bytes, numbers: Mapping[str, int]
) -> tf.train.Example:
    """The record of an image; `numbers` are those of the classes by name."""
    objects = image.objects
    fmt = find_format(encoded)
    boxes = [item.box for item in objects]
    sides = (image.height, image.width) * 2
    values: dict[str, tuple[type, Sequence[Any]]] = {
        "image/encoded": (bytes, [encoded]),
        "image/filename": (bytes, [image.name.encode()]),
        "image/source_id": (bytes, [str(image.number or image.name).encode()]),
        "image/format": (bytes, [fmt.name.lower().encode() if fmt else b""]),
        "image/key/sha256": (
            bytes,
            [hashlib.sha256(encoded).hexdigest().encode()],
        ),
        "image/height": (int, [round(image.height)]),
        "image/width": (int, [round(image.width)]),
        "image/object/class/text": (
            bytes,
            [item.class_name.encode() for item in objects],
        ),
        "image/object/class/label": (
            int,
            [numbers[item.class_name] for item in objects],
        ),
        "image/object/difficult": (int, [int(o.is_difficult) for o in objects]),
        "image/object/is_crowd": (int, [int(o.is_crowd) for o in objects]),
        "image/object/area": (
            float,
            [o.area or _area(o.box) for o in objects],
        ),
        **{
            f"image/object/bbox/{name}": (
                float,
                [b[i] / sides[i] for b in boxes],
            )
            for i, name in enumerate(("ymin", "xmin", "ymax", "xmax"))
        },
    }
    features = {}
    for name, (kind, items) in values.items():
        field, make = _LISTS[kind]
        features[name] = tf.train.Feature(**{field: make(value=items)})
    return tf.train.Example(features=tf.train.Features(feature=features))


def _area(box: tuple[float, float, float, float]) -> float:
    ymin, xmin, ymax, xmax = box
    return (ymax - ymin) * (xmax - xmin)


class TfrecordWriter(Writer):
    """<split>.record and label_map.pbtxt."""

    keeps_difficult = True
    keeps_crowds = True

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self._writers: dict[str, tf.io.TFRecordWriter] = {}
        self._numbers = dict(zip(self.class_names, self.category_ids))

    def add(self, split: str, image: LabelledImage, encoded: bytes) -> None:
        if split not in self._writers:
            path = str(self.folder / f"{split}.record")
            self._writers[split] = tf.io.TFRecordWriter(path)
        record = tf_example(image, encoded, self._numbers)
        self._writers[split].write(record.SerializeToString())

    def close(self) -> list[str]:
        for writer in self._writers.values():
            writer.close()
        items = (
            f"item {{\n  id: {number}\n  name: {_quoted(name)}\n}}\n"
            for name, number in self._numbers.items()
        )
        self.put("label_map.pbtxt", "".join(items))
        return []


def _quoted(name: str) -> str:
    quote = '"' if "'" in name else "'"
    return f"{quote}{name}{quote}"
