"""Label files of YOLO: a line an object, in fractions of the image."""

import math
import pathlib
from collections.abc import Sequence
from typing import NamedTuple

from ssd_tf.data.sources.base import RawObject
from ssd_tf.data.sources.voc_splits import read_lines
from ssd_tf.errors import InputError

# Beyond this a number is no fraction that was rounded.
_LARGEST = 2.0
_EXPECTED = "expected a class and cx cy width height, or a polygon x y x y ..."


class Labels(NamedTuple):
    """The facts of one label file; a missing file has none.

    Attributes:
      objects: those that can be read; their boxes are fractions.
      problems: one line each, the path in front.
    """

    objects: tuple[RawObject, ...] = ()
    problems: tuple[str, ...] = ()


class _Broken(Exception):
    """A problem of a line."""


def read_labels(
    path: pathlib.Path, names: Sequence[str], *, has_keypoints: bool = False
) -> Labels:
    """Reads what can be read of a label file; the rest is a problem.

    A line has a class and a box, with a score behind it where a detector wrote
    it; or a class and a polygon, of which the box around it is taken.

    Args:
      path: of the file.
      names: of the classes, from 0 on.
      has_keypoints: what stands behind a box is keypoints, no polygon.
    """
    if not path.exists():
        return Labels()
    try:
        lines = read_lines(path)
    except InputError as error:
        return Labels(problems=(str(error),))
    objects, problems = [], []
    for number, line in enumerate(lines, start=1):
        try:
            objects.append(_object(line, number, names, has_keypoints))
        except _Broken as error:
            problems.append(f"{path}: line {number} {error}")
    return Labels(tuple(objects), tuple(problems))


def is_label_line(line: str) -> bool:
    """True for a line with an object."""
    try:
        _object(line, 1, (), False)
    except _Broken:
        return False
    return True


def _object(
    line: str, number: int, names: Sequence[str], has_keypoints: bool
) -> RawObject:
    first, *rest = line.split()
    try:
        index, values = float(first), [float(text) for text in rest]
    except ValueError:
        raise _Broken(f"is {_short(line)}; {_EXPECTED}") from None
    if index < 0 or index != math.floor(index):
        raise _Broken(f"has the class {first}; expected 0, 1, ...")
    if has_keypoints:
        values = values[:4]
    far = [v for v in values if not -_LARGEST <= v <= _LARGEST]
    if far and not math.isnan(far[0]):
        raise _Broken(
            f"has {far[0]:g}; expected fractions of the image, 0..1, no pixels"
        )
    class_name = f"class {index:g}"
    if index < len(names):
        class_name = names[int(index)]
    return RawObject(class_name, _box(line, values), f"line {number}")


def _box(
    line: str, values: Sequence[float]
) -> tuple[float, float, float, float]:
    """yxyx of a box (and a score), or around a polygon."""
    if len(values) in (4, 5):
        cx, cy, width, height = values[:4]
        return (
            cy - height / 2,
            cx - width / 2,
            cy + height / 2,
            cx + width / 2,
        )
    if len(values) < 6 or len(values) % 2:
        raise _Broken(
            f"has {len(values)} numbers behind the class: {_short(line)};"
            f" {_EXPECTED}"
        )
    xs, ys = values[0::2], values[1::2]
    return min(ys), min(xs), max(ys), max(xs)


def _short(line: str) -> str:
    return repr(line if len(line) <= 60 else f"{line[:57]}...")
