"""Predictors: pictures -> detections in NumPy, whatever the format."""

import pathlib
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf

from ssd_tf.data import images
from ssd_tf.decoder import Decoder
from ssd_tf.errors import InputError
from ssd_tf.evaluation import ImageDetections, split_outputs
from ssd_tf.serving.files import first_line
from ssd_tf.serving.saved_model import (
    BYTES_SIGNATURE,
    PIXELS_SIGNATURE,
    DetectionModule,
)
from ssd_tf.serving.version_dir import find_saved_model
from ssd_tf.training import load_run, make_detect_function


class Predictor:
    """A detector of one of the formats, seen from outside.

    Args:
      detect: pixels -> outputs, tensors or arrays, named as in
        `ssd_tf.serving.saved_model`.
      class_names: names of the classes 1..C.
      image_size: side S of what `detect` takes, [B, S, S, 3] float32 RGB
        0..255; None if it takes whole images, [B, H, W, 3] uint8.

    Attributes:
      detect, class_names, image_size: as given.
    """

    def __init__(
        self,
        detect: Callable,
        class_names: Sequence[str],
        image_size: int | None = None,
    ):
        self.detect = detect
        self.class_names = tuple(class_names)
        self.image_size = image_size

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
        return self.detect_pixels([images.decode(one) for one in encoded])

    def detect_pixels(
        self, pixels: Sequence[np.ndarray]
    ) -> list[ImageDetections]:
        """Detects on [H, W, 3] uint8 RGB images, which may differ in size."""
        if self.image_size is None:
            batches = [one[None] for one in pixels]
        elif pixels:
            size = self.image_size
            batches = [tf.stack([images.resize(one, size) for one in pixels])]
        else:
            batches = []  # convolutions refuse a batch of none
        return [
            found
            for batch in batches
            for found in split_outputs(self.detect(batch))
        ]


def predictor_of_run(path) -> Predictor:
    """The predictor of a run directory, as its training evaluates it.

    Raises:
      InputError: it is no run directory, or has no checkpoint that fits.
    """
    detector_config, _, model = load_run(path)
    return Predictor(
        make_detect_function(model, Decoder(detector_config)),
        detector_config.class_names,
        detector_config.image_size,
    )


def predictor_of_module(
    module: DetectionModule, class_names: Sequence[str]
) -> Predictor:
    """The predictor of what a SavedModel is made of, in memory."""

    # Through `module`: a method of tf.function holds it by a weak reference.
    def detect(pixels):
        return module.detect_pixels(pixels)

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
    def detect(pixels):
        return loaded.signatures[PIXELS_SIGNATURE](
            input_tensor=tf.convert_to_tensor(pixels)
        )

    return Predictor(detect, [name.decode() for name in names])
