"""The predictor of a LiteRT file."""

import os
import pathlib

import numpy as np

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
    (image,) = runner.get_input_details().values()
    return Predictor(
        _detect_function(runner, image["dtype"]),
        class_names,
        int(image["shape"][1]),
    )


def _detect_function(runner, dtype):
    """Pixels [B, S, S, 3] -> outputs as those of a SavedModel, in NumPy."""

    def detect_one(pixels):
        if dtype == np.uint8:
            pixels = pixels.round()
        return runner(images=pixels.astype(dtype)[None])

    def detect(pixels):
        found = [detect_one(one) for one in np.asarray(pixels)]
        outputs = {
            name: np.concatenate([one[name] for one in found])
            for name in DETECTION_OUTPUTS
        }
        # 0..C-1 in LiteRT. Nothing is detected with a score of 0.
        outputs["detection_classes"] += outputs["detection_scores"] > 0.0
        return outputs

    return detect
