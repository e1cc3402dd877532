"""ONNX: a detector for ONNX Runtime and whatever else reads it.

Input `images` float32 [B, S, S, 3] RGB 0..255, any batch size. Preprocessing
is inside. With NMS the outputs are those of the SavedModel, float32:

    detection_boxes    [B, K, 4] ymin, xmin, ymax, xmax in 0..1
    detection_scores   [B, K]
    detection_classes  [B, K] 1..C; 0 is padding
    num_detections     [B]

Without it they are what a decoder needs:

    logits         [B, A, C + 1] before softmax; class 0 is the background
    localisations  [B, A, 4] cx, cy, w, h relative to the anchors
    anchors        [A, 4] ymin, xmin, ymax, xmax in 0..1, a constant

The model's metadata holds, as JSON, `class_names` of 1..C and the `variances`
that the localisations are divided by.
"""

import json
import pathlib
from collections.abc import Callable, Sequence
from types import ModuleType

import keras
import tensorflow as tf

from ssd_tf.config import DetectorConfig
from ssd_tf.decoder import Decoder
from ssd_tf.serving.files import check_new_file, require, write_new_file
from ssd_tf.serving.nms import ONNX_OPSET, class_candidates, onnx_nms

DETECTION_OUTPUTS: tuple[str, ...] = (
    "detection_boxes",
    "detection_scores",
    "detection_classes",
    "num_detections",
)
RAW_OUTPUTS: tuple[str, ...] = ("logits", "localisations", "anchors")


def export_onnx(
    detector_config: DetectorConfig,
    model: keras.Model,
    path,
    *,
    decoder: Decoder | None = None,
    with_nms: bool = True,
) -> pathlib.Path:
    """Writes an `.onnx` file.

    Args:
      detector_config: of the detector; the class names are stored with the
        model.
      model: the detector.
      path: of the file.
      decoder: with the thresholds to export; None takes the config's.
      with_nms: detect; if not, the outputs are the network's.

    Raises:
      InputError: the file exists or cannot be made, or tf2onnx is not
        installed.
    """
    path = check_new_file(path, ".onnx")
    onnx = _require("onnx")
    decoder = decoder or Decoder(detector_config)
    size = detector_config.image_size
    spec = tf.TensorSpec([None, size, size, 3], tf.float32, name="images")
    outputs = DETECTION_OUTPUTS if with_nms else RAW_OUTPUTS
    if with_nms:
        proto = convert_detector(
            lambda pixels: model(pixels, training=False),
            [spec],
            decoder=decoder,
        )
    else:
        proto = _convert_network(model, spec, anchors=decoder.anchors.boxes)
    proto.graph.output.sort(key=lambda output: outputs.index(output.name))
    for value in (*proto.graph.input, *proto.graph.output):
        if value.name != "anchors":
            value.type.tensor_type.shape.dim[0].dim_param = "batch"
    metadata = {
        "class_names": json.dumps(detector_config.class_names),
        "variances": json.dumps(decoder.coder.applied_variances()),
    }
    onnx.helper.set_model_props(proto, metadata)
    onnx.checker.check_model(proto, full_check=True)
    write_new_file(path, proto.SerializeToString())
    return path


def _require(module: str) -> ModuleType:
    return require(module, extra="onnx", purpose="an ONNX export")


def _convert_network(model: keras.Model, spec: tf.TensorSpec, *, anchors):
    """The ModelProto without NMS."""

    def network(pixels):
        outputs = dict(model(pixels, training=False))
        return {**outputs, "anchors": tf.constant(anchors)}

    return _convert(network, [spec])


def convert_detector(
    network: Callable, specs: Sequence[tf.TensorSpec], *, decoder: Decoder
):
    """The ModelProto of a network with its decoder.

    NMS is joined to it, since only ONNX has an operator for batches.

    Args:
      network: of tensors to {"logits": [B, A, C + 1], "localisations":
        [B, A, 4]}.
      specs: of the tensors.
      decoder: with the thresholds.
    """

    def candidates(*tensors):
        boxes, scores = class_candidates(decoder, network(*tensors))
        return {"boxes": boxes, "scores": scores}

    onnx = _require("onnx")
    return onnx.compose.merge_models(
        _convert(candidates, specs),
        onnx.parser.parse_model(onnx_nms(decoder)),
        io_map=[("boxes", "boxes"), ("scores", "scores")],
    )


def _convert(function: Callable, specs: Sequence[tf.TensorSpec]):
    """The ModelProto of a function of tensors to a dict of tensors."""
    proto, _ = _require("tf2onnx").convert.from_function(
        tf.function(function), input_signature=list(specs), opset=ONNX_OPSET
    )
    return proto
