"""Backbones, heads and the detector, in `keras` and `keras.ops` only."""

from ssd_tf.models.backbone import Backbone
from ssd_tf.models.detector import (
    BACKBONES,
    build_detector,
    default_weights,
    load_imagenet,
)

__all__ = [
    "BACKBONES",
    "Backbone",
    "build_detector",
    "default_weights",
    "load_imagenet",
]
