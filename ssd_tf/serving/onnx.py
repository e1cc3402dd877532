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
from types import ModuleType

import keras
import tensorflow as tf

from ssd_tf.config import DetectorConfig
from ssd_tf.decoder import Decoder
from ssd_tf.serving.candidates import candidates_per_class, class_candidates
from ssd_tf.serving.extras import require
from ssd_tf.serving.files import check_new_file, write_new_file

DETECTION_OUTPUTS = (
    "detection_boxes",
    "detection_scores",
    "detection_classes",
    "num_detections",
)
RAW_OUTPUTS = ("logits", "localisations", "anchors")
_OPSET, _IR_VERSION = 17, 8


def export_onnx(
    model: keras.Model,
    config: DetectorConfig,
    path,
    *,
    decoder: Decoder | None = None,
    with_nms: bool = True,
) -> pathlib.Path:
    """Writes an `.onnx` file.

    Args:
      model: the detector.
      config: its configuration; the class names are stored with the model.
      path: of the file.
      decoder: with the thresholds to export; None takes the config's.
      with_nms: whether to detect; if not, the outputs are the network's.

    Returns:
      the path.

    Raises:
      InputError: the file exists or cannot be made, or tf2onnx is not
        installed.
    """
    path = check_new_file(path, ".onnx")
    onnx = _require("onnx")
    decoder = decoder or Decoder(config)
    convert, outputs = (
        (_convert_detector, DETECTION_OUTPUTS)
        if with_nms
        else (_convert_network, RAW_OUTPUTS)
    )
    proto = convert(model, decoder, config.image_size)
    proto.graph.output.sort(key=lambda output: outputs.index(output.name))
    for value in (*proto.graph.input, *proto.graph.output):
        if value.name != "anchors":
            value.type.tensor_type.shape.dim[0].dim_param = "batch"
    metadata = {
        "class_names": json.dumps(config.class_names),
        "variances": json.dumps(decoder.coder.applied_variances()),
    }
    onnx.helper.set_model_props(proto, metadata)
    onnx.checker.check_model(proto, full_check=True)
    write_new_file(path, proto.SerializeToString())
    return path


def _require(module: str) -> ModuleType:
    return require(module, extra="onnx", purpose="an ONNX export")


def _convert_network(model: keras.Model, decoder: Decoder, size: int):
    """The ModelProto without NMS."""

    def network(pixels):
        outputs = dict(model(pixels, training=False))
        return {**outputs, "anchors": tf.constant(decoder.anchors.boxes)}

    return _convert(network, size)


def _convert_detector(model: keras.Model, decoder: Decoder, size: int):
    """The ModelProto with NMS, whose operator only ONNX has for batches."""

    def candidates(pixels):
        boxes, scores = class_candidates(decoder, model(pixels, training=False))
        return {"boxes": boxes, "scores": scores}

    onnx = _require("onnx")
    return onnx.compose.merge_models(
        _convert(candidates, size),
        onnx.parser.parse_model(_nms_text(decoder)),
        io_map=[("boxes", "boxes"), ("scores", "scores")],
    )


def _convert(function, size: int):
    """The ModelProto of a function of images to a dict of tensors."""
    spec = tf.TensorSpec([None, size, size, 3], tf.float32, name="images")
    proto, _ = _require("tf2onnx").convert.from_function(
        tf.function(function), input_signature=[spec], opset=_OPSET
    )
    return proto


def _nms_text(decoder: Decoder) -> str:
    """The model from candidates to detections, in ONNX' textual syntax.

    Each class of each image is an image of its own to NonMaxSuppression, as
    it has its own candidates. What is not kept gets the score 0.
    """
    num_classes, limit = decoder.num_classes, decoder.max_detections
    k = candidates_per_class(decoder)
    total = num_classes * k
    return f"""
<ir_version: {_IR_VERSION}, opset_import: ["": {_OPSET}]>
nms (float[B, {num_classes}, {k}, 4] boxes, float[B, {num_classes}, {k}] scores)
=> (
    float[B, {limit}, 4] detection_boxes,
    float[B, {limit}] detection_scores,
    float[B, {limit}] detection_classes,
    float[B] num_detections
)
<
    int64[3] nms_boxes_shape = {{-1, {k}, 4}},
    int64[3] nms_scores_shape = {{-1, 1, {k}}},
    int64[2] nms_image_shape = {{-1, {total}}},
    int64[3] nms_image_boxes_shape = {{-1, {total}, 4}},
    int64[1] nms_limit = {{{limit}}},
    int64[1] nms_last_axis = {{-1}},
    int64[1] nms_first_axis = {{1}},
    int64 nms_count = {{{k}}},
    float nms_iou_threshold = {{{decoder.nms_iou_threshold!r}}},
    float nms_score_threshold = {{{decoder.score_threshold!r}}},
    float nms_zero = {{0.0}},
    float nms_one = {{1.0}}
>
{{
    nms_flat_boxes = Reshape (boxes, nms_boxes_shape)
    nms_flat_scores = Reshape (scores, nms_scores_shape)
    nms_kept = NonMaxSuppression (
        nms_flat_boxes, nms_flat_scores,
        nms_limit, nms_iou_threshold, nms_score_threshold
    )
    nms_kept_scores = GatherND (nms_flat_scores, nms_kept)
    nms_nothing = Mul (nms_flat_scores, nms_zero)
    nms_survivors = ScatterND (nms_nothing, nms_kept, nms_kept_scores)
    nms_image_scores = Reshape (nms_survivors, nms_image_shape)
    detection_scores, nms_best = TopK <axis = -1> (nms_image_scores, nms_limit)
    nms_is_real = Greater (detection_scores, nms_zero)
    nms_image_boxes = Reshape (boxes, nms_image_boxes_shape)
    nms_best_column = Unsqueeze (nms_best, nms_last_axis)
    nms_best_boxes = GatherND <batch_dims = 1> (
        nms_image_boxes, nms_best_column
    )
    nms_clipped = Clip (nms_best_boxes, nms_zero, nms_one)
    nms_real_column = Unsqueeze (nms_is_real, nms_last_axis)
    detection_boxes = Where (nms_real_column, nms_clipped, nms_zero)
    nms_index = Div (nms_best, nms_count)
    nms_class = Cast <to = 1> (nms_index)
    nms_label = Add (nms_class, nms_one)
    detection_classes = Where (nms_is_real, nms_label, nms_zero)
    nms_ones = Cast <to = 1> (nms_is_real)
    num_detections = ReduceSum <keepdims = 0> (nms_ones, nms_first_axis)
}}
"""
