"""What the commands accept as --model."""

import pathlib
from collections.abc import Callable

from ssd_tf import serving, training
from ssd_tf.errors import InputError

# Suffix of a model file -> what reads it.
_FILES: dict[str, Callable[[pathlib.Path], serving.Predictor]] = {
    ".onnx": serving.predictor_of_onnx,
    ".tflite": serving.predictor_of_litert,
}


def load_predictor(path: str) -> serving.Predictor:
    """The predictor of a run directory, a SavedModel or a model file.

    Raises:
      InputError: the path is none of them, or what reads the file is not
        installed.
    """
    place = pathlib.Path(path)
    if not place.exists():
        raise InputError(
            f"--model={path} does not exist; expected a run directory, a "
            "SavedModel, a .tflite or an .onnx file"
        )
    if place.suffix in _FILES and place.is_file():
        return _FILES[place.suffix](place)
    if (place / "config.json").exists():
        config, _, model = training.load_run(place)
        module = serving.DetectionModule(config, model, frozen=False)
        return serving.predictor_of_module(module, config.class_names)
    if serving.find_saved_model(place) is None:
        raise InputError(
            f"--model={path} is neither a run directory (it has no "
            "config.json) nor a SavedModel, a .tflite or an .onnx file"
        )
    return serving.predictor_of_saved_model(place)
