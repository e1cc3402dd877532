"""Annotations in the form of Pascal VOC, written."""

import os
from xml.etree import ElementTree

from ssd_tf.data.writers.facts import LabelledImage, Writer, plain


def voc_xml(image: LabelledImage, *, folder: str = "JPEGImages") -> str:
    """The annotation of an image; a crowd becomes a difficult object.

    Caffe stores COCO's crowds so: both are left out of evaluations.
    """
    root = ElementTree.Element("annotation")
    _add(root, "folder", folder)
    _add(root, "filename", image.name)
    size = ElementTree.SubElement(root, "size")
    for tag, side in (("width", image.width), ("height", image.height)):
        _add(size, tag, plain(side))
    _add(size, "depth", 3)
    _add(root, "segmented", 0)
    for item in image.objects:
        element = ElementTree.SubElement(root, "object")
        _add(element, "name", item.class_name)
        _add(element, "pose", "Unspecified")
        _add(element, "truncated", 0)
        _add(element, "difficult", int(item.is_difficult or item.is_crowd))
        box = ElementTree.SubElement(element, "bndbox")
        ymin, xmin, ymax, xmax = map(plain, item.box)
        for tag, value in zip(
            ("xmin", "ymin", "xmax", "ymax"), (xmin, ymin, xmax, ymax)
        ):
            _add(box, tag, value)
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="unicode") + "\n"


def _add(parent: ElementTree.Element, tag: str, value) -> None:
    ElementTree.SubElement(parent, tag).text = str(value)


class VocWriter(Writer):
    """Annotations/, ImageSets/Main/ and JPEGImages/."""

    keeps_difficult = True

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self._ids: dict[str, list[str]] = {}
        self._found: set[str] = set()

    def add(self, split: str, image: LabelledImage, encoded: bytes) -> None:
        image_id = os.path.splitext(image.name)[0]
        self._ids.setdefault(split, []).append(image_id)
        self._found.update(item.class_name for item in image.objects)
        self.put(f"JPEGImages/{image.name}", encoded)
        self.put(f"Annotations/{image_id}.xml", voc_xml(image))

    def close(self) -> list[str]:
        for split, ids in self._ids.items():
            text = "".join(f"{image_id}\n" for image_id in ids)
            self.put(f"ImageSets/Main/{split}.txt", text)
        lost = [n for n in self.class_names if n not in self._found]
        if not lost:
            return []
        return [f"VOC names no class without objects: {', '.join(lost)}"]
