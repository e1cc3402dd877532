"""ONNX files: what they give, and what they say about themselves."""

import json
import sys

import numpy as np
import onnx
import onnxruntime
import pytest

from ssd_tf import Decoder, InputError, serving
from tests.serving.answers import assert_detections


@pytest.fixture(scope="module")
def export(detector, tmp_path_factory):
    """(name, ...) -> the file of an export."""
    folder = tmp_path_factory.mktemp("onnx")

    def call(name, **arguments):
        return serving.export_onnx(
            detector.model,
            detector.config,
            folder / f"{name}.onnx",
            **arguments,
        )

    return call


@pytest.fixture(scope="module")
def with_nms(export):
    return export("with_nms")


@pytest.fixture(scope="module")
def raw(export):
    return export("raw", with_nms=False)


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


@pytest.mark.parametrize("threshold", [0.0, 0.45, 1.0])
def test_overlaps_at_the_ends_of_the_range(detector, export, threshold):
    """At 0 boxes that touch nothing stay, at 1 all do."""
    decoder = Decoder(
        detector.config, nms_iou_threshold=threshold, pre_nms_top_k=20
    )
    path = export(f"overlap_{threshold}", decoder=decoder)
    expected = decoder(detector.model(detector.images))
    for i, count in enumerate(expected.num_detections):
        # More than one of a class, so that a stricter NMS is seen.
        assert count > len(set(expected.classes[i, :count].numpy()))
    assert_detections(run(path, detector.images), expected, first_class=1)


def test_one_class_per_box_and_few_candidates(detector, export):
    """Fewer candidates than detections: 4 x 10 for 100."""
    decoder = Decoder(
        detector.config,
        multi_label=False,
        pre_nms_top_k=10,
        max_detections=100,
        nms_iou_threshold=0.2,
        score_threshold=0.1,
    )
    path = export("single_label", decoder=decoder)
    expected = decoder(detector.model(detector.images))
    assert_detections(run(path, detector.images), expected, first_class=1)


def test_nothing_found(detector, export):
    decoder = Decoder(detector.config, score_threshold=1.0)
    outputs = run(export("nothing", decoder=decoder), detector.images[:2])
    for name, shape in {
        "detection_boxes": (2, 200, 4),
        "detection_scores": (2, 200),
        "detection_classes": (2, 200),
        "num_detections": (2,),
    }.items():
        np.testing.assert_array_equal(outputs[name], np.zeros(shape))


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


def test_predictor(detector, with_nms, pictures):
    predictor = serving.predictor_of_onnx(with_nms)
    assert predictor.class_names == ("circle", "square", "star", "triangle")
    module = serving.DetectionModule(detector.model, detector.config)
    reference = serving.predictor_of_module(module, predictor.class_names)
    for picture, found in zip(
        pictures, predictor.detect_batch(pictures), strict=True
    ):
        wanted = reference(picture)
        assert len(found.scores) == len(wanted.scores)
        assert found.classes[0] == wanted.classes[0]
        np.testing.assert_allclose(found.scores, wanted.scores, atol=1e-5)
        np.testing.assert_allclose(found.boxes[0], wanted.boxes[0], atol=1e-5)


@pytest.mark.parametrize(
    "name, message",
    [
        ("with_nms.onnx", "with_nms.onnx exists already; expected a file"),
        ("model.pb", "model.pb must end with .onnx"),
        ("with_nms.onnx/x.onnx", "x.onnx cannot be made: "),
    ],
)
def test_errors_of_the_export(detector, with_nms, name, message):
    before = {p: p.read_bytes() for p in with_nms.parent.iterdir()}
    with pytest.raises(InputError, match=message):
        serving.export_onnx(
            detector.model, detector.config, with_nms.parent / name
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
            detector.model, detector.config, tmp_path / "x.onnx"
        )
    assert list(tmp_path.iterdir()) == []


def test_predictor_without_the_extra(with_nms, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(InputError) as caught:
        serving.predictor_of_onnx(with_nms)
    assert str(caught.value) == (
        f'reading {with_nms} needs onnxruntime: pip install "ssd_tf[onnx]"'
    )
