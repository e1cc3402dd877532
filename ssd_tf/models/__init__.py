"""Backbones, heads and the detector, in `keras` and `keras.ops` only."""

from ssd_tf.models.backbone import Backbone
from ssd_tf.models.detector import (
    BACKBONES,
    EXTRAS,
    build_detector,
    default_weights,
    load_imagenet,
)
from ssd_tf.models.heads import HEADS

__all__ = [
    "BACKBONES",
    "EXTRAS",
    "HEADS",
    "Backbone",
    "build_detector",
    "default_weights",
    "load_imagenet",
]
