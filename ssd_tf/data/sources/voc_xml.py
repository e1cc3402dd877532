"""Pascal VOC annotation files."""

import math
import os
import sys
from typing import NamedTuple
from xml.etree import ElementTree

from ssd_tf.data.sources.base import RawObject, fault_of_name

# Some annotation tools write words.
_DIFFICULT = {"1": True, "true": True, "0": False, "false": False, "": False}
_PARTS = ("filename", "size", "object")


class VocAnnotation(NamedTuple):
    """The facts of one annotation file, usable or not.

    Attributes:
      filename: that of the image, without folders; may be empty.
      declared_size: (height, width) in pixels; None if missing or unusable.
      objects: those that can be read.
      problems: one line each, the path in front.
    """

    filename: str = ""
    declared_size: tuple[float, float] | None = None
    objects: tuple[RawObject, ...] = ()
    problems: tuple[str, ...] = ()


class _Broken(Exception):
    """A problem of an object."""


def is_voc(path: str | os.PathLike) -> bool:
    """True for an XML file with the parts of VOC's annotations."""
    try:
        return _has_parts(ElementTree.parse(path).getroot())
    except (OSError, ElementTree.ParseError, ValueError, LookupError):
        return False


def _has_parts(root: ElementTree.Element) -> bool:
    # Other programs' roots are taken where the parts are VOC's.
    return root.tag == "annotation" or any(e.tag in _PARTS for e in root)


def read_annotation(path: str | os.PathLike) -> VocAnnotation:
    """Reads what can be read of an annotation file; the rest is a problem."""
    try:
        root = ElementTree.parse(path).getroot()
    except FileNotFoundError:
        return _unusable(path, "annotation file is missing")
    except OSError as error:
        return _unusable(path, f"cannot be read: {error.strerror}")
    # ValueError and LookupError come from odd declared encodings.
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        return _unusable(path, f"not valid XML: {error}")
    if not _has_parts(root):
        problem = "not a VOC annotation: its root element is"
        return _unusable(path, f"{problem} {root.tag!r}, not 'annotation'")
    objects = []
    problems = []
    for position, element in enumerate(root.iterfind("object"), start=1):
        try:
            objects.append(_object(element, position))
        except _Broken as error:
            problems.append(f"{path}: object {position}{error}")
    filename = (root.findtext("filename") or "").strip()
    size = _side(root, "size/height"), _side(root, "size/width")
    return VocAnnotation(
        # Annotation tools on Windows write a path.
        filename=filename.replace("\\", "/").rpartition("/")[2],
        declared_size=size if all(size) else None,
        objects=tuple(objects),
        problems=tuple(problems),
    )


def _unusable(path: str | os.PathLike, problem: str) -> VocAnnotation:
    return VocAnnotation(problems=(f"{path}: {problem}",))


def _side(root: ElementTree.Element, tag: str) -> float:
    """A side in pixels; 0 if it is missing or unusable."""
    try:
        side = float(root.findtext(tag) or 0)
    except ValueError:
        return 0.0
    return side if math.isfinite(side) and side > 0 else 0.0


def _object(element: ElementTree.Element, position: int) -> RawObject:
    class_name = (element.findtext("name") or "").strip()
    if not class_name:
        raise _Broken(" has no <name>")
    if fault := fault_of_name(class_name):
        raise _Broken(f": {fault}")
    box = element.find("bndbox")
    if box is None:
        raise _Broken(f" ({class_name}) has no <bndbox>")
    try:
        xmin, ymin, xmax, ymax = (
            _coordinate(box, tag) for tag in ("xmin", "ymin", "xmax", "ymax")
        )
        is_difficult = _is_difficult(element)
    except _Broken as error:
        raise _Broken(f" ({class_name}): {error}") from None
    return RawObject(
        class_name=sys.intern(class_name),
        box=(ymin, xmin, ymax, xmax),
        place=f"box {position}",
        is_difficult=is_difficult,
    )


def _is_difficult(element: ElementTree.Element) -> bool:
    text = (element.findtext("difficult") or "").strip()
    if text.lower() not in _DIFFICULT:
        raise _Broken(f"<difficult> must be 0 or 1, got {text!r}")
    return _DIFFICULT[text.lower()]


def _coordinate(box: ElementTree.Element, tag: str) -> float:
    text = box.findtext(tag)
    if text is None:
        raise _Broken(f"<bndbox> has no <{tag}>")
    try:
        # VOC2012 has decimals; "nan" and "inf" pass here and are dropped
        # with the other boxes that cannot be used.
        return float(text)
    except ValueError:
        text = text.strip()
        raise _Broken(f"<{tag}> must be a number, got {text!r}") from None
