"""The detector outside of training: its exports and their predictors."""

from ssd_tf.serving.detector import (
    DetectionResult,
    Detector,
    load,
    load_predictor,
)
from ssd_tf.serving.export_format import (
    Exported,
    ExportFormat,
    ExportOption,
    ExportRequest,
)
from ssd_tf.serving.formats import EXPORT_FORMATS, export, model_kinds
from ssd_tf.serving.litert import QUANTIZATIONS, export_litert
from ssd_tf.serving.litert_predictor import predictor_of_litert
from ssd_tf.serving.model_card import write_labels, write_model_card
from ssd_tf.serving.onnx import export_onnx
from ssd_tf.serving.onnx_predictor import predictor_of_onnx
from ssd_tf.serving.pictures import (
    real_images,
    representative_images,
    synthetic_images,
)
from ssd_tf.serving.predictor import (
    Predictor,
    predictor_of_module,
    predictor_of_run,
    predictor_of_saved_model,
)
from ssd_tf.serving.saved_model import DetectionModule
from ssd_tf.serving.server_files import write_server_files
from ssd_tf.serving.version_dir import (
    MAX_VERSION,
    check_model_name,
    export_saved_model,
    find_saved_model,
)
from ssd_tf.serving.warmup import write_warmup

__all__ = [
    "EXPORT_FORMATS",
    "DetectionModule",
    "ExportFormat",
    "ExportOption",
    "ExportRequest",
    "Exported",
    "DetectionResult",
    "Detector",
    "MAX_VERSION",
    "Predictor",
    "QUANTIZATIONS",
    "check_model_name",
    "export",
    "export_litert",
    "export_onnx",
    "export_saved_model",
    "find_saved_model",
    "model_kinds",
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
