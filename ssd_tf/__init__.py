"""SSD (Single Shot MultiBox Detector) in TensorFlow 2 and Keras 3."""

import importlib
from typing import TYPE_CHECKING

from ssd_tf.errors import InputError
from ssd_tf.version import __version__

if TYPE_CHECKING:
    from ssd_tf import evaluation
    from ssd_tf.anchors import Anchors, build_anchors
    from ssd_tf.box_coder import BoxCoder
    from ssd_tf.config import DetectorConfig, TrainConfig
    from ssd_tf.decoder import Decoder, Detections
    from ssd_tf.losses import Losses, MultiBoxLoss
    from ssd_tf.models import build_detector
    from ssd_tf.presets import PRESETS
    from ssd_tf.target_encoder import EncodedTargets, TargetEncoder

# Read when they are asked for, so that a command can prepare the terminal
# before TensorFlow is imported, which `python -m ssd_tf` has no other way to.
_MODULES = {
    "Anchors": "anchors",
    "BoxCoder": "box_coder",
    "Decoder": "decoder",
    "DetectorConfig": "config",
    "Detections": "decoder",
    "EncodedTargets": "target_encoder",
    "Losses": "losses",
    "MultiBoxLoss": "losses",
    "PRESETS": "presets",
    "TargetEncoder": "target_encoder",
    "TrainConfig": "config",
    "build_anchors": "anchors",
    "build_detector": "models",
}


if not TYPE_CHECKING:  # to which every name would be known

    def __getattr__(name: str):
        """A public name, or a module of the package."""
        if name in _MODULES:
            module = importlib.import_module(f"{__name__}.{_MODULES[name]}")
            value = getattr(module, name)
            globals()[name] = value
            return value
        if not name.startswith("_"):
            full_name = f"{__name__}.{name}"
            try:
                return importlib.import_module(full_name)
            except ModuleNotFoundError as error:
                if error.name != full_name:
                    raise
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def load(path, *, checkpoint=None):
    """Loads a trained detector: `load("runs/mine")("image.jpg").draw()`.

    Args:
      path: a run directory, a SavedModel, a `.tflite` or an `.onnx` file.
      checkpoint: of a run, "best" (by its evaluations, the default) or "last".

    Returns:
      `ssd_tf.serving.Detector`.

    Raises:
      InputError: the path is none of these, or what reads it is not installed.
    """
    # Here, so that `import ssd_tf` brings neither training nor serving.
    from ssd_tf.serving import detector

    return detector.load(path, checkpoint=checkpoint)


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
