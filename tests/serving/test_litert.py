"""LiteRT files: their outputs, metadata and errors."""

import sys

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import interpreter as litert_interpreter
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils

from ssd_tf import Decoder, InputError, serving
from tests.serving.answers import assert_detections

OUTPUTS = [
    ("detection_boxes", [1, 200, 4], np.float32),
    ("detection_classes", [1, 200], np.float32),
    ("detection_scores", [1, 200], np.float32),
    ("num_detections", [1], np.float32),
]


@pytest.fixture(scope="module")
def float32(exported):
    return exported("litert")


@pytest.fixture(scope="module")
def raw(exported):
    return exported("litert", nms=False)


@pytest.fixture(scope="module")
def int8(detector, tmp_path_factory):
    return serving.export_litert(
        detector.config,
        detector.model,
        tmp_path_factory.mktemp("int8") / "int8.tflite",
        quantization="int8",
        representative_images=detector.images,
    )


def run(path, images):
    """Outputs by name, of [B, S, S, 3] images one after the other."""
    runner = litert_interpreter.Interpreter(str(path)).get_signature_runner()
    (image,) = runner.get_input_details().values()
    found = [runner(images=one[None].astype(image["dtype"])) for one in images]
    return {name: np.concatenate([f[name] for f in found]) for name in found[0]}


def tensors(details):
    """(name, shape, type) of inputs or outputs, in the file's order."""
    return [(d["name"], d["shape"].tolist(), d["dtype"]) for d in details]


def test_raw_outputs_are_those_of_the_model(detector, raw):
    interpreter = litert_interpreter.Interpreter(str(raw))
    assert tensors(interpreter.get_output_details()) == [
        ("logits", [1, 320, 5], np.float32),
        ("localisations", [1, 320, 4], np.float32),
    ]
    found = run(raw, detector.images)
    for name, value in detector.model(detector.images).items():
        np.testing.assert_allclose(found[name], value, atol=1e-4)


def test_float16_is_half_as_large(detector, exported, raw):
    path = exported("litert", nms=False, quantization="float16")
    assert path.name == "ssd64_small_raw_float16.tflite"
    sizes = [path.stat().st_size for path in (path, raw)]
    weights = 2 * detector.model.count_params()
    assert sizes[1] - sizes[0] > 0.7 * weights
    found = run(path, detector.images)
    for name, value in detector.model(detector.images).items():
        np.testing.assert_allclose(found[name], value, atol=0.02)


def test_detections_are_those_of_the_decoder(detector, float32):
    interpreter = litert_interpreter.Interpreter(str(float32))
    (image,) = interpreter.get_input_details()
    assert image["shape"].tolist() == [1, 64, 64, 3]
    assert image["dtype"] == np.float32
    assert tensors(interpreter.get_output_details()) == OUTPUTS
    expected = Decoder(detector.config)(detector.model(detector.images))
    assert set(np.unique(expected.classes)) == {0, 1, 2, 3, 4}
    assert_detections(run(float32, detector.images), expected, first_class=0)


def test_int8_takes_pixels_and_detects_in_float32(detector, int8, float32):
    interpreter = litert_interpreter.Interpreter(str(int8))
    (image,) = interpreter.get_input_details()
    assert image["dtype"] == np.uint8
    assert image["quantization"] == (1.0, 0)  # the pixel itself
    assert tensors(interpreter.get_output_details()) == OUTPUTS
    assert int8.stat().st_size < float32.stat().st_size
    kinds = operators(int8)
    assert kinds["CONV_2D"] == {schema.TensorType.INT8}
    for name in ("SOFTMAX", "EXP", "NON_MAX_SUPPRESSION_V4"):
        assert schema.TensorType.INT8 not in kinds[name]
    # The best detection of each image, compared with that in float32.
    best, wanted = run(int8, detector.images), run(float32, detector.images)
    for name, atol in (("scores", 0.03), ("boxes", 0.03), ("classes", 0)):
        name = f"detection_{name}"
        np.testing.assert_allclose(
            best[name][:, 0], wanted[name][:, 0], atol=atol
        )


def operators(path):
    """Operator -> types of the tensors that it makes."""
    model = flatbuffer_utils.read_model(path)
    (graph,) = model.subgraphs
    kinds = {}
    for operator in graph.operators:
        name = flatbuffer_utils.opcode_to_name(model, operator.opcodeIndex)
        kinds.setdefault(name, set()).update(
            graph.tensors[i].type for i in operator.outputs
        )
    return kinds


def test_builtin_operators_only(float32):
    assert {"NON_MAX_SUPPRESSION_V4", "TOPK_V2"} <= set(operators(float32))
    model = flatbuffer_utils.read_model(float32)
    codes = {code.builtinCode for code in model.operatorCodes}
    assert schema.BuiltinOperator.CUSTOM not in codes
    assert {code.customCode for code in model.operatorCodes} == {None}


