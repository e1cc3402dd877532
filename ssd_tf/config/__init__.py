"""A detector and its training as two frozen dataclasses."""

from ssd_tf.config.detector import DetectorConfig
from ssd_tf.config.training import ON_NAN, PRECISIONS, Recipe, TrainConfig

__all__ = ["ON_NAN", "PRECISIONS", "DetectorConfig", "Recipe", "TrainConfig"]
