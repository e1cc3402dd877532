"""The detector outside of training: its exports and their predictors."""

from ssd_tf.serving.detector import DetectionResult, Detector
from ssd_tf.serving.export_format import (
    Exported,
    ExportFormat,
    ExportOption,
    ExportRequest,
)
from ssd_tf.serving.formats import EXPORT_FORMATS, export, model_kinds
from ssd_tf.serving.litert import (
    QUANTIZATIONS,
    export_litert,
    predictor_of_litert,
)
from ssd_tf.serving.litert_format import representative_images
from ssd_tf.serving.loading import load_predictor
from ssd_tf.serving.merging import flip_averaged
from ssd_tf.serving.onnx import export_onnx, predictor_of_onnx
from ssd_tf.serving.predictor import Predictor, predictor_of_run
from ssd_tf.serving.saved_model import DetectionModule
from ssd_tf.serving.saved_model_format import predictor_of_saved_model
from ssd_tf.serving.tiling import tiled
from ssd_tf.serving.version_dir import export_saved_model, find_saved_model

__all__ = [
    "DetectionModule",
    "DetectionResult",
    "Detector",
    "EXPORT_FORMATS",
    "ExportFormat",
    "ExportOption",
    "ExportRequest",
    "Exported",
    "Predictor",
    "QUANTIZATIONS",
    "export",
    "export_litert",
    "export_onnx",
    "export_saved_model",
    "find_saved_model",
    "flip_averaged",
    "load_predictor",
    "model_kinds",
    "predictor_of_litert",
    "predictor_of_onnx",
    "predictor_of_run",
    "predictor_of_saved_model",
    "representative_images",
    "tiled",
]
