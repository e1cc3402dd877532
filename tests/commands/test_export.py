"""The command export: from a run to files that the commands take."""

import dataclasses
import json
import shlex

import pytest
import tensorflow as tf
from PIL import Image

from ssd_tf import commands, serving


@pytest.fixture
def picture(tmp_path):
    """A file."""
    path = tmp_path / "picture.png"
    picture = Image.new("RGB", (80, 60), "navy")
    picture.paste("yellow", (20, 10, 50, 40))
    picture.save(path)
    return path


@pytest.mark.parametrize(
    "arguments, name, atol",
    [
        (["--format=onnx"], "ssd64_small.onnx", 1e-4),
        (
            ["--format=litert", "--quantization=int8"]
            + ["--data_dir={data}", "--representative_images=4"],
            "ssd64_small_int8.tflite",
            0.1,
        ),
    ],
)
def test_file_is_taken_by_detect(
    export,
    picture,
    small_module,
    shapes_dir,
    tmp_path,
    capsys,
    arguments,
    name,
    atol,
):
    path = tmp_path / "exports" / name
    status, out, _ = export(*(a.format(data=shapes_dir) for a in arguments))
    assert status == 0
    assert out.splitlines() == [
        f"exported {path}",
        "next:",
        f"  python -m ssd_tf detect --model={path} IMAGE.jpg "
        "--output_dir=detections",
    ]
    assert list(path.parent.iterdir()) == [path]
    assert path.stat().st_mode & 0o777 == 0o644
    with pytest.raises(SystemExit) as stopped:
        commands.main(
            ["detect", str(picture), f"--model={path}", "--json"]
            + ["--score_threshold=0"]
        )
    assert stopped.value.code == 0
    found = json.loads(capsys.readouterr().out)["detections"]
    wanted = small_module.detect_bytes(tf.constant([picture.read_bytes()]))
    best = float(wanted["detection_scores"][0, 0])
    assert found[0]["score"] == pytest.approx(best, abs=atol)
    assert len(found) > 100

    # Nothing is overwritten, and nothing half-written is left.
    before = path.read_bytes()
    status, out, err = export(*(a.format(data=shapes_dir) for a in arguments))
    assert (status, out) == (1, "")
    assert err[-1] == (
        f"error: {path} exists already; expected a file that is not there"
    )
    assert list(path.parent.iterdir()) == [path]
    assert path.read_bytes() == before


@pytest.fixture
def requests(monkeypatch):
    """Makes the export of every format keep what it is given, and no more."""
    kept = []

    for name, export_format in list(serving.EXPORT_FORMATS.items()):

        def export(request, name=name):
            kept.append(request)
            path = request.export_dir / name
            script = path / "run.sh" if name == "saved_model" else None
            return serving.Exported(
                path, path if request.options.get("nms", True) else None, script
            )

        monkeypatch.setitem(
            serving.EXPORT_FORMATS,
            name,
            dataclasses.replace(export_format, export=export),
        )
    return kept


def test_commands_quote_what_a_shell_would_split(export, requests, tmp_path):
    folder = tmp_path / "my exports"
    status, out, _ = export(f"--export_dir={folder}", "--nomulti_label")
    assert status == 0
    assert not requests[0].decoder.multi_label
    next_commands = out.splitlines()[2:]
    assert len(next_commands) == 2
    detect, serve = map(shlex.split, next_commands)
    assert detect[4] == f"--model={folder}/saved_model"
    assert serve == ["sh", f"{folder}/saved_model/run.sh"]


def test_raw_outputs(export, requests, tmp_path):
    """Nothing that detect takes."""
    status, out, _ = export("--format=onnx", "--nonms")
    assert (status, out) == (0, f"exported {tmp_path}/exports/onnx\n")
    assert requests[0].options["nms"] is False


def test_help_tells_where_an_option_has_an_effect(script):
    status, out, _ = script("export", "--help")
    text = " ".join(out.split())
    assert status == 0
    for part in (
        "Writes a SavedModel, a .tflite or an .onnx file.",
        "--[no]nms litert, onnx: Detect;",
        "--version=N saved_model: Version to write",
        "--representative_images=N --quantization=int8: Number of those",
        "--score_threshold=X Lowest score",
    ):
        assert part in text


def test_version_above_what_tensorflow_serving_reads(export, tmp_path):
    status, _, err = export(f"--version={2**63}")
    assert status == 1
    assert err[-1].startswith("error: --version=") and "[1, 922337" in err[-1]


@pytest.mark.parametrize(
    "arguments, message",
    [
        (
            ["--format=onnx", "--version=2"],
            "--version has no effect with --format=onnx; it is for "
            "--format=saved_model",
        ),
        (
            ["--format=litert", "--model_name=m"],
            "--model_name has no effect with --format=litert; it is for "
            "--format=saved_model",
        ),
        (
            ["--quantization=int8"],
            "--quantization has no effect with --format=saved_model; it is "
            "for --format=litert",
        ),
        (
            ["--nonms"],
            "--nms has no effect with --format=saved_model; it is for "
            "--format=litert and onnx",
        ),
        *(
            (
                ["--format=onnx", "--nonms", f"--{flag}=1"],
                f"--{flag} has no effect without --nms",
            )
            for flag in (
                "score_threshold",
                "nms_iou_threshold",
                "max_detections",
            )
        ),
        *(
            ([f"--{flag}=nan"], f"--{flag}=nan is no finite number")
            for flag in ("score_threshold", "nms_iou_threshold")
        ),
        (
            ["--format=litert", "--data_dir=x"],
            "--data_dir has no effect without --quantization=int8 or "
            "--warmup=real",
        ),
        (
            ["--format=litert", "--quantization=int8", "--data_dir={data}"]
            + ["--representative_split=trian"],
            "shapes: split 'trian' is missing; found: test, train",
        ),
    ],
)
def test_errors(export, shapes_dir, tmp_path, arguments, message):
    status, out, err = export(*(a.format(data=shapes_dir) for a in arguments))
    assert (status, out) == (1, "")
    assert err[-1] == f"error: {message}"
    assert not (tmp_path / "exports").exists()
