"""Weights that other projects published: their files and their names."""

from ssd_tf.weights.formats import detect_format, read
from ssd_tf.weights.weight_file import WeightFile

__all__ = ["WeightFile", "detect_format", "read"]
