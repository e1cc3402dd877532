"""A trained detector for notebooks and commands: pictures in, objects out."""

import collections
import dataclasses
import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from PIL import Image, ImageOps

from ssd_tf import visualization
from ssd_tf.data import images
from ssd_tf.errors import InputError
from ssd_tf.evaluation import ImageDetections
from ssd_tf.evaluation.error_breakdown import SCORE_THRESHOLD
from ssd_tf.serving.files import read_file
from ssd_tf.serving.loading import load_predictor
from ssd_tf.serving.predictor import Predictor

_DIGITS = 6


def load(
    path: str | os.PathLike, *, checkpoint: str | None = None
) -> "Detector":
    """See `ssd_tf.load`."""
    return Detector(load_predictor(path, checkpoint=checkpoint))


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class DetectionResult:
    """Objects found in one picture, best first.

    Attributes:
      image: name of the picture's file; None if it had none.
      pixels: [H, W, 3] uint8 RGB, kept for `draw`.
      boxes: [N, 4] float32 ymin, xmin, ymax, xmax in 0..1.
      scores: [N] float32.
      labels: [N] int32, 1..C.
      class_names: names of the labels 1, 2, ...
    """

    image: str | None
    pixels: np.ndarray
    boxes: np.ndarray
    scores: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]

    def __repr__(self) -> str:
        counts = collections.Counter(self.names).most_common()
        found = ", ".join(f"{count} {name}" for name, count in counts)
        return f"<{self.image or 'image'}: {found or 'no objects'}>"

    @property
    def names(self) -> list[str]:
        """Names of the N labels."""
        return [self.class_names[label - 1] for label in self.labels]

    @property
    def boxes_px(self) -> np.ndarray:
        """The boxes in pixels of the picture, [N, 4] float32."""
        return self.boxes * np.array(self.pixels.shape[:2] * 2, np.float32)

    def above(self, score_threshold: float) -> "DetectionResult":
        """Those of the objects whose score is no lower."""
        sure = self.scores >= score_threshold
        return dataclasses.replace(
            self,
            boxes=self.boxes[sure],
            scores=self.scores[sure],
            labels=self.labels[sure],
        )

    def to_dict(self) -> dict[str, Any]:
        """JSON-ready: a line of `python -m ssd_tf detect --json`."""
        height, width = self.pixels.shape[:2]
        rows = zip(
            self.names, self.labels, self.scores, self.boxes, strict=True
        )
        return {
            **({} if self.image is None else {"image": self.image}),
            "height": height,
            "width": width,
            "detections": [
                {
                    "class": name,
                    "label": int(label),
                    "score": round(float(score), _DIGITS),
                    # ymin, xmin, ymax, xmax, as everywhere in ssd_tf
                    "box": [round(float(v), _DIGITS) for v in box],
                }
                for name, label, score, box in rows
            ],
        }

    def draw(self) -> Image.Image:
        """The picture with boxes, names and scores."""
        return visualization.draw_boxes(
            self.pixels,
            self.boxes,
            self.labels,
            self.class_names,
            scores=self.scores,
        )


class Detector:
    """Finds objects in pictures.

    `class_names` are those of the classes 1..C; empty if the model has none.
    """

    def __init__(self, predictor: Predictor):
        self._predictor = predictor
        self.class_names = predictor.class_names

    def __call__(self, image, *, score_threshold: float = SCORE_THRESHOLD):
        """Detects on one picture, or on each of a list or tuple.

        Args:
          image: a path (str or `os.PathLike`), an encoded image (bytes), an
            array [H, W], [H, W, 3] or [H, W, 4] uint8 (gray, RGB, RGB with
            alpha), a PIL image, or a list or tuple of these.
          score_threshold: lowest score of an object.

        Returns:
          `DetectionResult`; a list of them for a list or tuple.

        Raises:
          InputError: a picture cannot be read or is none of these.
        """
        if isinstance(image, (list, tuple)):
            return [self(one, score_threshold=score_threshold) for one in image]
        pixels = _read_pixels(image)
        (found,) = self._predictor.detect_pixels([pixels])
        is_file = isinstance(image, (str, os.PathLike))
        name = os.fspath(image) if is_file else None
        return self._result(name, pixels, found, score_threshold)

    def detect_frames(
        self,
        frames: Sequence[np.ndarray],
        *,
        score_threshold: float = SCORE_THRESHOLD,
    ) -> list[DetectionResult]:
        """Detects on the frames of a video, all at once.

        Args:
          frames: each [H, W, 3] uint8 RGB.
          score_threshold: lowest score of an object.
        """
        found = self._predictor.detect_frames(frames)
        return [
            self._result(None, pixels, one, score_threshold)
            for pixels, one in zip(frames, found, strict=True)
        ]

    def _result(
        self,
        name: str | None,
        pixels: np.ndarray,
        found: ImageDetections,
        score_threshold: float,
    ) -> DetectionResult:
        # A data set may have no names for its classes.
        numbers = range(1, found.classes.max(initial=0) + 1)
        return DetectionResult(
            image=name,
            pixels=pixels,
            boxes=found.boxes,
            scores=found.scores,
            labels=found.classes,
            class_names=self.class_names or tuple(map(str, numbers)),
        ).above(score_threshold)


def _read_pixels(image) -> np.ndarray:
    """A picture in any form -> [H, W, 3] uint8 RGB as a person sees it."""
    if isinstance(image, (str, os.PathLike)):
        return _decode(read_file(image), name=os.fspath(image))
    if isinstance(image, (bytes, bytearray)):
        return _decode(bytes(image), name=f"an image of {len(image)} bytes")
    if isinstance(image, Image.Image):
        image = _array_of_pil(image)
    if not isinstance(image, np.ndarray):
        raise InputError(
            "an image must be a path, bytes, an array or a PIL image, got "
            f"{type(image).__name__}"
        )
    return _rgb(image)


def _decode(encoded: bytes, *, name: str) -> np.ndarray:
    try:
        return images.decode(encoded).numpy()
    except tf.errors.InvalidArgumentError as error:
        *others, last = images.FORMATS
        is_known = images.find_format(encoded) is not None
        why = f" ({images.reason(error)})" if is_known else ""
        raise InputError(
            f"{name} does not decode{why}; expected a {', '.join(others)} or "
            f"{last} image"
        ) from error


def _array_of_pil(image: Image.Image) -> np.ndarray:
    """[H, W], [H, W, 3] or [H, W, 4] of a PIL image, turned upright."""
    image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I;16"):
        return (np.asarray(image) >> 8).astype(np.uint8)
    if image.mode in ("I", "F"):
        raise InputError(
            f"a PIL image must have 8 or 16 bits, got mode {image.mode!r}"
        )
    mode = "RGBA" if image.has_transparency_data else "RGB"
    return np.asarray(image.convert(mode))


def _rgb(pixels: np.ndarray) -> np.ndarray:
    """[H, W], [H, W, 3] or [H, W, 4] uint8 -> [H, W, 3] on white."""
    is_gray = pixels.ndim == 2
    is_known = is_gray or (pixels.ndim == 3 and pixels.shape[2] in (3, 4))
    if not is_known or pixels.dtype != np.uint8 or not pixels.size:
        raise InputError(
            "an array must be [H, W], [H, W, 3] or [H, W, 4] uint8, got "
            f"{list(pixels.shape)} {pixels.dtype}"
        )
    return images.on_white(pixels[:, :, None] if is_gray else pixels).numpy()
