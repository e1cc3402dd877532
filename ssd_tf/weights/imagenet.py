"""ImageNet's weights for the backbone of a new detector."""

import hashlib
import importlib.resources
import pathlib
from collections.abc import Mapping

import keras
import numpy as np

from ssd_tf.errors import InputError
from ssd_tf.models.backbone import Backbone, ImagenetPackage
from ssd_tf.models.detector import find_backbone
from ssd_tf.weights.formats import read
from ssd_tf.weights.layer_names import as_keras, depthwise_as_keras


def load_imagenet(
    model: keras.Model, backbone_name: str, *, backbone: Backbone | None = None
) -> None:
    """Loads the backbone's ImageNet weights into a detector.

    They are downloaded, or come with a package.

    Args:
      model: has the backbone's layers.
      backbone_name: a key of `BACKBONES`, or the name of `backbone`.
      backbone: takes the place of the one of that name.

    Raises:
      InputError: where the backbone has none or they cannot be had.
    """
    backbone = backbone or find_backbone(backbone_name)
    if backbone.imagenet_package is not None:
        _load_package(model, backbone.imagenet_package)
        return
    if backbone.download_imagenet is None:
        raise InputError(
            f"backbone {backbone_name!r} has no ImageNet weights; it trains "
            "from scratch"
        )
    try:
        source = backbone.download_imagenet()
    except InputError:
        raise
    except Exception as error:  # keras.utils.get_file raises a bare Exception
        raise InputError(
            f"ImageNet weights of {backbone_name!r} could not be downloaded "
            f"({error}); where there is no network, put that file into "
            "~/.keras/models, or train from scratch with --init_weights=none"
        ) from error
    backbone.copy_imagenet(source, model)


def _load_package(model: keras.Model, package: ImagenetPackage) -> None:
    tensors = read_package(package)
    names = package.layer_names()
    for layer in model.layers:
        if layer.name in names:
            theirs = names[layer.name]
            layer.set_weights(_layer_weights(layer.name, theirs, tensors))


def read_package(package: ImagenetPackage) -> Mapping[str, np.ndarray]:
    """The published tensors, by their names.

    Raises:
      InputError: the package is not there, or not as it is published.
    """
    try:
        folder = importlib.resources.files(package.module)
    except ModuleNotFoundError as error:
        raise InputError(
            f"the weights of {package.title} come with the package "
            f"{package.distribution}, which is not installed; expected it "
            "beside ssd_tf, or --init_weights=none"
        ) from error
    with importlib.resources.as_file(folder / package.file) as path:
        _check_digest(path, package)
        return read(path).tensors


def _check_digest(path: pathlib.Path, package: ImagenetPackage) -> None:
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read: {error.strerror}; expected the file of "
            f"the package {package.distribution}"
        ) from error
    if digest != package.sha256:
        raise InputError(
            f"{path} has SHA-256 {digest}, expected {package.sha256}: it is "
            f"not the published file; install {package.distribution} again"
        )


def _layer_weights(ours: str, theirs: str, tensors) -> list[np.ndarray]:
    """The weights of one of our layers, in Keras' order and shapes."""
    if ours.endswith("_bn"):
        parts = ("weight", "bias", "running_mean", "running_var")
        return [tensors[f"{theirs}.{part}"] for part in parts]
    kernel = tensors[f"{theirs}.weight"]
    if kernel.ndim == 2:
        return [kernel.T, tensors[f"{theirs}.bias"]]
    if ours.endswith("_depthwise"):
        return depthwise_as_keras(kernel)
    return as_keras(kernel)
