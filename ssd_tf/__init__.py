"""SSD (Single Shot MultiBox Detector) in TensorFlow 2 and Keras 3."""

from ssd_tf import evaluation
from ssd_tf.anchors import Anchors, build_anchors
from ssd_tf.box_coder import BoxCoder
from ssd_tf.config import DetectorConfig, TrainConfig
from ssd_tf.decoder import Decoder, Detections
from ssd_tf.errors import InputError
from ssd_tf.losses import Losses, MultiBoxLoss
from ssd_tf.models import build_detector
from ssd_tf.presets import PRESETS
from ssd_tf.target_encoder import EncodedTargets, TargetEncoder
from ssd_tf.version import __version__


def load(path):
    """Loads a trained detector: `load("runs/mine")("image.jpg").draw()`.

    Args:
      path: a run directory, a SavedModel, a `.tflite` or an `.onnx` file.

    Returns:
      `ssd_tf.serving.Detector`.

    Raises:
      InputError: the path is none of these, or what reads it is not installed.
    """
    # Here, so that `import ssd_tf` brings neither training nor serving.
    from ssd_tf.serving import detector

    return detector.load(path)


__all__ = [
    "Anchors",
    "BoxCoder",
    "Decoder",
    "DetectorConfig",
    "Detections",
    "EncodedTargets",
    "InputError",
    "Losses",
    "MultiBoxLoss",
    "PRESETS",
    "TargetEncoder",
    "TrainConfig",
    "__version__",
    "build_anchors",
    "build_detector",
    "evaluation",
    "load",
]
