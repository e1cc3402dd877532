"""Predictors: encoded images -> detections in NumPy, whatever the format."""

import pathlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from ssd_tf.errors import InputError
from ssd_tf.serving.saved_model import BYTES_SIGNATURE, DetectionModule


class ImageDetections(NamedTuple):
    """Detections of one image, best first.

    Attributes:
      boxes: [N, 4] float32 yxyx in 0..1.
      scores: [N] float32.
      classes: [N] int32, 1..C.
    """

    boxes: np.ndarray
    scores: np.ndarray
    classes: np.ndarray


class Predictor:
    """Detects on encoded images.

    Args:
      detect: [B] string tensor -> outputs named as in
        `ssd_tf.serving.saved_model`.
      class_names: names of the classes 1..C.
    """

    def __init__(self, detect: Callable, class_names: Sequence[str]):
        self._detect = detect
        self.class_names = tuple(class_names)

    def __call__(self, encoded: bytes) -> ImageDetections:
        """Detects on one encoded image.

        Raises:
          tf.errors.InvalidArgumentError: the image does not decode.
        """
        outputs = self._detect(tf.constant([encoded]))
        count = int(outputs["num_detections"][0])
        return ImageDetections(
            outputs["detection_boxes"][0, :count].numpy(),
            outputs["detection_scores"][0, :count].numpy(),
            outputs["detection_classes"][0, :count].numpy().astype(np.int32),
        )


def predictor_of_module(
    module: DetectionModule, class_names: Sequence[str]
) -> Predictor:
    """The predictor of a model in memory."""

    # Through `module`: a method of tf.function holds it by a weak reference.
    def detect(encoded):
        return module.detect_bytes(encoded)

    return Predictor(detect, class_names)


def predictor_of_saved_model(path) -> Predictor:
    """The predictor of a SavedModel on disk.

    Args:
      path: a version directory, or the folder of versions, of which the
        largest is taken as TF Serving does.

    Raises:
      InputError: there is no SavedModel that ssd_tf exported.
    """
    folder = find_saved_model(path)
    if folder is None:
        raise InputError(f"{path} holds no SavedModel")
    loaded = tf.saved_model.load(str(folder))
    missing = {BYTES_SIGNATURE, "class_names"} - set(loaded.signatures)
    if missing:
        raise InputError(
            f"the SavedModel in {folder} lacks the signature "
            f"{sorted(missing)[0]!r}; expected an export of export.py"
        )
    names = loaded.signatures["class_names"]()["class_names"].numpy()

    # Through `loaded`, because its variables go when it goes.
    def detect(encoded):
        return loaded.signatures[BYTES_SIGNATURE](input_tensor=encoded)

    return Predictor(detect, [name.decode() for name in names])


def find_saved_model(path) -> pathlib.Path | None:
    """The SavedModel at a path or in its largest version, or None."""
    path = pathlib.Path(path)
    if tf.saved_model.contains_saved_model(str(path)):
        return path
    if not path.is_dir():
        return None
    versions = [p for p in path.iterdir() if p.name.isdecimal()]
    for version in sorted(versions, key=lambda p: -int(p.name)):
        if tf.saved_model.contains_saved_model(str(version)):
            return version
    return None
