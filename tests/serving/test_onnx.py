"""ONNX files: their outputs, metadata and errors."""

import json
import sys

import numpy as np
import onnx
import onnxruntime
import pytest

from ssd_tf import Decoder, InputError, serving
from tests.serving.answers import assert_detections


@pytest.fixture(scope="module")
def with_nms(exported):
    return exported("onnx")


@pytest.fixture(scope="module")
def raw(exported):
    path = exported("onnx", nms=False)
    assert path.name == "ssd64_small_raw.onnx"
    return path


def load(path):
    return onnxruntime.InferenceSession(
        str(path), providers=["CPUExecutionProvider"]
    )


def run(path, images):
    """Outputs by name."""
    session = load(path)
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(None, {"images": images}), strict=True))


def shapes(values):
    """Name -> shape of inputs or outputs, in the file's order."""
    assert {value.type for value in values} == {"tensor(float)"}
    return {value.name: value.shape for value in values}


def test_raw_outputs_are_those_of_the_model(detector, raw):
    session = load(raw)
    assert shapes(session.get_inputs()) == {"images": ["batch", 64, 64, 3]}
    outputs = shapes(session.get_outputs())
    assert outputs == {
        "logits": ["batch", 320, 5],
        "localisations": ["batch", 320, 4],
        "anchors": [320, 4],
    }
    assert list(outputs) == ["logits", "localisations", "anchors"]
    anchors = Decoder(detector.config).anchors.boxes
    for batch_size in (1, 2, 4):
        images = detector.images[:batch_size]
        found = run(raw, images)
        for name, value in detector.model(images).items():
            np.testing.assert_allclose(found[name], value, atol=1e-4)
        np.testing.assert_array_equal(found["anchors"], anchors)


@pytest.mark.parametrize("batch_size", [1, 3, 4])
def test_detections_are_those_of_the_decoder(detector, with_nms, batch_size):
    outputs = shapes(load(with_nms).get_outputs())
    assert outputs == {
        "detection_boxes": ["batch", 200, 4],
        "detection_scores": ["batch", 200],
        "detection_classes": ["batch", 200],
        "num_detections": ["batch"],
    }
    assert list(outputs)[0] == "detection_boxes"
    images = detector.images[:batch_size]
    expected = Decoder(detector.config)(detector.model(images))
    assert_detections(run(with_nms, images), expected, first_class=1)


@pytest.mark.parametrize("name", ["with_nms", "raw"])
def test_metadata(request, name):
    path = request.getfixturevalue(name)
    metadata = load(path).get_modelmeta().custom_metadata_map
    assert {key: json.loads(value) for key, value in metadata.items()} == {
        "class_names": ["circle", "square", "star", "triangle"],
        "variances": [0.1, 0.1, 0.2, 0.2],
    }
    domains = {opset.domain for opset in onnx.load(path).opset_import}
    assert domains <= {"", "ai.onnx.ml"}  # nothing of one runtime only


@pytest.mark.parametrize(
    "name, message",
    [
        (
            "ssd64_small.onnx",
            "ssd64_small.onnx exists already; expected a file",
        ),
        ("model.pb", "model.pb must end with .onnx"),
        ("ssd64_small.onnx/x.onnx", "x.onnx cannot be made: "),
    ],
)
def test_errors_of_the_export(detector, with_nms, name, message):
    before = {p: p.read_bytes() for p in with_nms.parent.iterdir()}
    with pytest.raises(InputError, match=message):
        serving.export_onnx(
            detector.config, detector.model, with_nms.parent / name
        )
    assert {p: p.read_bytes() for p in with_nms.parent.iterdir()} == before


def test_errors_of_the_predictor(with_nms, raw, tmp_path):
    bare = onnx.load(with_nms)
    del bare.metadata_props[:]
    for name, content, message in [
        ("junk", b"junk", "junk is not an ONNX model"),
        ("empty", b"", "empty is not an ONNX model"),
        ("raw", raw.read_bytes(), "raw has no detections; expected an export"),
        (
            "bare",
            bare.SerializeToString(),
            "bare holds no class_names; expected an export of a detector",
        ),
    ]:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(InputError, match=message):
            serving.predictor_of_onnx(tmp_path / name)
    with pytest.raises(InputError, match="none cannot be read: No such file"):
        serving.predictor_of_onnx(tmp_path / "none")


@pytest.mark.parametrize("module", ["onnx", "tf2onnx"])
def test_export_without_the_extra(detector, tmp_path, monkeypatch, module):
    monkeypatch.setitem(sys.modules, module, None)
    message = rf'an ONNX export needs {module}: pip install "ssd_tf\[onnx\]"'
    with pytest.raises(InputError, match=message):
        serving.export_onnx(
            detector.config, detector.model, tmp_path / "x.onnx"
        )
    assert list(tmp_path.iterdir()) == []


def test_predictor_without_the_extra(with_nms, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(InputError) as caught:
        serving.predictor_of_onnx(with_nms)
    assert str(caught.value) == (
        f'reading {with_nms} needs onnxruntime: pip install "ssd_tf[onnx]"'
    )
