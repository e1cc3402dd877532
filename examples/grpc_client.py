"""Detects by gRPC: sends encoded images to TF Serving, draws the answer.

pip install tensorflow-serving-api pillow
python grpc_client.py --model=NAME IMAGE.jpg
"""

import os
import sys

import grpc
from detections import (
    ServerError,
    check_outputs,
    detect_all,
    parse_arguments,
    reason,
)

# TensorFlow reads this once, while it is imported.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow as tf  # noqa: E402
from tensorflow_serving.apis import (  # noqa: E402
    predict_pb2,
    prediction_service_pb2_grpc,
)


def detect(
    encoded: bytes, *, channel: grpc.Channel, model: str, timeout: float
) -> dict:
    """The outputs for one encoded image, by name.

    Several images can be sent at once: every output leads with the batch.

    Raises:
      ServerError: anything but detections came back.
    """
    request = predict_pb2.PredictRequest()
    request.model_spec.name = model
    request.model_spec.signature_name = "serving_default"
    request.inputs["input_tensor"].CopyFrom(tf.make_tensor_proto([encoded]))
    stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
    try:
        response = stub.Predict(request, timeout=timeout)
    except grpc.RpcError as error:
        message = f"{error.code().name}: {reason(error.details())}"
        raise ServerError(message) from error
    check_outputs(response.outputs, status="OK")
    return {
        name: tf.make_ndarray(tensor)[0]
        for name, tensor in response.outputs.items()
    }


def main() -> int:
    """Detects on the images that the arguments name."""
    arguments = parse_arguments(
        "Detects objects by TF Serving's gRPC API.", server="localhost:8500"
    )
    with grpc.insecure_channel(arguments.server) as channel:
        return detect_all(
            arguments,
            lambda encoded: detect(
                encoded,
                channel=channel,
                model=arguments.model,
                timeout=arguments.timeout,
            ),
        )


if __name__ == "__main__":
    sys.exit(main())
