"""Backbones, heads and the detector, in `keras` and `keras.ops` only."""

from ssd_tf.models.backbone import Backbone
from ssd_tf.models.detector import (
    BACKBONES,
    EXTRAS,
    build_detector,
    default_weights,
)
from ssd_tf.models.heads import HEADS
from ssd_tf.models.neck import NECKS
from ssd_tf.models.parts import Parts, find_parts, is_head

__all__ = [
    "BACKBONES",
    "EXTRAS",
    "HEADS",
    "NECKS",
    "Backbone",
    "Parts",
    "build_detector",
    "default_weights",
    "find_parts",
    "is_head",
]
