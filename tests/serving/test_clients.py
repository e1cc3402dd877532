"""The clients of examples/ against a stand-in for TF Serving."""

import base64
import functools
import io
import json
import pathlib

import grpc
import numpy as np
import pytest
import requests
import tensorflow as tf
from PIL import Image
from tensorflow_serving.apis import (
    predict_pb2,
    prediction_service_pb2_grpc,
)

from tests.serving import stand_in_server

JUNK = "Unknown image file format. One of JPEG, "


@pytest.fixture(scope="module")
def addresses(small_export):
    with stand_in_server.serve(small_export, "shapes") as addresses:
        yield addresses


@pytest.fixture(params=["rest", "grpc"])
def client(request, addresses, clients):
    """Each client of the stand-in."""
    return functools.partial(
        clients(request.param), server=getattr(addresses, request.param)
    )


@pytest.fixture(scope="module")
def direct(small_export):
    """Encoded images -> outputs of the SavedModel itself."""
    loaded = tf.saved_model.load(str(small_export))

    def call(encoded):
        outputs = loaded.signatures["serving_default"](
            input_tensor=tf.constant(encoded)
        )
        return {name: value.numpy() for name, value in outputs.items()}

    return call


def test_client_prints_and_draws(client, files, pictures, direct, tmp_path):
    status, out, err = client("--score_threshold=0.2", *files)
    assert (status, err) == (0, [])
    lines = iter(out.splitlines())
    shown = 0
    for path, picture in zip(files, pictures, strict=True):
        drawn = pathlib.Path("detections") / f"{path.name}_detections.png"
        with (
            Image.open(io.BytesIO(picture)) as image,
            Image.open(tmp_path / drawn) as result,
        ):
            assert result.size == image.size
            width, height = image.size
            changed = np.asarray(result) != np.asarray(image.convert("RGB"))
        outputs = {name: v[0] for name, v in direct([picture]).items()}
        count = int((outputs["detection_scores"] >= 0.2).sum())
        assert changed.any() == (count > 0)
        assert next(lines) == f"{path}: {count} objects -> {drawn}"
        for i in range(count):
            ymin, xmin, ymax, xmax = outputs["detection_boxes"][i]
            assert next(lines) == (
                f"  {outputs['detection_scores'][i]:.3f} "
                f"{outputs['detection_class_names'][i].decode()} "
                f"x {round(xmin * width)}..{round(xmax * width)} "
                f"y {round(ymin * height)}..{round(ymax * height)}"
            )
        shown += count
    assert shown > 0 and next(lines, None) is None


def test_client_goes_on_after_what_does_not_decode(client, files, tmp_path):
    junk = tmp_path / "junk.jpg"
    junk.write_bytes(b"<html>")
    status, out, err = client(tmp_path / "no.jpg", junk, files[0])
    assert status == 1
    assert out.startswith(f"{files[0]}: ")
    assert err[0].startswith(f"error: {tmp_path}/no.jpg: [Errno 2]")
    assert JUNK in err[1]
    assert err[1].startswith(
        (
            f"error: {junk}: HTTP 400: ",
            f"error: {junk}: INVALID_ARGUMENT: ",
        )
    )
    assert err[1].endswith(" required.")  # and no name of a node
    assert len(err) == 2


def test_client_names_what_the_server_says(client, files):
    status, out, err = client(files[0], model="other")
    assert (status, out) == (1, "")
    assert err in (
        [f"error: {files[0]}: {code}: Servable not found for request: other"]
        for code in ("HTTP 404", "NOT_FOUND")
    )


def test_rest_of_several_sizes_in_one_request(addresses, pictures, direct):
    answer = requests.post(
        f"{addresses.rest}/v1/models/shapes:predict",
        json={
            "instances": [
                {"b64": base64.b64encode(picture).decode()}
                for picture in pictures
            ]
        },
        timeout=60,
    )
    assert answer.status_code == 200

    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    body = json.loads(answer.text, parse_constant=refuse)
    assert list(body) == ["predictions"]
    assert len(body["predictions"]) == len(pictures)
    expected = direct(pictures)
    for i, row in enumerate(body["predictions"]):
        assert row.keys() == expected.keys()
        names = expected["detection_class_names"][i]
        assert row.pop("detection_class_names") == [n.decode() for n in names]
        for name, value in row.items():
            np.testing.assert_allclose(value, expected[name][i], atol=1e-5)


@pytest.mark.parametrize(
    "path, body, status, message",
    [
        ("shapes:predict", '{"instances": [{"b64": "YQ=="}]}', 400, JUNK),
        ("shapes:predict", '{"instances": [', 400, "JSON Parse error"),
        ("shapes:predict", '{"signature_name": "x"}', 400, "'x' not found"),
        ("other:predict", "{}", 404, "Servable not found"),
    ],
)
def test_rest_errors_and_the_next_request(
    addresses, pictures, path, body, status, message
):
    url = f"{addresses.rest}/v1/models/"
    answer = requests.post(url + path, data=body, timeout=60)
    assert answer.status_code == status
    assert list(answer.json()) == ["error"]
    assert message in answer.json()["error"]
    instance = {"input_tensor": {"b64": base64.b64encode(pictures[0]).decode()}}
    answer = requests.post(
        url + "shapes:predict", json={"instances": [instance]}, timeout=60
    )
    assert answer.status_code == 200


def test_grpc_batches_and_errors(addresses, pictures, direct):
    request = predict_pb2.PredictRequest()
    request.model_spec.name = "shapes"
    with grpc.insecure_channel(addresses.grpc) as channel:
        stub = prediction_service_pb2_grpc.PredictionServiceStub(channel)
        request.inputs["input_tensor"].CopyFrom(
            tf.make_tensor_proto([pictures[0], b"<html>"])
        )
        with pytest.raises(grpc.RpcError) as raised:
            stub.Predict(request, timeout=60)
        assert raised.value.code() == grpc.StatusCode.INVALID_ARGUMENT
        assert JUNK in raised.value.details()
        request.inputs["input_tensor"].CopyFrom(tf.make_tensor_proto(pictures))
        response = stub.Predict(request, timeout=60)
    assert response.model_spec.signature_name == "serving_default"
    expected = direct(pictures)
    assert response.outputs.keys() == expected.keys()
    for name, tensor in response.outputs.items():
        found = tf.make_ndarray(tensor)
        if name == "detection_class_names":
            assert found.tolist() == expected[name].tolist()
        else:
            np.testing.assert_allclose(found, expected[name], atol=1e-5)
