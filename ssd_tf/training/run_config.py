"""The config.json of a run: its detector, and how that is trained."""

import pathlib
from typing import Any

from ssd_tf.config import DetectorConfig, TrainConfig
from ssd_tf.errors import InputError
from ssd_tf.files import read_json, write_json

# What a run can go on with in another way than it began.
_MAY_CHANGE = ("on_nan", "patience")


def write_configs(
    path: pathlib.Path,
    detector_config: DetectorConfig,
    train_config: TrainConfig,
) -> None:
    """Writes the file; InputError if it cannot be written."""
    content = {
        **detector_config.to_dict(),
        "training": train_config.to_dict(),
    }
    write_json(path, content)


def read_configs(path: pathlib.Path) -> tuple[DetectorConfig, TrainConfig]:
    """The configurations of a file.

    Raises:
      InputError: it is not there, or describes no detector and its training.
    """
    if not path.exists():
        raise InputError(
            f"{path.parent} is not a run directory: it has no config.json, "
            "which train.py writes"
        )
    values = read_json(path)
    try:
        train_config = TrainConfig.from_dict(values.pop("training"))
        return DetectorConfig.from_dict(values), train_config
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InputError(
            f"{path} does not describe a detector: {error}"
        ) from error


def differences(
    old: tuple[DetectorConfig, TrainConfig],
    new: tuple[DetectorConfig, TrainConfig],
) -> dict[str, tuple[Any, Any]]:
    """Old and new values, by name, of what a run cannot change."""
    before, after = (
        {**detector.to_dict(), **training.to_dict()}
        for detector, training in (old, new)
    )
    return {
        name: (before.get(name), value)
        for name, value in after.items()
        if before.get(name) != value and name not in _MAY_CHANGE
    }
