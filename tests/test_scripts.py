"""train.py and export.py: from training to detections, and as programs."""

import json
import os
import pathlib
import re
import signal
import subprocess
import sys

import pytest

from ssd_tf import PRESETS, commands, training
from ssd_tf.training import loop, reports

CLASSES = ["circle", "square", "star", "triangle"]
ROOT = pathlib.Path(__file__).parents[1]


def files(path):
    return {p: p.read_bytes() for p in path.rglob("*") if p.is_file()}


def terminate_after(monkeypatch, steps):
    """SIGTERM to this process while it reports that step."""
    monkeypatch.setattr(loop, "_REPORT_EVERY_STEPS", steps)
    monkeypatch.setattr(
        reports.Reporter,
        "training",
        lambda *args: os.kill(os.getpid(), signal.SIGTERM),
    )


def test_from_training_to_detection(
    script,
    shapes_dir,
    small_detector,
    small_backbone,
    tmp_path,
    monkeypatch,
    capsys,
    caplog,
):
    monkeypatch.setitem(PRESETS, "small", small_detector)
    run_dir, exports = tmp_path / "runs/one", tmp_path / "exports"
    command = [
        *(
            "train",
            "--dataset=shapes",
            f"--data_dir={shapes_dir}",
            f"--run_dir={run_dir}",
        ),
        *("--preset=small", "--steps=3", "--batch_size=2"),
    ]
    with monkeypatch.context() as patch:
        terminate_after(patch, 2)
        status, out, err = script(*command)
    assert status == 143 and out == ""
    assert err[-1] == "stopped; the same command goes on from step 2"
    run = training.RunDir(run_dir)
    assert run.latest_checkpoint().endswith("-2")
    assert not run.is_finished

    status, out, err = script(*command)
    assert status == 0
    assert "resumed at step 2" in caplog.messages
    assert run.is_finished
    table = re.findall(r"^(\S.*?)(?: \(absent\))?  +[\d.-]", out, re.MULTILINE)
    assert sorted(table) == sorted([*CLASSES, "all", "mAP@0.5", "COCO AP"])
    assert "\nstep 3: mAP@.5 " in out
    out, took = out.rsplit("\n\n", 1)
    assert re.fullmatch(
        r"took [\d.]+ s: [\d.]+% waiting for data, [\d.]+% evaluating, "
        r"[\d.]+% saving\n",
        took,
    )
    assert f"python export.py --run_dir={run_dir} --export_dir=" in out
    assert f"python -m ssd_tf detect --model={run_dir} " in out
    config = json.loads(run.config_file.read_text())
    assert config["class_names"] == CLASSES
    assert config["training"]["steps"] == 3
    lines = run.metrics_file.read_text().splitlines()
    metrics = [json.loads(line) for line in lines]
    assert [(m["step"], m["kind"]) for m in metrics] == [
        (3, "training"),
        (3, "evaluation"),
    ]

    # The same command again does not train, another one is refused.
    before = files(run_dir)
    status, again, _ = script(*command)
    assert status == 0
    assert f"{run_dir} is finished after 3 steps; give another" in again
    assert again.endswith(f"{out}\n")
    status, out, err = script(*command, "--learning_rate=0.5")
    assert status == 1 and out == ""
    assert re.fullmatch(
        f"error: {run_dir} holds a run with learning_rate=.*, but "
        "learning_rate=0.5 was asked for; choose another --run_dir",
        err[-1],
    )
    status, evaluated, _ = script(
        "train", "--mode=eval", f"--run_dir={run_dir}"
    )
    assert status == 0
    assert again.split("again\n")[1].startswith(evaluated)
    assert files(run_dir) == before

    status, out, err = script(
        "export", f"--run_dir={run_dir}", f"--export_dir={exports}"
    )
    assert status == 0
    assert f"exported {exports / 'one/1'}\n" in out
    assert f"python -m ssd_tf detect --model={exports / 'one'} " in out
    assert f"  sh {exports}/serving/docker_run.sh\n" in out
    picture = run.picture_file
    with pytest.raises(SystemExit) as stopped:
        commands.main(["detect", f"--model={exports}", "--json", str(picture)])
    assert stopped.value.code == 0
    assert json.loads(capsys.readouterr().out)["image"] == str(picture)


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--run_dir={t}/no"], "{t}/no is not a run directory: it has no"),
        (
            ["--run_dir={run}", "--model_name=m", "--version=1"],
            "{t}/m/1 exists already; expected",
        ),
        (
            ["--run_dir={run}", "--model_name=a/b"],
            "'a/b' cannot be the name of a model; give a --model_name of "
            "letters, digits, '_', '-' and '.', not of digits only",
        ),
        (
            ["--run_dir={run}", "--model_name=serving"],
            "'serving' is the folder of the model server's files; give "
            "another --model_name",
        ),
        (["--run_dir={run}", "x"], "unexpected argument 'x'"),
    ],
)
def test_errors_of_export(
    script, small_run, small_backbone, tmp_path, arguments, message
):
    (tmp_path / "m/1").mkdir(parents=True)
    places = {"t": tmp_path, "run": small_run}
    status, out, err = script(
        "export",
        f"--export_dir={tmp_path}",
        *(a.format(**places) for a in arguments),
    )
    assert (status, out) == (1, "")
    assert err[-1].startswith("error: ")
    assert message.format(**places) in err[-1]
    assert list(tmp_path.rglob("*")) == [tmp_path / "m", tmp_path / "m/1"]


def start(name, *arguments, cwd):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)  # tf2onnx sets it
    return subprocess.run(
        [sys.executable, ROOT / f"{name}.py", *arguments],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
    )


def test_error_of_train_as_a_program(tmp_path):
    done = start("train", "--dataset=voc_folder", "--data_dir=no", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout == ""
    # One line: TensorFlow, which was imported, has said nothing.
    assert done.stderr == ("error: no: folder is missing\n")
    assert list(tmp_path.iterdir()) == []


def test_export_as_a_program(tmp_path):
    done = start("export", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: --run_dir and --export_dir are required\n"
