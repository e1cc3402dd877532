"""Another project's weights as a run directory, like one of a training."""

import contextlib
import dataclasses
import os
import pathlib
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from ssd_tf.class_names import is_used
from ssd_tf.config import DetectorConfig, TrainConfig
from ssd_tf.data import sources
from ssd_tf.data.sources.base import fault_of_name
from ssd_tf.errors import InputError
from ssd_tf.files import first_line
from ssd_tf.models import build_detector
from ssd_tf.training import checkpoints
from ssd_tf.training.initialize import read_network
from ssd_tf.training.run_dir import CONVERTED, RunDir
from ssd_tf.unfinished import unfinished_folder
from ssd_tf.weights import download

_WRITE_ERRORS = (OSError, tf.errors.OpError)


def convert(
    text: str,
    output: str | os.PathLike,
    *,
    class_names: Sequence[str] | None = None,
    dataset: str = "",
    data_dir: str | None = None,
) -> DetectorConfig:
    """Writes the run directory of a detector that another project trained.

    It is written whole or not at all.

    Args:
      text: a file of weights, or the name of published ones.
      output: the run directory; must not be there.
      class_names: in index order; by default those that the project's
        detectors of so many classes have.
      dataset, data_dir: data to evaluate on and to quantise with, as of
        `TrainConfig`; none by default.

    Raises:
      InputError: the weights cannot be read, are of a network that is not
        known, or of classes without names; or the directory is there or
        cannot be written.
    """
    run_dir = pathlib.Path(output)
    if os.path.lexists(run_dir):
        raise InputError(
            f"{run_dir} exists already; expected a folder that is not there"
        )
    network = read_network(text)
    if network.is_backbone:
        raise InputError(
            f"{text} is a backbone without heads; begin a training with it: "
            f"train --init_weights={text}"
        )
    detector_config = _with_classes(text, network.detector_config, class_names)
    model = build_detector(detector_config)
    for name, layer in network.layers.items():
        if not all(np.isfinite(array).all() for array in layer):
            raise InputError(f"{text}: {name} has values that are not finite")
        model.get_layer(name).set_weights(layer)
    splits, evaluation = ("", ""), {}
    if dataset:
        names = tuple(filter(is_used, detector_config.class_names))
        data = sources.build_source(
            dataset, data_dir=data_dir, class_names=names
        )
        dataset, splits = data.name, data.default_splits
        evaluation = sources.evaluation_of(data)
    train_config = TrainConfig(
        dataset=dataset,
        data_dir=os.path.abspath(data_dir) if data_dir else None,
        train_split=splits[0],
        eval_split=splits[1],
        recipe=CONVERTED,
        init_weights=text,
        **evaluation,
    )
    source = download.describe(text, network.project)
    try:
        with _new_run_dir(run_dir) as temporary:
            temporary.create(detector_config, train_config)
            temporary.write_source(source)
            manager = checkpoints.manage(
                tf.train.Checkpoint(model=model), temporary.checkpoints, None
            )
            manager.save(checkpoint_number=0)
    except _WRITE_ERRORS as error:
        reason = first_line(error)
        raise InputError(f"{run_dir} cannot be written: {reason}") from error
    return detector_config


def _with_classes(
    text: str, config: DetectorConfig, class_names: Sequence[str] | None
) -> DetectorConfig:
    """The configuration with the names given, if any are."""
    count = config.num_classes
    if class_names is None:
        if not config.class_names:
            raise InputError(
                f"{text} has {count} classes and does not tell their names; "
                "give --classes=FILE, with a name a line, or "
                "--classes=NAME,NAME,..., in index order without background"
            )
        return config
    names = tuple(class_names)
    if len(names) != count:
        raise InputError(
            f"{text} has {count} classes besides the background, but "
            f"--classes has {len(names)}: {', '.join(names)}"
        )
    if len(set(names)) < count:
        raise InputError(f"--classes names a class twice: {', '.join(names)}")
    for name in names:
        fault = "an empty name" if not name else fault_of_name(name)
        if fault:
            raise InputError(f"--classes: {fault}")
    if names == config.class_names:
        return config
    return dataclasses.replace(config, class_names=names, class_ids=())


@contextlib.contextmanager
def _new_run_dir(path: pathlib.Path):
    """A run directory beside its place, which it gets after the block."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with unfinished_folder(path.parent) as temporary:
        yield RunDir(temporary)
        temporary.chmod(0o755)  # mkdtemp lets nobody else read it
        temporary.rename(path)