@pytest.mark.parametrize("name", ["float32", "int8"])
def test_weights_are_aligned(request, name):
    content = request.getfixturevalue(name).read_bytes()
    model = schema.Model.GetRootAs(content, 0)
    addresses = [
        buffer._tab.Vector(buffer._tab.Offset(4))
        for buffer in map(model.Buffers, range(model.BuffersLength()))
        if buffer.DataLength()
    ]
    assert len(addresses) > 20
    assert not any(address % 16 for address in addresses)


def field(table, slot):
    """Offset of a field's value, in the slots of the schema."""
    return table.Offset(4 + 2 * slot) + table.Pos


def items(table, slot):
    """Tables in a vector."""
    offset = table.Offset(4 + 2 * slot)
    start = table.Vector(offset)
    for i in range(table.VectorLen(offset)):
        yield flatbuffers.table.Table(
            table.Bytes, table.Indirect(start + 4 * i)
        )


def test_metadata_names_tensors_and_labels(float32):
    model = flatbuffer_utils.read_model(float32)
    assert model.description == b"MLIR Converted."
    (buffer,) = (
        model.buffers[entry.buffer]
        for entry in model.metadata
        if entry.name == b"TFLITE_METADATA"
    )
    content = bytes(buffer.data)
    assert content[4:8] == b"M001"
    root = flatbuffers.encode.Get(flatbuffers.packer.uoffset, content, 0)
    table = flatbuffers.table.Table(content, root)
    (subgraph,) = items(table, 3)
    (image,) = items(subgraph, 2)
    outputs = list(items(subgraph, 3))
    assert [o.String(field(o, 0)) for o in (image, *outputs)] == [
        *(b"image", b"location", b"category", b"score"),
        b"number of detections",
    ]
    (labels,) = items(outputs[1], 6)
    assert labels.String(field(labels, 0)) == b"labels.txt"
    assert labels.Get(flatbuffers.number_types.Int8Flags, field(labels, 2)) == 3
    # The archive behind the model, as unzip sees it.
    names = b"circle\nsquare\nstar\ntriangle\n"
    assert names in float32.read_bytes()[-400:]


def test_predictor_of_int8(reference, int8, pictures):
    predictor = serving.predictor_of_litert(int8)
    assert predictor.class_names == ("circle", "square", "star", "triangle")
    for found, wanted in zip(
        predictor.detect_batch(pictures), reference, strict=True
    ):
        assert found.classes[0] == wanted.classes[0]
        np.testing.assert_allclose(found.scores[0], wanted.scores[0], atol=0.05)
        np.testing.assert_allclose(found.boxes[0], wanted.boxes[0], atol=0.05)


@pytest.mark.parametrize(
    "name, arguments, message",
    [
        (
            "ssd64_small.tflite",
            {},
            "ssd64_small.tflite exists already; expected",
        ),
        ("model.lite", {}, "model.lite must end with .tflite"),
        ("ssd64_small.tflite/x.tflite", {}, "x.tflite cannot be made: "),
        (
            "new.tflite",
            {"quantization": "int4"},
            "unknown quantization 'int4'; known: none, float16, int8",
        ),
        (
            "new.tflite",
            {"quantization": "int8"},
            "quantization 'int8' needs representative images: about",
        ),
        (
            "new.tflite",
            {
                "quantization": "int8",
                "representative_images": np.zeros([2, 32, 64, 3]),
            },
            r"representative images must be \(64, 64, 3\), got \(32, 64, 3\)",
        ),
    ],
)
def test_errors_of_the_export(detector, float32, name, arguments, message):
    before = {p: p.read_bytes() for p in float32.parent.iterdir()}
    with pytest.raises(InputError, match=message):
        serving.export_litert(
            *(detector.config, detector.model, float32.parent / name),
            **arguments,
        )
    assert {p: p.read_bytes() for p in float32.parent.iterdir()} == before


def test_errors_of_the_predictor(float32, raw, tmp_path):
    content = float32.read_bytes()
    for name, found, message in [
        ("junk", b"junk", "junk is not a LiteRT model"),
        ("empty", b"", "empty is not a LiteRT model"),
        ("raw", raw.read_bytes(), "raw has no detections; expected an export"),
        (
            "bare",
            content[: content.rindex(b"PK\3\4")],
            "bare holds no labels.txt; expected an export of a detector whose",
        ),
    ]:
        (tmp_path / name).write_bytes(found)
        with pytest.raises(InputError, match=message):
            serving.predictor_of_litert(tmp_path / name)
    with pytest.raises(InputError, match="none cannot be read: No such file"):
        serving.predictor_of_litert(tmp_path / "none")


def test_without_the_extra(detector, float32, tmp_path, monkeypatch):
    for module in ("interpreter", "tools.flatbuffer_utils"):
        monkeypatch.setitem(sys.modules, f"ai_edge_litert.{module}", None)
    install = r'needs ai_edge_litert: pip install "ssd_tf\[litert\]"'
    with pytest.raises(InputError, match=f"a LiteRT export {install}"):
        serving.export_litert(
            detector.config, detector.model, tmp_path / "x.tflite"
        )
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InputError, match=f"reading {float32} {install}"):
        serving.predictor_of_litert(float32)
