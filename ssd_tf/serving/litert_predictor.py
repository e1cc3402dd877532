"""The predictor of a LiteRT file."""

import os
import pathlib

import numpy as np

from ssd_tf.data import images
from ssd_tf.errors import InputError
from ssd_tf.serving.files import LABELS_FILE, require
from ssd_tf.serving.litert import DETECTION_OUTPUTS
from ssd_tf.serving.litert_metadata import read_labels
from ssd_tf.serving.predictor import Predictor


def predictor_of_litert(path) -> Predictor:
    """The predictor of a `.tflite` file that `export_litert` wrote.

    Raises:
      InputError: it cannot be read, is no such file, or ai-edge-litert is not
        installed.
    """
    library = require(
        "ai_edge_litert.interpreter", extra="litert", purpose=f"reading {path}"
    )
    try:
        content = pathlib.Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    try:
        # One thread unless told otherwise.
        interpreter = library.Interpreter(
            model_content=content, num_threads=os.cpu_count()
        )
        (runner,) = map(
            interpreter.get_signature_runner, interpreter.get_signature_list()
        )
    except (RuntimeError, ValueError) as error:
        raise InputError(
            f"{path} is not a LiteRT model with one signature"
        ) from error
    if set(runner.get_output_details()) != set(DETECTION_OUTPUTS):
        raise InputError(
            f"{path} has no detections; expected an export of export.py"
        )
    class_names = read_labels(content)
    if class_names is None:
        raise InputError(
            f"{path} holds no {LABELS_FILE}; expected an export of a detector "
            "whose classes have names"
        )
    return Predictor(_detect_function(runner), class_names)


def _detect_function(runner):
    """Encoded images [B] -> outputs as those of a SavedModel, in NumPy."""
    (image,) = runner.get_input_details().values()
    size = int(image["shape"][1])

    def detect_one(encoded):
        pixels = images.resize(images.decode(encoded), size).numpy()
        if image["dtype"] == np.uint8:
            pixels = pixels.round()
        return runner(images=pixels.astype(image["dtype"])[None])

    def detect(encoded):
        found = [detect_one(one) for one in encoded]
        outputs = {
            name: np.concatenate([one[name] for one in found])
            for name in DETECTION_OUTPUTS
        }
        # 0..C-1 in LiteRT. Nothing is detected with a score of 0.
        outputs["detection_classes"] += outputs["detection_scores"] > 0.0
        return outputs

    return detect
