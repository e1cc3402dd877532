"""A stand-in for TF Serving, which no test can have. It is not TF Serving.

It runs a SavedModel behind the two messages that the clients speak: REST's
`:predict` in the row format, and gRPC's PredictionService.Predict. It loads
one version, has no batching and no warm-up, and knows no other call.
`answer_always` is a server that is no detector at all.
"""

import base64
import contextlib
import json
import re
import threading
from concurrent import futures
from http import server as http_server
from typing import NamedTuple

import grpc
import numpy as np
import tensorflow as tf
from tensorflow_serving.apis import (
    predict_pb2,
    prediction_service_pb2_grpc,
)

_HTTP_STATUS = {
    tf.errors.InvalidArgumentError: 400,
    tf.errors.NotFoundError: 404,
}
_GRPC_STATUS = {
    tf.errors.InvalidArgumentError: grpc.StatusCode.INVALID_ARGUMENT,
    tf.errors.NotFoundError: grpc.StatusCode.NOT_FOUND,
}
_ERRORS = tuple(_HTTP_STATUS)


class Addresses(NamedTuple):
    """Where the stand-in listens."""

    rest: str
    grpc: str


@contextlib.contextmanager
def serve(version_dir, model_name):
    """Serves a version on two free ports; -> `Addresses`."""
    model = Model(version_dir, model_name)
    handler = type("Handler", (_RestHandler,), {"model": model})
    try:
        with _listen(handler, _Servicer(model)) as addresses:
            yield addresses
    finally:
        model.close()


@contextlib.contextmanager
def answer_always(status, content, *, outputs):
    """Answers every request by REST and by gRPC; -> `Addresses`."""
    handler = type(
        "Handler", (_SameHandler,), {"status": status, "content": content}
    )
    with _listen(handler, _SameServicer(outputs)) as addresses:
        yield addresses


@contextlib.contextmanager
def _listen(handler, servicer):
    rest = http_server.ThreadingHTTPServer(
        ("127.0.0.1", 0), handler
    )  # listens from here on
    thread = threading.Thread(target=rest.serve_forever)
    thread.start()
    rpc = grpc.server(
        futures.ThreadPoolExecutor(2),
        # TF Serving takes messages of any size.
        options=[("grpc.max_receive_message_length", -1)],
    )
    prediction_service_pb2_grpc.add_PredictionServiceServicer_to_server(
        servicer, rpc
    )
    rpc_port = rpc.add_insecure_port("127.0.0.1:0")
    rpc.start()
    try:
        yield Addresses(
            f"http://127.0.0.1:{rest.server_port}", f"127.0.0.1:{rpc_port}"
        )
    finally:
        rpc.stop(None).wait()
        rest.shutdown()
        rest.server_close()
        thread.join()


class Model:
    """A version in a session, which is how TF Serving runs it.

    That differs from `tf.saved_model.load`: the graph must get along without
    the Python objects that made it.
    """

    def __init__(self, version_dir, name):
        self.name, self.version = name, int(version_dir.name)
        self._session = tf.compat.v1.Session(graph=tf.Graph())
        graph = tf.compat.v1.saved_model.load(
            self._session, [tf.saved_model.SERVING], str(version_dir)
        )
        self._signatures = graph.signature_def

    def close(self):
        self._session.close()

    def signature(self, model_name, signature_name):
        if model_name != self.name:
            raise tf.errors.NotFoundError(
                None, None, f"Servable not found for request: {model_name}"
            )
        if signature_name not in self._signatures:
            raise tf.errors.InvalidArgumentError(
                None, None, f"Serving signature {signature_name!r} not found"
            )
        return self._signatures[signature_name]

    def run(self, signature, inputs):
        """Arrays or lists by name -> outputs by name."""
        return self._session.run(
            {name: info.name for name, info in signature.outputs.items()},
            {signature.inputs[name].name: v for name, v in inputs.items()},
        )


def _message(error):
    """The message without what TensorFlow's Python puts before it."""
    return error.message.removeprefix("Graph execution error:").strip()


class _Servicer(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, model):
        self._model = model

    def Predict(self, request, context):  # noqa: N802, named by the protocol
        spec = request.model_spec
        name = spec.signature_name or "serving_default"
        try:
            outputs = self._model.run(
                self._model.signature(spec.name, name),
                {k: tf.make_ndarray(v) for k, v in request.inputs.items()},
            )
        except _ERRORS as error:
            context.abort(_GRPC_STATUS[type(error)], _message(error))
        response = _response(outputs)
        response.model_spec.name = self._model.name
        response.model_spec.version.value = self._model.version
        response.model_spec.signature_name = name
        return response


class _SameServicer(prediction_service_pb2_grpc.PredictionServiceServicer):
    def __init__(self, outputs):
        self._outputs = outputs

    def Predict(self, request, context):  # noqa: N802, named by the protocol
        return _response(self._outputs)


def _response(outputs):
    response = predict_pb2.PredictResponse()
    for key, value in outputs.items():
        response.outputs[key].CopyFrom(tf.make_tensor_proto(value))
    return response


class _Handler(http_server.BaseHTTPRequestHandler):
    def answer(self, status, content):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format, *args):
        """Says nothing."""


class _SameHandler(_Handler):
    status: int
    content: bytes

    def do_POST(self):  # noqa: N802, named by http.server
        self.rfile.read(int(self.headers["Content-Length"]))
        self.answer(self.status, self.content)


class _RestHandler(_Handler):
    model: Model

    def do_POST(self):  # noqa: N802, named by http.server
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            status, answer = 200, {"predictions": self._predict(body)}
        except _ERRORS as error:
            status, answer = _HTTP_STATUS[type(error)], {
                "error": _message(error)
            }
        self.answer(status, json.dumps(answer, allow_nan=False).encode())

    def _predict(self, body):
        path = re.fullmatch(r"/v1/models/([^/:]+):predict", self.path)
        if path is None:
            raise tf.errors.InvalidArgumentError(
                None, None, f"Malformed request: POST {self.path}"
            )
        try:
            request = json.loads(body)
        except ValueError as error:
            raise tf.errors.InvalidArgumentError(
                None, None, f"JSON Parse error: {error}"
            ) from error
        signature = self.model.signature(
            path[1], request.get("signature_name", "serving_default")
        )
        (key,) = signature.inputs
        values = [_value(row, key) for row in request["instances"]]
        outputs = self.model.run(signature, {key: values})
        columns = {name: _column(name, v) for name, v in outputs.items()}
        return [
            dict(zip(columns, row, strict=True))
            for row in zip(*columns.values(), strict=True)
        ]


def _value(row, key):
    """The input of one row: a value, {"b64"}, or either under its name."""
    if isinstance(row, dict) and key in row:
        row = row[key]
    if isinstance(row, dict):
        return base64.b64decode(row["b64"], validate=True)
    return row


def _column(name, values):
    """An output as JSON; strings are text unless the name says bytes."""
    if values.dtype != object:
        return values.tolist()
    if name.endswith("_bytes"):
        encode = np.vectorize(
            lambda item: {"b64": base64.b64encode(item).decode()}, [object]
        )
    else:
        encode = np.vectorize(bytes.decode, [object])
    return encode(values).tolist()
