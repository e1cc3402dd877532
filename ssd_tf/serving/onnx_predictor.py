"""The predictor of an ONNX file."""

import json
import pathlib

import numpy as np

from ssd_tf.errors import InputError
from ssd_tf.serving.files import require
from ssd_tf.serving.onnx import DETECTION_OUTPUTS
from ssd_tf.serving.predictor import Predictor


def predictor_of_onnx(path) -> Predictor:
    """The predictor of an `.onnx` file that `export_onnx` wrote.

    Raises:
      InputError: it cannot be read, is no such file, or onnxruntime is not
        installed.
    """
    runtime = require("onnxruntime", extra="onnx", purpose=f"reading {path}")
    try:
        content = pathlib.Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error
    try:
        session = runtime.InferenceSession(
            content, providers=runtime.get_available_providers()
        )
    except Exception as error:  # its exceptions have no other common base
        raise InputError(f"{path} is not an ONNX model") from error
    outputs = {output.name for output in session.get_outputs()}
    if outputs != set(DETECTION_OUTPUTS):
        raise InputError(
            f"{path} has no detections; expected an export of export.py"
        )
    metadata = session.get_modelmeta().custom_metadata_map
    class_names = json.loads(metadata.get("class_names", "[]"))
    if not class_names:
        raise InputError(
            f"{path} holds no class_names; expected an export of a detector "
            "whose classes have names"
        )

    def detect(pixels):
        found = session.run(DETECTION_OUTPUTS, {"images": np.asarray(pixels)})
        return dict(zip(DETECTION_OUTPUTS, found, strict=True))

    return Predictor(detect, class_names, session.get_inputs()[0].shape[1])
