"""Backbones, heads and the detector, in `keras` and `keras.ops` only."""

from ssd_tf.models.detector import (
    BACKBONES,
    build_detector,
    default_weights,
    load_imagenet,
)

__all__ = ["BACKBONES", "build_detector", "default_weights", "load_imagenet"]
