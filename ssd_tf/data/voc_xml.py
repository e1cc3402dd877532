"""Pascal VOC annotation files."""

import math
import pathlib
import sys
from typing import NamedTuple
from xml.etree import ElementTree

from ssd_tf.errors import InputError


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


def read_annotation(path: pathlib.Path | str) -> VocAnnotation:
    """Reads an annotation file.

    Raises:
      InputError: the file is missing, is not XML, or an object in it has no
        name, no bndbox, or a coordinate that is not a number.
    """
    try:
        root = ElementTree.parse(path).getroot()
    except FileNotFoundError:
        raise InputError(f"{path}: annotation file is missing") from None
    # ValueError and LookupError come from odd declared encodings.
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise InputError(f"{path}: not valid XML: {error}") from None
    filename = (root.findtext("filename") or "").strip()
    return VocAnnotation(
        # Annotation tools on Windows write a path.
        filename=filename.replace("\\", "/").rpartition("/")[2],
        width_px=_size(root.findtext("size/width")),
        height_px=_size(root.findtext("size/height")),
        objects=tuple(
            _object(element, f"{path}: object {i}")
            for i, element in enumerate(root.iterfind("object"), start=1)
        ),
    )


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
        # The text is what counts: an element without children is falsy.
        is_difficult=(element.findtext("difficult") or "0").strip() == "1",
    )


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
