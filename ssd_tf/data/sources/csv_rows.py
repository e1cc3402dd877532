"""Tables of boxes: a line an object, in one of the forms that are in use."""

import csv
import math
import pathlib
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from ssd_tf.data.images import SUFFIXES
from ssd_tf.data.sources.base import fault_of_name
from ssd_tf.data.sources.folder_files import suffix
from ssd_tf.errors import InputError

Box = tuple[float, float, float, float]
# What the columns of a header are called, in small letters without "_".
_COLUMNS: Mapping[str, Sequence[str]] = {
    "path": (
        *("filename", "file", "imagepath", "path", "image", "imagename"),
        *("img", "imageid", "frame"),
    ),
    "class": ("class", "classname", "label", "labelname", "category", "name"),
    "xmin": ("xmin", "x1", "left"),
    "ymin": ("ymin", "y1", "top"),
    "xmax": ("xmax", "x2", "right"),
    "ymax": ("ymax", "y2", "bottom"),
    "split": ("split", "set", "subset", "usage", "partition"),
    "width": ("width", "imagewidth"),
    "height": ("height", "imageheight"),
    "difficult": ("difficult",),
}
_NEEDED = ("path", "class", "xmin", "ymin", "xmax", "ymax")
# AutoML's and Model Maker's first column.
_SETS = ("TRAIN", "TRAINING", "VALIDATE", "VALIDATION", "TEST", "UNASSIGNED")
_AUTOML = dict(zip(("path", "class", "xmin", "ymin"), range(1, 5)))
_AUTOML |= {"split": 0, "xmax": 7, "ymax": 8}
_RETINANET = dict(
    zip(("path", "xmin", "ymin", "xmax", "ymax", "class"), range(6))
)


class Row(NamedTuple):
    """One line of a table.

    Attributes:
      place: as in "line 3".
      path: of the image, as written.
      class_name: empty for an image without objects.
      box: yxyx, in the unit of the table; may be of no use.
      split: as written; empty where the table does not tell.
      size: (height, width) in pixels; None where the table does not tell.
      problem: of the line; what could be read is there all the same.
    """

    place: str
    path: str
    class_name: str = ""
    box: Box = (0.0, 0.0, 0.0, 0.0)
    split: str = ""
    size: tuple[float, float] | None = None
    is_difficult: bool = False
    problem: str = ""


class Table(NamedTuple):
    """A file of boxes.

    Attributes:
      form: what kind of table it is, for messages.
      rows: of the objects, and of images without.
      has_fractions: boxes are fractions of the image, not pixels.
    """

    form: str
    rows: Sequence[Row]
    has_fractions: bool


class _Form(NamedTuple):
    name: str
    columns: Mapping[str, int]
    has_header: bool = False
    has_fractions: bool | None = None  # None: the numbers decide


def find_form(path: pathlib.Path) -> str:
    """The name of a table's form; empty where it is none of these."""
    try:
        first = next(_read(path), None)
    except InputError:
        return ""
    form = _form_of(first) if first else None
    return form.name if form else ""


def read_table(path: pathlib.Path) -> Table:
    """Reads a table; a broken line has a problem.

    Raises:
      InputError: the file is no table of boxes, or no text.
    """
    lines = list(_read(path))
    form = _form_of(lines[0]) if lines else None
    if form is None:
        raise InputError(
            f"{path}: not a table of boxes; expected a header, or"
            " TRAIN,path,label,xmin,ymin,,,xmax,ymax,, or"
            " path,x1,y1,x2,y2,class"
        )
    begin = 1 if form.has_header else 0
    rows = [
        _row(cells, f"line {number}", form.columns, str(path))
        for number, cells in enumerate(lines[begin:], start=begin + 1)
        if any(cells)
    ]
    has_fractions = form.has_fractions
    if has_fractions is None:
        numbers = [n for row in rows if row.class_name for n in row.box]
        finite = [number for number in numbers if math.isfinite(number)]
        has_fractions = bool(finite) and max(finite) <= 1
    return Table(form.name, rows, has_fractions)


def read_class_order(path: pathlib.Path) -> tuple[str, ...]:
    """The classes of keras-retinanet's `name,number`; empty for other files."""
    try:
        lines = [cells for cells in _read(path) if any(cells)]
    except InputError:
        return ()
    if not all(len(cells) == 2 and cells[1].isdecimal() for cells in lines):
        return ()
    lines.sort(key=lambda cells: int(cells[1]))
    return tuple(cells[0] for cells in lines)


def _read(path: pathlib.Path) -> Iterator[list[str]]:
    """The cells of each line, without spaces around them."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            first = file.readline()
            file.seek(0)
            # Spreadsheets of some languages write semicolons.
            delimiter = max(",;\t", key=first.count)
            for cells in csv.reader(file, delimiter=delimiter):
                yield [cell.strip() for cell in cells]
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text: {error}") from None
    except (OSError, csv.Error) as error:
        raise InputError(f"{path}: cannot be read: {error}") from None


def _form_of(first: Sequence[str]) -> _Form | None:
    """The form of a table by its first line."""
    names = [re.sub("[ _-]", "", cell.lower()) for cell in first]
    columns = {
        key: names.index(next(word for word in words if word in names))
        for key, words in _COLUMNS.items()
        if any(word in names for word in words)
    }
    if all(key in columns for key in _NEEDED):
        return _Form("a header", columns, has_header=True)
    if len(first) >= 9 and first[0].upper() in _SETS:
        return _Form("AutoML's columns", _AUTOML, has_fractions=True)
    if len(first) >= 10 and suffix(first[0]) in SUFFIXES:
        columns = {k: i - 1 for k, i in _AUTOML.items() if k != "split"}
        return _Form("AutoML's columns", columns, has_fractions=True)
    is_box = all(map(_is_number, first[1:5])) or not any(first[1:])
    if len(first) == 6 and is_box and suffix(first[0]) in SUFFIXES:
        return _Form("keras-retinanet's columns", _RETINANET)
    return None


def _row(
    cells: Sequence[str], place: str, columns: Mapping[str, int], path: str
) -> Row:
    def cell(key: str) -> str:
        i = columns.get(key, len(cells))
        return cells[i] if i < len(cells) else ""

    texts = [cell(key) for key in ("ymin", "xmin", "ymax", "xmax")]
    class_name = cell("class")
    problem = ""
    numbers = [0.0] * 4
    if class_name or any(texts):
        problem = fault_of_name(class_name)
        if not class_name:
            problem = "has a box and no class"
        bad = [text for text in texts if not _is_number(text)]
        if bad:
            problem = f"has the coordinate {bad[0]!r}, expected a number"
        else:
            numbers = [float(text) for text in texts]
    if not cell("path"):
        problem = "names no image"
    size = _positive(cell("height")), _positive(cell("width"))
    return Row(
        place,
        cell("path"),
        "" if problem else class_name,
        (numbers[0], numbers[1], numbers[2], numbers[3]),
        cell("split"),
        size if all(size) else None,
        cell("difficult").lower() in ("1", "true"),
        f"{path}: {place} {problem}" if problem else "",
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _positive(text: str) -> float:
    """A finite number above 0; 0 for anything else."""
    number = float(text) if _is_number(text) else 0.0
    return number if 0 < number < math.inf else 0.0
