"""Detections as annotations, to begin labelling with."""

import json
import pathlib
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from ssd_tf.data.writers import (
    LabelledImage,
    LabelledObject,
    coco_content,
    label_studio_task,
    voc_xml,
    yolo_lines,
)
from ssd_tf.errors import InputError
from ssd_tf.files import written_whole
from ssd_tf.serving.detector import DetectionResult

FOLDER = "labels"


class DetectedLabels:
    """Annotations of detections in one layout, in a folder of their own.

    Those of one file are written at the end, those of a file for each picture
    at once; after an error what was found before it is written, too.
    """

    def __init__(
        self,
        output_dir: pathlib.Path,
        layout: str,
        class_names: Sequence[str],
        *,
        model: str,
    ):
        """Makes the folder.

        Args:
          output_dir: in which it is made.
          layout: a key of `LAYOUTS`.
          class_names: in index order.
          model: the name of the detector.

        Raises:
          InputError: it is there, and not empty, or classes have no names.
        """
        if not class_names:
            raise InputError(
                f"--model={model} holds no names of its classes, which labels"
                " need"
            )
        self.folder = output_dir / FOLDER
        if self.folder.exists() and any(self.folder.iterdir()):
            raise InputError(
                f"{self.folder} is not empty, and no labels are overwritten;"
                " give another --output_dir"
            )
        self.folder.mkdir(exist_ok=True)
        self._layout = layout
        self.class_names = tuple(class_names)
        self.model = model
        self.images: list[LabelledImage] = []
        self._used: set[str] = set()

    def __enter__(self) -> "DetectedLabels":
        return self

    def __exit__(self, *error) -> None:
        at_end = LAYOUTS[self._layout].at_end
        if self.images and at_end:
            self._write(*at_end(self))

    def add(self, path: str, result: DetectionResult) -> None:
        """Adds the detections of a picture."""
        digits = 0 if self._layout == "voc" else 2  # labelImg reads pixels
        height, width = result.pixels.shape[:2]
        rows = zip(result.names, result.boxes_px, result.scores, strict=True)
        image = LabelledImage(
            pathlib.Path(path).name,
            float(height),
            float(width),
            [_object(name, box, score, digits) for name, box, score in rows],
        )
        self.images.append(image)
        layout = LAYOUTS[self._layout]
        if layout.of_image:
            text = layout.of_image(image, self.class_names)
            self._write(self._stem(image.name) + layout.suffix, text)

    def _stem(self, name: str) -> str:
        """A name of its own for each picture, also for a/x.jpg and b/x.jpg."""
        stem, count = pathlib.Path(name).stem, 1
        own = stem
        while own in self._used:
            count += 1
            own = f"{stem}_{count}"
        self._used.add(own)
        return own

    def _write(self, name: str, text: str) -> None:
        with written_whole(self.folder / name) as file:
            file.write_text(text, encoding="utf-8")


def _voc(image: LabelledImage, class_names: Sequence[str]) -> str:
    del class_names
    return voc_xml(image, folder="")


def _classes(labels: DetectedLabels) -> tuple[str, str]:
    return "classes.txt", "".join(f"{n}\n" for n in labels.class_names)


def _coco(labels: DetectedLabels) -> tuple[str, str]:
    categories = {n: i for i, n in enumerate(labels.class_names, start=1)}
    content = coco_content(enumerate(labels.images, start=1), categories)
    return "annotations.json", _to_json(content)


def _tasks(labels: DetectedLabels) -> tuple[str, str]:
    tasks = [label_studio_task(i, model=labels.model) for i in labels.images]
    return "tasks.json", _to_json(tasks)


class _Layout(NamedTuple):
    """The files of a layout: one for each picture, one at the end, or both."""

    suffix: str = ""
    of_image: Callable[[LabelledImage, Sequence[str]], str] | None = None
    at_end: Callable[[DetectedLabels], tuple[str, str]] | None = None


LAYOUTS: dict[str, _Layout] = {
    "voc": _Layout(".xml", _voc),
    "coco": _Layout(at_end=_coco),
    "yolo": _Layout(".txt", yolo_lines, _classes),
    "label_studio": _Layout(at_end=_tasks),
}


def _object(name: str, box, score, digits: int) -> LabelledObject:
    ymin, xmin, ymax, xmax = (round(float(side), digits) for side in box)
    return LabelledObject(
        name, (ymin, xmin, ymax, xmax), score=round(float(score), 6)
    )


def _to_json(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, indent=1) + "\n"
