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
import logging
import pathlib
from collections.abc import Callable, Sequence
from types import ModuleType

import keras
import numpy as np
import tensorflow as tf

from ssd_tf.config import DetectorConfig
from ssd_tf.decoder import Decoder
from ssd_tf.errors import InputError
from ssd_tf.serving.export_format import (
    DECODER_OPTIONS,
    NMS,
    Exported,
    ExportFormat,
    ExportRequest,
)
from ssd_tf.serving.files import (
    check_new_file,
    read_file,
    require,
    write_new_file,
)
from ssd_tf.serving.nms import ONNX_OPSET, group_candidates, onnx_nms
from ssd_tf.serving.predictor import (
    DETECTION_OUTPUTS,
    Predictor,
    check_export,
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
    specs = [tf.TensorSpec([None, size, size, 3], tf.float32, name="images")]

    def network(pixels):
        return dict(model(pixels, training=False))

    def network_and_anchors(pixels):
        return {
            **network(pixels),
            "anchors": tf.constant(decoder.anchors.boxes),
        }

    if with_nms:
        outputs = DETECTION_OUTPUTS
        proto = convert_detector(network, specs, decoder=decoder)
    else:
        outputs = RAW_OUTPUTS
        proto = _convert(network_and_anchors, specs)
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


def convert_detector(
    network: Callable, specs: Sequence[tf.TensorSpec], *, decoder: Decoder
):
    """The ModelProto of a network with its decoder.

    NMS is joined to it, since only ONNX has an operator for batches.
    `network` gives {"logits": [B, A, C + 1], "localisations": [B, A, 4]} for
    the tensors of `specs`.
    """

    def candidates(*tensors):
        found = group_candidates(decoder, network(*tensors))._asdict()
        return {name: v for name, v in found.items() if v is not None}

    onnx = _require("onnx")
    suppression = onnx.parser.parse_model(onnx_nms(decoder))
    return onnx.compose.merge_models(
        _convert(candidates, specs),
        suppression,
        io_map=[(value.name, value.name) for value in suppression.graph.input],
    )


def _convert(function: Callable, specs: Sequence[tf.TensorSpec]):
    """The ModelProto of a function of tensors to a dict of tensors."""
    proto, _ = _require("tf2onnx").convert.from_function(
        tf.function(function), input_signature=list(specs), opset=ONNX_OPSET
    )
    return proto


def predictor_of_onnx(path) -> Predictor:
    """The predictor of an `.onnx` file that `export_onnx` wrote.

    Raises:
      InputError: it cannot be read, is no such file, or onnxruntime is not
        installed.
    """
    runtime = require("onnxruntime", extra="onnx", purpose=f"reading {path}")
    content = read_file(path)
    try:
        session = runtime.InferenceSession(
            content, providers=runtime.get_available_providers()
        )
    except Exception as error:  # its exceptions have no other common base
        raise InputError(f"{path} is not an ONNX model") from error
    metadata = session.get_modelmeta().custom_metadata_map
    class_names = json.loads(metadata.get("class_names", "[]"))
    outputs = [output.name for output in session.get_outputs()]
    check_export(path, outputs, class_names, named_in="class_names")

    def detect(pixels):
        found = session.run(outputs, {"images": np.asarray(pixels)})
        return dict(zip(outputs, found, strict=True))

    return Predictor(detect, class_names, session.get_inputs()[0].shape[1])


def _export(request: ExportRequest) -> Exported:
    # Each step of the conversion is a message of level INFO.
    logging.getLogger("tf2onnx").setLevel(logging.WARNING)
    with_nms = request.options["nms"]
    path = export_onnx(
        request.detector_config,
        request.model,
        request.file(".onnx"),
        decoder=request.decoder,
        with_nms=with_nms,
    )
    return Exported(path, path if with_nms else None)


ONNX = ExportFormat(
    name="onnx",
    suffix=".onnx",
    options=(NMS, *DECODER_OPTIONS),
    export=_export,
    load=predictor_of_onnx,
)
