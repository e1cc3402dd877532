"""What the commands accept as --model."""

import pathlib

from ssd_tf import serving, training
from ssd_tf.errors import InputError


def load_predictor(path: str) -> serving.Predictor:
    """The predictor of a run directory or of a SavedModel.

    Raises:
      InputError: the path is neither.
    """
    folder = pathlib.Path(path)
    if not folder.exists():
        raise InputError(
            f"--model={path} does not exist; expected a run directory or a "
            "SavedModel"
        )
    if (folder / "config.json").exists():
        config, _, model = training.load_run(folder)
        module = serving.DetectionModule(model, config)
        return serving.predictor_of_module(module, config.class_names)
    if serving.find_saved_model(folder) is None:
        raise InputError(
            f"--model={path} is neither a run directory (it has no "
            "config.json) nor a SavedModel"
        )
    return serving.predictor_of_saved_model(folder)
