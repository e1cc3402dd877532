"""Predictors: encoded images -> detections in NumPy, whatever the format."""

import pathlib
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from ssd_tf.errors import InputError
from ssd_tf.serving.files import first_line
from ssd_tf.serving.saved_model import BYTES_SIGNATURE, DetectionModule
from ssd_tf.serving.version_dir import find_saved_model


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
      detect: [B] string tensor -> outputs, tensors or arrays, named as in
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
        return self.detect_batch([encoded])[0]

    def detect_batch(self, encoded: Sequence[bytes]) -> list[ImageDetections]:
        """Detects on encoded images, which may differ in size and format.

        Raises:
          tf.errors.InvalidArgumentError: an image does not decode.
        """
        if not encoded:
            return []  # convolutions refuse a batch of none
        images = tf.constant(encoded, tf.string, [len(encoded)])
        found = {k: np.asarray(v) for k, v in self._detect(images).items()}
        return [
            ImageDetections(
                found["detection_boxes"][i, :count],
                found["detection_scores"][i, :count],
                found["detection_classes"][i, :count].astype(np.int32),
            )
            for i, count in enumerate(found["num_detections"].astype(int))
        ]


def predictor_of_module(
    module: DetectionModule, class_names: Sequence[str]
) -> Predictor:
    """The predictor of a model in memory."""

    # Through `module`: a method of tf.function holds it by a weak reference.
    def detect(encoded):
        return module.detect_bytes(encoded)

    return Predictor(detect, class_names)


def _load(folder: pathlib.Path):
    """The SavedModel in a folder."""
    try:
        return tf.saved_model.load(str(folder))
    # What TensorFlow raises differs by file and by where it is cut short.
    except (OSError, ValueError, LookupError, tf.errors.OpError) as error:
        raise InputError(
            f"the SavedModel in {folder} is broken: {first_line(error)}"
        ) from error


def predictor_of_saved_model(path) -> Predictor:
    """The predictor of a SavedModel on disk.

    Args:
      path: as `find_saved_model` takes it.

    Raises:
      InputError: there is no SavedModel that ssd_tf exported, or it is
        broken.
    """
    folder = find_saved_model(path)
    if folder is None:
        raise InputError(f"{path} holds no SavedModel")
    loaded = _load(folder)
    if BYTES_SIGNATURE not in loaded.signatures:
        raise InputError(
            f"the SavedModel in {folder} lacks the signature "
            f"{BYTES_SIGNATURE!r}; expected an export of export.py"
        )
    if not hasattr(loaded, "class_names"):
        raise InputError(
            f"the SavedModel in {folder} holds no class names; expected an "
            "export of export.py"
        )
    names = loaded.class_names()["class_names"].numpy()

    # Through `loaded`, because its variables go when it goes.
    def detect(encoded):
        return loaded.signatures[BYTES_SIGNATURE](input_tensor=encoded)

    return Predictor(detect, [name.decode() for name in names])
