"""A folder with boxes in a CSV table."""

import dataclasses
import functools
import os
import pathlib
from collections.abc import Iterator

from ssd_tf.data.images import SUFFIXES, header_size
from ssd_tf.data.sources.base import UNIT_SIZE, RawImage, RawObject
from ssd_tf.data.sources.csv_rows import (
    Row,
    Table,
    find_form,
    read_class_order,
    read_table,
)
from ssd_tf.data.sources.folder import FolderSource
from ssd_tf.data.sources.folder_files import (
    FileFinder,
    FolderFiles,
    name_of,
    stem_of,
    suffix,
    without_known_suffix,
)
from ssd_tf.data.sources.split_names import name_in
from ssd_tf.errors import InputError


@dataclasses.dataclass
class _Listed:
    """The rows of one image in one table."""

    table: str
    has_fractions: bool
    rows: list[Row]


class CsvFolder(FolderSource):
    """Tables of boxes, a line an object, and images.

    The forms are AutoML's and Model Maker's
    (TRAIN,path,label,xmin,ymin,,,xmax,ymax,,, in fractions), keras-retinanet's
    (path,x1,y1,x2,y2,class, in pixels) and tables with a header, whose boxes
    are fractions where none of its numbers is above 1. A line without class
    and box is an image without objects.

    Splits are those of the table's column, or else those that the tables are
    called by: train_labels.csv. Images are found by their paths, or by the
    ends of these.
    """

    name = "csv_folder"
    expected = "a folder with a CSV table of boxes and the images"

    @classmethod
    def recognise(cls, files: FolderFiles) -> str:
        for path in files.with_suffix(".csv"):
            if form := find_form(files.root / path):
                return f"{path} has {form}"
        return ""

    def open(self) -> None:
        files = FolderFiles(self.root)
        paths = files.with_suffix(".csv")
        self._tables = {
            path: read_table(self.root / path)
            for path in paths
            if find_form(self.root / path)
        }
        if not self._tables:
            raise InputError(
                f"{self.root}: no .csv file is a table of boxes; expected"
                f" {self.expected}"
            )
        self._image_finder = FileFinder(files.images())
        self._class_files = {
            path: names
            for path in paths
            if path not in self._tables
            and (names := read_class_order(self.root / path))
        }
        self._splits: dict[str, dict[str, _Listed]] = {}
        for path, table in self._tables.items():
            self._add(path, table)

    def _add(self, path: str, table: Table) -> None:
        for row in table.rows:
            split = _split_name(row.split or name_in(stem_of(path)))
            images = self._splits.setdefault(split, {})
            listed = images.setdefault(
                f"{path}\n{row.path}", _Listed(path, table.has_fractions, [])
            )
            listed.rows.append(row)

    def choose_classes(self, asked: tuple[str, ...]) -> tuple[str, ...]:
        ordered = list(self._class_files.values())
        if not asked and len(ordered) == 1:
            return ordered[0]
        return super().choose_classes(asked)

    def splits(self) -> tuple[str, ...]:
        """Those of the tables; see the class."""
        return tuple(self._splits)

    def explains(self, path: str) -> bool:
        if suffix(path) in SUFFIXES:
            return str(self.root / path) in self._used
        return path in self._tables or path in self._class_files

    @functools.cached_property
    def _used(self) -> set[str]:
        images = (i for s in self.splits() for i in self.read_split(s))
        return {raw.image_path for raw in images}

    def read_split(self, split: str) -> Iterator[RawImage]:
        return map(self._image, self._splits[split].values())

    def _image(self, listed: _Listed) -> RawImage:
        path, table = listed.rows[0].path, self.root / listed.table
        location = f"{table}: {listed.rows[0].place}"
        found = self._find(path, os.path.dirname(listed.table))
        problems = [row.problem for row in listed.rows if row.problem]
        if len(found) > 1:
            problems.append(f"{location}: {path} could be {' or '.join(found)}")
        image_path = self.root / (found[0] if found else path)
        size = next((row.size for row in listed.rows if row.size), None)
        if listed.has_fractions:
            size = UNIT_SIZE
        return RawImage(
            image_id=name_of(found[0]) if found else path,
            location=location,
            image_path=str(image_path),
            declared_size=size or _size_of(image_path),
            objects=tuple(
                RawObject(
                    row.class_name,
                    row.box,
                    row.place,
                    is_difficult=row.is_difficult,
                )
                for row in listed.rows
                if row.class_name
            ),
            problems=tuple(problems),
            missing="" if found else f"{location}: image {path} is missing",
        )

    def _find(self, path: str, folder: str) -> list[str]:
        """The file that a path of this machine, or another, means."""
        if not path:
            return []
        path = path.replace("\\", "/")
        for place in (self.root / folder, self.root):
            if suffix(path) in SUFFIXES and (place / path).is_file():
                return [os.path.relpath(place / path, self.root)]
        stem = without_known_suffix(path)
        found = self._image_finder.ending_like(stem, name_of(stem))
        alike = [p for p in found if suffix(p) == suffix(path)]
        return alike or found


def _size_of(path: pathlib.Path) -> tuple[float, float] | None:
    """Height and width of an image: many tables have no column for them."""
    try:
        width, height = header_size(path)
    except InputError:
        return None  # It has a problem of its own.
    return float(height), float(width)


def _split_name(name: str) -> str:
    """AutoML writes its sets in capitals."""
    if name.upper() == "UNASSIGNED":
        return "all"
    name = name.lower() if name.isupper() else name
    return {"validate": "validation", "training": "train"}.get(name, name)
