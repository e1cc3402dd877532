"""The detector outside of training: its exports and their predictors."""

from ssd_tf.serving.detector import (
    DetectionResult,
    Detector,
    load,
    load_predictor,
)
from ssd_tf.serving.litert import QUANTIZATIONS, export_litert
from ssd_tf.serving.litert_predictor import predictor_of_litert
from ssd_tf.serving.model_card import write_labels, write_model_card
from ssd_tf.serving.onnx import export_onnx
from ssd_tf.serving.onnx_predictor import predictor_of_onnx
from ssd_tf.serving.predictor import (
    Predictor,
    predictor_of_module,
    predictor_of_run,
    predictor_of_saved_model,
)
from ssd_tf.serving.representative import representative_images
from ssd_tf.serving.saved_model import DetectionModule
from ssd_tf.serving.server_files import write_server_files
from ssd_tf.serving.version_dir import (
    MAX_VERSION,
    check_model_name,
    export_saved_model,
    find_saved_model,
)
from ssd_tf.serving.warmup import real_images, synthetic_images, write_warmup

__all__ = [
    "DetectionModule",
    "DetectionResult",
    "Detector",
    "MAX_VERSION",
    "Predictor",
    "QUANTIZATIONS",
    "check_model_name",
    "export_litert",
    "export_onnx",
    "export_saved_model",
    "find_saved_model",
    "load",
    "load_predictor",
    "predictor_of_litert",
    "predictor_of_module",
    "predictor_of_onnx",
    "predictor_of_run",
    "predictor_of_saved_model",
    "real_images",
    "representative_images",
    "synthetic_images",
    "write_labels",
    "write_model_card",
    "write_server_files",
    "write_warmup",
]
