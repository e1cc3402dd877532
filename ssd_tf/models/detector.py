"""The detector: pixels -> class scores and offsets of every anchor."""

import dataclasses
from typing import Any

import keras

from ssd_tf.config import DetectorConfig
from ssd_tf.errors import InputError
from ssd_tf.models import applications, layers, tiny, vgg16
from ssd_tf.models.backbone import Backbone

BACKBONES: dict[str, Backbone] = {
    "mobilenet_v2": applications.MOBILENET_V2,
    "resnet50": applications.RESNET50,
    "tiny": tiny.BACKBONE,
    "vgg16": vgg16.BACKBONE,
}


def build_detector(
    config: DetectorConfig, *, backbone: Backbone | None = None
) -> keras.Model:
    """Builds the network of a detector with fresh weights.

    Args:
      config: backbone, input size, anchors per cell and classes.
      backbone: takes the place of the one that the config names.

    Returns:
      keras.Model from images [B, S, S, 3], RGB 0..255 of any dtype, to
      {"logits": [B, A, C + 1], "localisations": [B, A, 4]}, float32.
      Preprocessing is inside.

    Raises:
      InputError: for an unknown backbone, or pixels of the configuration for
        one that normalises them itself.
      ValueError: where the backbone's feature maps are not the anchors'.
    """
    backbone = backbone or find_backbone(config.backbone)
    size = config.image_size
    images = keras.Input((size, size, 3), name="images")
    maps = backbone.build(_normalize(config, backbone, images), size)
    produced = tuple(tuple(features.shape[1:3]) for features in maps)
    expected = tuple((f, f) for f in config.feature_sizes)
    if produced != expected:
        raise ValueError(
            f"backbone {config.backbone!r} makes feature maps "
            f"{_sizes(produced)} of a {size} px image, but feature_sizes "
            f"has {_sizes(expected)}"
        )
    outputs = _add_heads(
        maps,
        backbone.level_names(len(maps)),
        config.boxes_per_cell,
        config.num_classes + 1,
    )
    return keras.Model(images, outputs, name=f"ssd{size}_{config.backbone}")


def _normalize(config: DetectorConfig, backbone: Backbone, images):
    """Pixels as the backbone takes them, or as the configuration says."""
    changes: dict[str, Any] = {
        "mean": config.pixel_mean,
        "scale": config.pixel_scale,
        "channel_order": config.channel_order or None,
    }
    changes = {name: v for name, v in changes.items() if v is not None}
    if backbone.pixels is not None:
        return dataclasses.replace(backbone.pixels, **changes).normalize(images)
    if changes:
        raise InputError(
            f"backbone {config.backbone!r} normalises pixels itself; pixel_mean"
            ", pixel_scale and channel_order cannot be set for it"
        )
    return images


def _add_heads(maps, names, boxes_per_cell, num_outputs):
    """Predicts classes and offsets for every anchor, by 3x3 convolutions.

    A head's channels are box-major: channel a * K + c (weiliu89/caffe,
    model_libs.py, CreateMultiBoxHead), so that a reshape of the map gives the
    anchors' order.
    """
    logits, localisations = [], []
    for features, name, boxes in zip(maps, names, boxes_per_cell, strict=True):
        logits.append(_head(features, boxes, num_outputs, f"{name}_mbox_conf"))
        localisations.append(_head(features, boxes, 4, f"{name}_mbox_loc"))
    # Scores and offsets stay float32 under mixed precision: softmax and the
    # exponential lose boxes in half precision.
    concat = keras.layers.Concatenate
    return {
        "logits": concat(axis=1, name="logits", dtype="float32")(logits),
        "localisations": concat(axis=1, name="localisations", dtype="float32")(
            localisations
        ),
    }


def _head(features, boxes, channels, name):
    x = keras.layers.Conv2D(
        boxes * channels,
        3,
        padding="same",
        kernel_initializer=layers.CAFFE_XAVIER,
        name=name,
    )(features)
    return keras.layers.Reshape((-1, channels), name=f"{name}_flat")(x)


def load_imagenet(
    model: keras.Model, backbone_name: str, *, backbone: Backbone | None = None
) -> None:
    """Downloads the backbone's ImageNet weights into a detector.

    `backbone_name` is a key of `BACKBONES`, or the name of `backbone`.

    Raises:
      InputError: where the backbone has none or the download fails.
    """
    backbone = backbone or find_backbone(backbone_name)
    if backbone.download_imagenet is None:
        raise InputError(
            f"backbone {backbone_name!r} has no ImageNet weights; it trains "
            "from scratch"
        )
    try:
        source = backbone.download_imagenet()
    except Exception as error:  # keras.utils.get_file raises a bare Exception
        raise InputError(
            f"ImageNet weights of {backbone_name!r} could not be downloaded "
            f"({error}); where there is no network, put that file into "
            "~/.keras/models, or train from scratch with --init_weights=none"
        ) from error
    backbone.copy_imagenet(source, model)


def default_weights(backbone_name: str) -> str:
    """ "imagenet" where such weights exist, else "none"."""
    backbone = find_backbone(backbone_name)
    return "imagenet" if backbone.download_imagenet else "none"


def find_backbone(name: str) -> Backbone:
    """The backbone of a name; raises InputError with the known names."""
    if name not in BACKBONES:
        raise InputError(
            f"unknown backbone {name!r}; known: {', '.join(BACKBONES)}"
        )
    return BACKBONES[name]


def _sizes(shapes) -> str:
    return ", ".join(f"{height}x{width}" for height, width in shapes)
