"""The detector: pixels -> class scores and offsets of every anchor."""

import contextlib
import dataclasses
from typing import Any

import keras

from ssd_tf.config import DetectorConfig
from ssd_tf.errors import InputError
from ssd_tf.models import (
    applications,
    efficientnet_lite,
    heads,
    layers,
    mobilenet_v1,
    mobilenet_v2,
    mobilenet_v3,
    tiny,
    vgg16,
)
from ssd_tf.models.backbone import Backbone
from ssd_tf.models.neck import NECKS

BACKBONES: dict[str, Backbone] = {
    "efficientnet_lite0": efficientnet_lite.BACKBONE,
    "mobilenet_v1": mobilenet_v1.BACKBONE,
    "mobilenet_v2": applications.MOBILENET_V2,
    "mobilenet_v2_bottleneck": mobilenet_v2.BOTTLENECK,
    "mobilenet_v2_expansion": mobilenet_v2.EXPANSION,
    "mobilenet_v3_large": mobilenet_v3.BACKBONE,
    "resnet50": applications.RESNET50,
    "tiny": tiny.BACKBONE,
    "vgg16": vgg16.BACKBONE,
    "vgg16_batch_norm": vgg16.BATCH_NORM,
}


def build_detector(
    config: DetectorConfig,
    *,
    backbone: Backbone | None = None,
    sync_batch_norm: bool = False,
    precision: str | None = None,
) -> keras.Model:
    """Builds the network of a detector with fresh weights.

    Args:
      config: backbone, input size, anchors per cell and classes.
      backbone: takes the place of the one that the config names.
      sync_batch_norm: take the statistics of batch normalisation from all
        replicas that train it (TensorFlow's strategies only).
      precision: Keras' dtype policy of its layers, such as "float32" or
        "mixed_bfloat16"; None takes the one that is set.

    Returns:
      keras.Model from images [B, S, S, 3], RGB 0..255 of any dtype, to
      {"logits": [B, A, C + 1], "localisations": [B, A, 4]}, float32.
      Preprocessing is inside.

    Raises:
      InputError: for an unknown backbone, head or kind of extra levels, or
        pixels of the configuration for a backbone that normalises them itself.
      ValueError: where the backbone's feature maps are not the anchors'.
    """
    backbone = backbone or find_backbone(config.backbone)
    with _dtype_policy(precision):
        model = _build(config, backbone)
    if sync_batch_norm:
        layers.synchronize_batch_norm(model)
    return model


@contextlib.contextmanager
def _dtype_policy(name: str | None):
    """A context in which layers are built with a dtype policy."""
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(name or before)
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def _build(config: DetectorConfig, backbone: Backbone) -> keras.Model:
    size = config.image_size
    images = keras.Input((size, size, 3), name="images")
    maps = _build_maps(config, backbone, images)
    produced = tuple(tuple(features.shape[1:3]) for features in maps)
    expected = tuple((f, f) for f in config.feature_sizes)
    if produced != expected:
        raise ValueError(
            f"backbone {config.backbone!r} makes feature maps "
            f"{_sizes(produced)} of a {size} px image, but feature_sizes "
            f"has {_sizes(expected)}"
        )
    maps = heads.find(NECKS, "neck", config.neck)(maps)
    outputs = heads.add_heads(
        maps,
        head=config.head,
        names=backbone.level_names(len(maps)),
        boxes_per_cell=config.boxes_per_cell,
        num_outputs=config.num_classes + 1,
    )
    return keras.Model(images, outputs, name=f"ssd{size}_{config.backbone}")


def _build_maps(config: DetectorConfig, backbone: Backbone, images) -> list:
    """The feature maps of all levels, fine to coarse."""
    size = config.image_size
    maps = list(backbone.build(_normalize(config, backbone, images), size))
    add_extras = heads.find(EXTRAS, "extras", config.extras)
    return maps + list(add_extras(config, backbone, maps))


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


def _own_extras(config: DetectorConfig, backbone: Backbone, maps):
    if backbone.extras is None:
        return []
    return backbone.extras(maps[-1], config.image_size)


def _ssdlite_extras(config: DetectorConfig, backbone: Backbone, maps):
    sizes = config.feature_sizes[len(maps) :]
    if not sizes:
        raise InputError(
            f"backbone {config.backbone!r} makes all {len(maps)} levels "
            f"itself; extras={config.extras!r} has none to make"
        )
    return heads.ssdlite_levels(maps[-1], sizes)


EXTRAS = {"backbone": _own_extras, "ssdlite": _ssdlite_extras}


def default_weights(backbone_name: str) -> str:
    """ "imagenet" where such weights exist, else "none"."""
    backbone = find_backbone(backbone_name)
    has_weights = backbone.download_imagenet or backbone.imagenet_package
    return "imagenet" if has_weights else "none"


def find_backbone(name: str) -> Backbone:
    """The backbone of a name; raises InputError with the known names."""
    if name not in BACKBONES:
        raise InputError(
            f"unknown backbone {name!r}; known: {', '.join(BACKBONES)}"
        )
    return BACKBONES[name]


def _sizes(shapes) -> str:
    return ", ".join(f"{height}x{width}" for height, width in shapes)
