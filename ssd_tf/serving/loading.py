"""The predictor of a trained model, whatever form it has."""

import os
import pathlib

from ssd_tf import weights
from ssd_tf.errors import InputError
from ssd_tf.serving.formats import EXPORT_FORMATS, model_kinds
from ssd_tf.serving.merging import class_agnostic
from ssd_tf.serving.predictor import Predictor, predictor_of_run
from ssd_tf.serving.version_dir import find_saved_model


def load_predictor(
    path: str | os.PathLike,
    *,
    flag: str = "",
    checkpoint: str | None = None,
    agnostic_nms: bool = False,
) -> Predictor:
    """The predictor of a run directory, a SavedModel or a model file.

    Args:
      path: of the model.
      flag: such as "--model=", stands before the path in messages.
      checkpoint: of a run, "best" (the default) or "last".
      agnostic_nms: boxes of all classes suppress one another: in the decoder
        of a run, and in what the NMS of a model file has left.

    Raises:
      InputError: the path is none of them, what reads the file is not
        installed, or there is no choice of a checkpoint.
    """
    place = pathlib.Path(path)
    if not place.exists():
        raise InputError(
            f"{flag}{path} does not exist; expected a run directory, "
            f"{model_kinds(article=True)}"
        )
    if (place / "config.json").exists():
        return predictor_of_run(
            place, checkpoint=checkpoint or "best", agnostic_nms=agnostic_nms
        )
    if checkpoint is not None:
        raise InputError(
            f"checkpoint={checkpoint} is for run directories, and {flag}{path} "
            "is none"
        )
    suffix = place.suffix if place.is_file() else ""
    for export_format in EXPORT_FORMATS.values():
        if export_format.suffix == suffix and (
            suffix or find_saved_model(place)
        ):
            predictor = export_format.load(place)
            return class_agnostic(predictor) if agnostic_nms else predictor
    raise InputError(
        f"{flag}{path} is neither a run directory (it has no config.json) nor "
        f"{model_kinds(article=True)}{_hint_at_convert(place)}"
    )


def _hint_at_convert(place: pathlib.Path) -> str:
    """The command for a file of weights; nothing for any other."""
    try:
        weights.detect_format(place)
    except InputError:
        return ""
    return (
        "; it looks like weights of another project, of which `python -m "
        "ssd_tf convert` makes a run directory"
    )
