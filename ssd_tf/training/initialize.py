"""Weights to begin with, and detectors of earlier runs."""

import os
from typing import Any

import keras
from absl import logging

from ssd_tf import weights
from ssd_tf.config import DetectorConfig, TrainConfig
from ssd_tf.errors import InputError
from ssd_tf.models import Backbone, build_detector
from ssd_tf.training.freezing import freeze
from ssd_tf.training.run_dir import RunDir
from ssd_tf.training.run_weights import (
    RunWeights,
    find_weights,
    restore_weights,
)
from ssd_tf.weights import download, networks
from ssd_tf.weights.imagenet import load_imagenet
from ssd_tf.weights.transfer import LearnedLayers, format_rows, transfer
from ssd_tf.weights.weight_file import naming

# Values of `init_weights` that say nothing about anchors and classes.
WITHOUT_DETECTOR = ("none", "imagenet")


def initialize_weights(
    detector_config: DetectorConfig,
    train_config: TrainConfig,
    model: keras.Model,
    *,
    backbone: Backbone | None = None,
) -> dict[str, Any] | None:
    """Gives a new model its first weights, and logs what each layer got.

    `init_weights` "none" leaves the model as it is, "imagenet" loads the
    backbone, and anything else is as of `read_learned`.

    Returns:
      `LearnedLayers.source` of the weights.

    Raises:
      InputError: the weights cannot be had, or none of them fits.
    """
    init_weights, name = train_config.init_weights, detector_config.backbone
    if init_weights in WITHOUT_DETECTOR and train_config.class_map:
        raise InputError(
            f"--class_map={train_config.class_map} has no effect with "
            f"--init_weights={init_weights}, which has no classes"
        )
    if init_weights == "none":
        return None
    if init_weights == "imagenet":
        load_imagenet(model, name, backbone=backbone)
        return None
    learned = read_learned(init_weights, backbone=backbone, backbone_name=name)
    rows = transfer(
        detector_config, model, learned, class_map=train_config.class_map
    )
    for line in format_rows(detector_config, learned, rows):
        logging.info("%s", line)
    return learned.source


def read_learned(
    init_weights: str,
    *,
    backbone: Backbone | None = None,
    backbone_name: str = "",
) -> LearnedLayers:
    """The weights of a run directory, a file or a published name.

    Args:
      init_weights: names them.
      backbone: an object that takes the place of the one in a run whose
        configuration has `backbone_name`.

    Raises:
      InputError: there are none, or they cannot be read.
    """
    if RunDir(init_weights).config_file.exists():
        earlier_config, _ = RunDir(init_weights).read_configs()
        is_same = earlier_config.backbone == backbone_name
        earlier_config, _, earlier = load_run(
            init_weights, backbone=backbone if is_same else None
        )
        layers = {
            layer.name: layer.get_weights()
            for layer in earlier.layers
            if layer.weights
        }
        source = RunDir(init_weights).read_source()
        return LearnedLayers(init_weights, earlier_config, layers, source)
    network = read_network(init_weights)
    source = download.describe(init_weights, network.project)
    return LearnedLayers(
        init_weights, network.detector_config, network.layers, source
    )


def read_network(text: str) -> networks.Network:
    """The network of a weight file or of a published name.

    Raises:
      InputError: there is none, or it is none that ssd_tf knows.
    """
    path = download.locate(text)
    if path.is_dir():
        raise InputError(
            f"{path} is not a run directory: it has no config.json; expected "
            "one, a file of weights, or a name that `python -m ssd_tf weights` "
            "lists"
        )
    weight_file = weights.read(path)
    with naming(path):
        return networks.identify(weight_file)


def read_detector_config(
    init_weights: str,
) -> tuple[DetectorConfig | None, bool]:
    """The configuration that weights to begin with are of.

    Returns:
      the configuration, None where the weights are the preset's own or there
      are none, and whether they are of a whole detector.

    Raises:
      InputError: as `read_learned`.
    """
    if init_weights in WITHOUT_DETECTOR:
        return None, False
    run_dir = RunDir(init_weights)
    if run_dir.config_file.exists():
        detector_config, _ = run_dir.read_configs()
        return detector_config, True
    network = read_network(init_weights)
    return network.detector_config, not network.is_backbone


def load_run(
    path: str | os.PathLike,
    *,
    backbone: Backbone | None = None,
    checkpoint: str | RunWeights = "best",
) -> tuple[DetectorConfig, TrainConfig, keras.Model]:
    """Loads the detector of a run, with weights that were evaluated.

    Args:
      path: a run directory.
      backbone: the object that was handed to `TrainingRun`, if one was.
      checkpoint: "best", "last", or from `find_weights`.

    Raises:
      InputError: it is no run directory, or has no checkpoint that fits
        and can be read.
    """
    run_dir = RunDir(path)
    detector_config, train_config = run_dir.read_configs()
    if isinstance(checkpoint, str):
        checkpoint = find_weights(run_dir, checkpoint)
    # Whatever it was trained in, the weights are float32.
    model = build_detector(
        detector_config, backbone=backbone, precision="float32"
    )
    # The average is of what was trained.
    freeze(detector_config, train_config, model, backbone=backbone)
    restore_weights(run_dir, checkpoint, train_config, model)
    return detector_config, train_config, model
