"""Detections in COCO's results format."""

import contextlib
import json
import os
import pathlib
from collections.abc import Mapping, Sequence

from ssd_tf.evaluation.matching import yxyx_to_xywh
from ssd_tf.evaluation.measurement import EvaluatedImage
from ssd_tf.files import writing, written_whole

_PIXEL_DIGITS = 3
_SCORE_DIGITS = 6


class CocoResultsWriter:
    """Writes detections image by image, so that none stays in memory.

    The file is a JSON list of {"image_id", "category_id", "bbox": [x, y,
    width, height] in pixels of the original, "score"}, which pycocotools'
    `COCO.loadRes` reads. It appears whole when the `with` block ends well, and
    not at all when it raises.

    Source: cocodataset.org, "Results Format", object detection.

    Args:
      path: of the file.
      category_ids: of the labels 1..C.
      image_ids: COCO's ids by name of the image; others keep their name.

    Raises:
      InputError: the file cannot be written.
    """

    def __init__(
        self,
        path: str | os.PathLike,
        category_ids: Sequence[int],
        *,
        image_ids: Mapping[str, int | str] | None = None,
    ):
        self._path = pathlib.Path(path)
        self._category_ids = tuple(category_ids)
        self._image_ids = image_ids or {}
        self._separator = ""

    def __enter__(self):
        with contextlib.ExitStack() as stack:
            temporary = stack.enter_context(written_whole(self._path))
            self._file = stack.enter_context(temporary.open("w"))
            self._file.write("[")
            self._finishing = stack.pop_all()
        return self

    def __exit__(self, error_type, error, traceback) -> None:
        if error is not None:
            self._finishing.__exit__(error_type, error, traceback)
            return
        with self._finishing:
            self._file.write("\n]\n")

    def add(self, image: EvaluatedImage) -> None:
        """Writes the detections of an image, one line each."""
        image_id = self._image_ids.get(image.image_id, image.image_id)
        boxes = yxyx_to_xywh(image.to_pixels(image.boxes))  # [N, 4]
        for box, label, score in zip(
            boxes.tolist(), image.classes.tolist(), image.scores.tolist()
        ):
            record = {
                "image_id": image_id,
                "category_id": self._category_ids[label - 1],
                "bbox": [round(value, _PIXEL_DIGITS) for value in box],
                "score": round(score, _SCORE_DIGITS),
            }
            with writing(self._path):
                self._file.write(f"{self._separator}\n{json.dumps(record)}")
            self._separator = ","
