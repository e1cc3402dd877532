"""A detector in every format it is exported to, as functions to be timed.

Each function takes (config, model, folder for files) and returns the format's
parts by name: "forward", images [B, S, S, 3] to the network's outputs, and
"whole", encoded images [B] to detections.
"""

import os
from collections.abc import Callable

import tensorflow as tf

import ssd_tf
from ssd_tf import serving
from ssd_tf.data import images
from ssd_tf.serving import saved_model


def prepare_function(config) -> Callable:
    """Encoded images [B] -> pixels [B, S, S, 3], in a graph."""

    @tf.function
    def prepare(encoded):
        return tf.map_fn(
            lambda one: images.resize(images.decode(one), config.image_size),
            encoded,
            fn_output_signature=tf.float32,
        )

    return prepare


def keras_calls(config, model, folder) -> dict[str, Callable]:
    """The Keras model in a graph, and the parts that all share."""
    del folder  # Nothing is exported.
    decoder, prepare = ssd_tf.Decoder(config), prepare_function(config)

    @tf.function
    def forward(pixels):
        return model(pixels, training=False)

    @tf.function
    def decode(outputs):
        return decoder(outputs)

    @tf.function
    def whole(encoded):
        return decoder(model(prepare(encoded), training=False))

    return {
        "image": prepare,
        "decode": decode,
        "forward": forward,
        "whole": whole,
    }


def saved_model_calls(config, model, folder) -> dict[str, Callable]:
    """The signatures of the export."""
    module = serving.DetectionModule(config, model)
    path = serving.export_saved_model(module, folder / "saved_model")
    loaded = tf.saved_model.load(str(path))

    # Through `loaded`, whose resources go when it goes.
    def call(name):
        return lambda value: loaded.signatures[name](input_tensor=value)

    return {
        "forward": call(saved_model.RAW_SIGNATURE),
        "whole": call(saved_model.BYTES_SIGNATURE),
    }


def litert_calls(config, model, folder) -> dict[str, Callable]:
    """The .tflite file; its batch is 1."""
    from ai_edge_litert.interpreter import Interpreter

    raw = serving.export_litert(
        config, model, folder / "raw.tflite", with_nms=False
    )
    interpreter = Interpreter(str(raw), num_threads=os.cpu_count())
    runner = interpreter.get_signature_runner()
    path = serving.export_litert(config, model, folder / "model.tflite")
    predictor = serving.predictor_of_litert(path)

    return {
        "forward": lambda pixels: runner(images=pixels.numpy()),
        "whole": lambda encoded: predictor.detect_batch(list(encoded.numpy())),
    }


def onnx_calls(config, model, folder) -> dict[str, Callable]:
    """The .onnx file in ONNX Runtime."""
    import onnxruntime

    raw = serving.export_onnx(
        config, model, folder / "raw.onnx", with_nms=False
    )
    session = onnxruntime.InferenceSession(str(raw))
    path = serving.export_onnx(config, model, folder / "model.onnx")
    predictor = serving.predictor_of_onnx(path)
    return {
        "forward": lambda pixels: session.run(None, {"images": pixels.numpy()}),
        "whole": lambda encoded: predictor.detect_batch(list(encoded.numpy())),
    }


FORMATS: dict[str, Callable] = {
    "keras": keras_calls,
    "saved_model": saved_model_calls,
    "litert": litert_calls,
    "onnx": onnx_calls,
}
