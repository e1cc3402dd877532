"""The detector outside of training: SavedModel signatures and predictors."""

from ssd_tf.serving.predictor import (
    Predictor,
    find_saved_model,
    predictor_of_module,
    predictor_of_saved_model,
)
from ssd_tf.serving.saved_model import DetectionModule, export_saved_model

__all__ = [
    "DetectionModule",
    "Predictor",
    "export_saved_model",
    "find_saved_model",
    "predictor_of_module",
    "predictor_of_saved_model",
]
