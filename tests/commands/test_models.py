"""What --model takes; the files that work are in test_export_formats.py."""

import sys

import pytest

from ssd_tf import InputError
from ssd_tf.commands.models import load_predictor


@pytest.mark.parametrize(
    "name, message",
    [
        ("x.onnx", "does not exist; expected a run directory, a SavedModel, a"),
        ("junk.onnx", "{t}/junk.onnx is not an ONNX model"),
        ("junk.tflite", "{t}/junk.tflite is not a LiteRT model with one"),
        ("junk.pb", "is neither a run directory (it has no config.json) nor a"),
        # A folder may be called so.
        ("folder.onnx", "is neither a run directory (it has no config.json)"),
    ],
)
def test_not_a_model(tmp_path, name, message):
    (tmp_path / "folder.onnx").mkdir()
    for suffix in ("onnx", "pb", "tflite"):
        (tmp_path / f"junk.{suffix}").write_text("junk")
    with pytest.raises(InputError) as caught:
        load_predictor(str(tmp_path / name))
    assert message.format(t=tmp_path) in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    "name, module, message",
    [
        ("a.onnx", "onnxruntime", 'onnxruntime: pip install "ssd_tf[onnx]"'),
        (
            "a.tflite",
            "ai_edge_litert.interpreter",
            'ai_edge_litert: pip install "ssd_tf[litert]"',
        ),
    ],
)
def test_extra_that_is_not_installed(
    tmp_path, monkeypatch, name, module, message
):
    path = tmp_path / name
    path.write_bytes(b"")
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError) as caught:
        load_predictor(str(path))
    assert str(caught.value) == f"reading {path} needs {message}"
