"""Pascal VOC annotation files."""

import math
import pathlib
import sys
from typing import NamedTuple
from xml.etree import ElementTree

from ssd_tf.errors import InputError

# Some annotation tools write words.
_DIFFICULT = {"1": True, "true": True, "0": False, "false": False, "": False}


class VocObject(NamedTuple):
    """One object of an annotation; corners in pixels, as written."""

    class_name: str
    xmin: float
    ymin: float
    xmax: float
    ymax: float
    is_difficult: bool


class VocAnnotation(NamedTuple):
    """One annotation file; a size that is missing or unusable is 0."""

    filename: str
    width_px: float
    height_px: float
    objects: tuple[VocObject, ...]


class Inspection(NamedTuple):
    """What an annotation file holds, usable or not.

    Attributes:
      annotation: with the objects that can be read.
      positions: where in the file these objects stand, from 1.
      problems: what else is wrong with the file; one line each.
    """

    annotation: VocAnnotation
    positions: tuple[int, ...]
    problems: tuple[str, ...]


def read_annotation(path: pathlib.Path | str) -> VocAnnotation:
    """Reads an annotation file.

    Raises:
      InputError: the file is missing, is not XML, or an object in it has no
        name, no bndbox, a coordinate that is not a number, or a <difficult>
        that is neither 0 nor 1.
    """
    found = inspect_annotation(path)
    if found.problems:
        raise InputError(f"{path}: {found.problems[0]}")
    return found.annotation


def inspect_annotation(path: pathlib.Path | str) -> Inspection:
    """Reads what can be read of an annotation file; tells the rest."""
    try:
        root = ElementTree.parse(path).getroot()
    except FileNotFoundError:
        return _nothing("annotation file is missing")
    except OSError as error:
        return _nothing(f"cannot be read: {error.strerror}")
    # ValueError and LookupError come from odd declared encodings.
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        return _nothing(f"not valid XML: {error}")
    objects: dict[int, VocObject] = {}
    problems = []
    for position, element in enumerate(root.iterfind("object"), start=1):
        try:
            objects[position] = _object(element, f"object {position}")
        except InputError as error:
            problems.append(str(error))
    filename = (root.findtext("filename") or "").strip()
    annotation = VocAnnotation(
        # Annotation tools on Windows write a path.
        filename=filename.replace("\\", "/").rpartition("/")[2],
        width_px=_size(root.findtext("size/width")),
        height_px=_size(root.findtext("size/height")),
        objects=tuple(objects.values()),
    )
    return Inspection(annotation, tuple(objects), tuple(problems))


def _nothing(problem: str) -> Inspection:
    return Inspection(VocAnnotation("", 0.0, 0.0, ()), (), (problem,))


def _size(text: str | None) -> float:
    try:
        size = float(text or 0)
    except ValueError:
        return 0.0
    return size if math.isfinite(size) and size > 0 else 0.0


def _object(element: ElementTree.Element, where: str) -> VocObject:
    class_name = (element.findtext("name") or "").strip()
    if not class_name:
        raise InputError(f"{where} has no <name>")
    box = element.find("bndbox")
    if box is None:
        raise InputError(f"{where} ({class_name}) has no <bndbox>")
    where = f"{where} ({class_name})"
    return VocObject(
        class_name=sys.intern(class_name),
        xmin=_coordinate(box, "xmin", where),
        ymin=_coordinate(box, "ymin", where),
        xmax=_coordinate(box, "xmax", where),
        ymax=_coordinate(box, "ymax", where),
        is_difficult=_is_difficult(element, where),
    )


def _is_difficult(element: ElementTree.Element, where: str) -> bool:
    text = (element.findtext("difficult") or "").strip()
    if text.lower() not in _DIFFICULT:
        raise InputError(f"{where}: <difficult> must be 0 or 1, got {text!r}")
    return _DIFFICULT[text.lower()]


def _coordinate(box: ElementTree.Element, tag: str, where: str) -> float:
    text = box.findtext(tag)
    if text is None:
        raise InputError(f"{where}: <bndbox> has no <{tag}>")
    try:
        # VOC2012 has decimals; "nan" and "inf" pass here and are dropped
        # with the other boxes that cannot be used.
        return float(text)
    except ValueError:
        raise InputError(
            f"{where}: <{tag}> must be a number, got {text.strip()!r}"
        ) from None
