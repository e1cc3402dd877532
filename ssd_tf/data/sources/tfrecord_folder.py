"""A folder with records of the TF Object Detection API."""

import pathlib
import re
from collections.abc import Iterable, Iterator

import tensorflow as tf

from ssd_tf.data.sources import record_files
from ssd_tf.data.sources.base import RawImage, RawObject
from ssd_tf.data.sources.folder import FolderSource
from ssd_tf.data.sources.folder_files import FolderFiles, name_of, suffix
from ssd_tf.data.sources.split_names import name_in
from ssd_tf.errors import InputError

# train.record, val.tfrecord-00001-of-00010
_IS_RECORDS = re.compile(
    r"(?i)\.(tf_?)?records?([-_.]?\d+(-?of-?\d+)?)?$|-\d+-of-\d+$"
)


class TfrecordFolder(FolderSource):
    """Files of records with images and boxes, and a label map.

    The splits are those that the files are called by, in one part or many:
    train.record, val.tfrecord-00000-of-00010. Classes are those of the label
    map (.pbtxt), by number; without one, the names in the records.
    """

    name = "tfrecord_folder"
    expected = "a folder with TFRecord files of the TF Object Detection API"
    is_read_here_only = True

    @classmethod
    def recognise(cls, files: FolderFiles) -> str:
        for path in _record_files(files):
            if record_files.is_records(files.root / path):
                return f"image/object/bbox in {path}"
        return ""

    def open(self) -> None:
        files = FolderFiles(self.root)
        self._splits: dict[str, list[str]] = {}
        for path in _record_files(files):
            stem = _IS_RECORDS.sub("", name_of(path))
            self._splits.setdefault(name_in(stem), []).append(path)
        if not self._splits:
            raise InputError(
                f"{self.root}: no TFRecord file is there; expected"
                f" {self.expected}"
            )
        maps = files.with_suffix(".pbtxt")
        maps = [p for p in maps if "map" in name_of(p).lower()] or maps
        if len(maps) > 1:
            raise InputError(
                f"{self.root}: it could have the label map"
                f" {' or '.join(maps)}; expected one"
            )
        self._maps = maps
        self._label_map: dict[int, str] = {}
        if maps:
            self._label_map = record_files.read_label_map(self.root / maps[0])
        self._read: dict[str, list[RawImage]] = {}

    def choose_classes(self, asked: tuple[str, ...]) -> tuple[str, ...]:
        if asked or not self._label_map:
            return super().choose_classes(asked)
        return tuple(self._label_map.values())

    @property
    def category_ids(self) -> tuple[int, ...]:
        """Those of the label map; 1..C without one."""
        ids = {name: number for number, name in self._label_map.items()}
        if not set(self.class_names) <= set(ids):
            return super().category_ids
        return tuple(ids[name] for name in self.class_names)

    def splits(self) -> tuple[str, ...]:
        """Those that the files are called by."""
        return tuple(self._splits)

    def explains(self, path: str) -> bool:
        return path in self._maps or any(
            path in paths for paths in self._splits.values()
        )

    def read_split(self, split: str) -> Iterator[RawImage]:
        for path in self._splits[split]:
            yield from self._images_in(path)

    def _images_in(self, path: str) -> Iterable[RawImage]:
        if path not in self._read:
            place = self.root / path
            self._read[path] = list(
                record_files.read_records(place, self._label_map)
            )
        return self._read[path]

    def where(self, split: str) -> pathlib.Path:
        return self.root / self._splits.get(split, [""])[0]

    def unknown_class(self, raw: RawImage, item: RawObject) -> str:
        place = f"{raw.location}: {item.place}"
        known = ", ".join(self.class_names)
        return f"{place}: unknown class {item.class_name!r}; known: {known}"

    def read_image(self, path):
        encoded = tf.numpy_function(
            lambda text: record_files.read_encoded(text.decode()),
            [path],
            tf.string,
        )
        return tf.ensure_shape(encoded, [])


def _record_files(files: FolderFiles) -> list[str]:
    return [
        path
        for path in files.paths
        if _IS_RECORDS.search(name_of(path)) and suffix(path) != ".pbtxt"
    ]
