"""LiteRT (TFLite): a detector for phones and small boards.

Input `images` [1, S, S, 3] RGB 0..255: float32, or uint8 where the network is
quantised to 8 bits. Preprocessing is inside. Outputs are float32, in the order
of TFLite's detection models:

    detection_boxes    [1, K, 4] ymin, xmin, ymax, xmax in 0..1
    detection_classes  [1, K] 0..C-1: the line of the label in labels.txt
    detection_scores   [1, K]
    num_detections     [1]

The classes begin at 0, as those of TFLite_Detection_PostProcess do; elsewhere
in ssd_tf they begin at 1. Detections are those of `ssd_tf.Decoder`. All
operators are builtin ones.
"""

import functools
import os
import pathlib
from collections.abc import Callable, Iterable

import keras
import numpy as np
import tensorflow as tf

from ssd_tf.config import DetectorConfig
from ssd_tf.decoder import Decoder
from ssd_tf.errors import InputError
from ssd_tf.serving import litert_graph, litert_metadata
from ssd_tf.serving.files import (
    LABELS_FILE,
    check_new_file,
    read_file,
    require,
    write_new_file,
)
from ssd_tf.serving.nms import litert_detections
from ssd_tf.serving.predictor import Predictor, check_export

DETECTION_OUTPUTS = (
    "detection_boxes",
    "detection_classes",
    "detection_scores",
    "num_detections",
)
RAW_OUTPUTS = ("logits", "localisations")


def export_litert(
    detector_config: DetectorConfig,
    model: keras.Model,
    path,
    *,
    decoder: Decoder | None = None,
    quantization: str = "none",
    representative_images: Iterable[np.ndarray] | None = None,
    with_nms: bool = True,
) -> pathlib.Path:
    """Writes a `.tflite` file.

    Args:
      detector_config: its class names become labels.txt.
      decoder: with the thresholds to export; None takes the config's.
      quantization: "none"; "float16", weights of half the size; or "int8",
        weights and activations of the network, with uint8 pixels. What
        follows the network is always float32.
      representative_images: [S, S, 3] RGB 0..255 each, about a hundred of
        those the detector is for; "int8" takes the activations' ranges from
        them.
      with_nms: detect; if not, the outputs are `logits` [1, A, C + 1] and
        `localisations` [1, A, 4].

    Raises:
      InputError: the quantization is unknown or has no images, the file
        exists or cannot be made, or ai-edge-litert is not installed.
    """
    path = check_new_file(path, ".tflite")
    if quantization not in QUANTIZATIONS:
        raise InputError(
            f"unknown quantization {quantization!r}; known: "
            f"{', '.join(QUANTIZATIONS)}"
        )
    litert_graph.library("tools.flatbuffer_utils")  # fails before the work
    size = detector_config.image_size
    set_options = functools.partial(
        QUANTIZATIONS[quantization],
        representative_images=representative_images,
        size=size,
    )
    graph = _convert_network(model, size, set_options)
    if with_nms:
        _append_decoder(graph, decoder or Decoder(detector_config))
        content = litert_metadata.write_described(
            graph,
            model.name,
            image_size=size,
            class_names=detector_config.class_names,
        )
    else:
        litert_graph.order_outputs(graph, RAW_OUTPUTS)
        content = litert_graph.write(graph)
    write_new_file(path, content)
    return path


def _convert_network(model: keras.Model, size: int, set_options: Callable):
    """The network alone, as a graph that can be changed."""
    network = litert_graph.convert(
        lambda pixels: dict(model(pixels, training=False)),
        [tf.TensorSpec([1, size, size, 3], tf.float32, name="images")],
        model=model,
        set_options=set_options,
    )
    return litert_graph.read(network)


def _append_decoder(graph, decoder: Decoder) -> None:
    """Joins what follows the network to the graph.

    It is converted apart and never quantised: in 8 bits the corners of a box
    have 256 places, and scores below 1/256 are nothing. The converter has no
    public way to leave a part of a graph out.
    """
    num_anchors, num_outputs = len(decoder.anchors), decoder.num_classes + 1
    appended = litert_graph.convert(
        lambda logits, localisations: litert_detections(
            decoder, {"logits": logits, "localisations": localisations}
        ),
        [
            tf.TensorSpec([1, num_anchors, num_outputs], name="logits"),
            tf.TensorSpec([1, num_anchors, 4], name="localisations"),
        ],
    )
    litert_graph.join(graph, litert_graph.read(appended))
    litert_graph.order_outputs(graph, DETECTION_OUTPUTS)


def _float16(converter, *, representative_images, size) -> None:
    del representative_images, size
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]


def _int8(converter, *, representative_images, size) -> None:
    batches = _calibration_batches(representative_images, size)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ([b] for b in batches)
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.uint8


# Each sets the options of a converter.
QUANTIZATIONS: dict[str, Callable[..., None]] = {
    "none": lambda converter, **images: None,
    "float16": _float16,
    "int8": _int8,
}


def _calibration_batches(representative_images, size: int) -> list[np.ndarray]:
    """[1, S, S, 3] float32 each."""
    given = () if representative_images is None else representative_images
    batches = [np.array(image, np.float32)[None] for image in given]
    if not batches:
        raise InputError(
            "quantization 'int8' needs representative images: about a "
            "hundred of those the detector is for"
        )
    expected = (1, size, size, 3)
    for batch in batches:
        if batch.shape != expected:
            raise InputError(
                f"representative images must be {expected[1:]}, got "
                f"{batch.shape[1:]}"
            )
    # Two pixels give the whole range, so that a quantised pixel is the pixel.
    batches[0][0, 0, 0] = 0.0
    batches[0][0, 0, 1] = 255.0
    return batches


def predictor_of_litert(path) -> Predictor:
    """The predictor of a `.tflite` file that `export_litert` wrote.

    Raises:
      InputError: it cannot be read, is no such file, or ai-edge-litert is not
        installed.
    """
    library = require(
        "ai_edge_litert.interpreter", extra="litert", purpose=f"reading {path}"
    )
    content = read_file(path)
    try:
        # One thread unless told otherwise.
        interpreter = library.Interpreter(
            model_content=content, num_threads=os.cpu_count()
        )
        (runner,) = map(
            interpreter.get_signature_runner, interpreter.get_signature_list()
        )
    except (RuntimeError, ValueError) as error:
        raise InputError(
            f"{path} is not a LiteRT model with one signature"
        ) from error
    class_names = litert_metadata.read_labels(content)
    outputs = runner.get_output_details()
    check_export(path, outputs, class_names, named_in=LABELS_FILE)
    (image,) = runner.get_input_details().values()
    return Predictor(
        _detect_function(runner, image["dtype"]),
        class_names,
        int(image["shape"][1]),
    )


def _detect_function(runner, dtype) -> Callable:
    """Pixels [B, S, S, 3] -> outputs as those of a SavedModel, in NumPy."""

    def detect(pixels):
        pixels = np.asarray(pixels)
        if dtype == np.uint8:
            pixels = pixels.round()
        found = [runner(images=one[None]) for one in pixels.astype(dtype)]
        outputs = {
            name: np.concatenate([one[name] for one in found])
            for name in DETECTION_OUTPUTS
        }
        # 0..C-1 in LiteRT. Nothing is detected with a score of 0.
        outputs["detection_classes"] += outputs["detection_scores"] > 0.0
        return outputs

    return detect
