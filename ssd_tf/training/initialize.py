"""Weights to begin with, and detectors of earlier runs."""

import os

import keras
import tensorflow as tf
from absl import logging

from ssd_tf.config import DetectorConfig, TrainConfig
from ssd_tf.errors import InputError
from ssd_tf.models import Backbone, build_detector, load_imagenet
from ssd_tf.training.freezing import freeze
from ssd_tf.training.optimizer import build_average
from ssd_tf.training.run_dir import RunDir


def initialize_weights(
    detector_config: DetectorConfig,
    train_config: TrainConfig,
    model: keras.Model,
    *,
    backbone: Backbone | None = None,
) -> None:
    """Gives a new model its first weights.

    `init_weights` "none" leaves it as it is, "imagenet" loads the backbone,
    and a run directory gives every layer of the same name and shape.

    Raises:
      InputError: the weights cannot be had.
    """
    init_weights, name = train_config.init_weights, detector_config.backbone
    if init_weights == "none":
        return
    if init_weights == "imagenet":
        load_imagenet(model, name, backbone=backbone)
        return
    earlier_config, _ = RunDir(init_weights).read_configs()
    _, _, source = load_run(
        init_weights,
        # The earlier run may have another backbone, known by its own name.
        backbone=backbone if earlier_config.backbone == name else None,
    )
    loaded, skipped = copy_matching_layers(source, model)
    logging.info("%s: loaded %d layers", init_weights, len(loaded))
    for line in skipped:
        logging.info("%s: skipped %s", init_weights, line)
    if not loaded:
        raise InputError(
            f"{init_weights} has no layer with the name and shape of one of "
            f"{model.name}"
        )


def copy_matching_layers(
    source: keras.Model, target: keras.Model
) -> tuple[list[str], list[str]]:
    """Copies layers of equal name and shapes.

    Returns the names of those copied, and a line for each one that was not.
    """
    sources = {layer.name: layer for layer in source.layers}
    loaded, skipped = [], []
    for layer in target.layers:
        if not layer.weights:
            continue
        shapes = [tuple(v.shape) for v in layer.weights]
        if layer.name not in sources:
            skipped.append(f"{layer.name}: not there")
            continue
        other = sources[layer.name]
        found = [tuple(v.shape) for v in other.weights]
        if found != shapes:
            skipped.append(f"{layer.name}: shape {found}, expected {shapes}")
            continue
        layer.set_weights(other.get_weights())
        loaded.append(layer.name)
    return loaded, skipped


def load_run(
    path: str | os.PathLike, *, backbone: Backbone | None = None
) -> tuple[DetectorConfig, TrainConfig, keras.Model]:
    """Loads the detector of a run, with the weights that were evaluated.

    Args:
      path: a run directory.
      backbone: the object that was handed to `TrainingRun`, if one was.

    Raises:
      InputError: it is no run directory, or has no checkpoint that fits
        and can be read.
    """
    run_dir = RunDir(path)
    detector_config, train_config = run_dir.read_configs()
    if not run_dir.has_checkpoints:
        raise InputError(
            f"{run_dir.path} has no checkpoint yet; train it first"
        )
    # Whatever it was trained in, the weights are float32.
    model = build_detector(
        detector_config, backbone=backbone, precision="float32"
    )
    # The average is of what was trained.
    freeze(detector_config, train_config, model, backbone=backbone)
    parts = {"model": model}
    average = build_average(train_config, model.trainable_variables)
    if average is not None:
        parts["average"] = average
    run_dir.restore(tf.train.Checkpoint(**parts), whole=False)
    if average is not None:
        average.copy_to_model()
    return detector_config, train_config, model
