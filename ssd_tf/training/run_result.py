"""The result.json of a run, which says that it is finished."""

import pathlib
from typing import Any

from ssd_tf.errors import InputError
from ssd_tf.files import read_json

# Without these it is no evaluation.
_FIGURES = {"step", "mAP", "AP", "coco"}


def read_result(path: pathlib.Path) -> dict[str, Any]:
    """The metrics of the last evaluation.

    Raises:
      InputError: the file does not hold them.
    """
    advice = "the training, started again, writes it anew"
    try:
        figures = read_json(path)
    except InputError as error:
        raise InputError(f"{error}; {advice}") from error
    if not isinstance(figures, dict) or not _FIGURES <= figures.keys():
        raise InputError(f"{path} has no figures of an evaluation; {advice}")
    return figures
