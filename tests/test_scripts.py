"""train.py and export.py: from training to detections."""

import json
import os
import re
import signal

import pytest

from ssd_tf import commands, training
from ssd_tf.training import loop, reports

CLASSES = ["circle", "square", "star", "triangle"]


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
    script, shapes_dir, tmp_path, monkeypatch, capsys, caplog
):
    run_dir, exports = tmp_path / "runs/one", tmp_path / "exports"
    command = [
        *("train", f"--data_dir={shapes_dir}", f"--run_dir={run_dir}"),
        *("--steps=3", "--batch_size=2"),
    ]
    with monkeypatch.context() as patch:
        terminate_after(patch, 2)
        status, out, err = script(*command)
    assert status == 130 and out == ""
    assert err[-1] == "stopped; the same command goes on from here"
    run = training.RunDir(run_dir)
    assert run.latest_checkpoint().endswith("-2")
    assert not run.is_finished

    status, out, err = script(*command)
    assert status == 0
    assert "resumed at step 2" in caplog.messages
    assert run.is_finished
    table = re.findall(r"^(\S.*?)(?: \(absent\))?  +[\d.-]", out, re.MULTILINE)
    assert sorted(table) == sorted([*CLASSES, "all", "mAP@0.5", "COCO AP"])
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
    assert again.endswith(out)
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


def test_epochs_and_the_recipe_s_flags(
    script, shapes_dir, tmp_path, monkeypatch
):
    """3 epochs of 6 images in batches of 4 are 5 steps."""
    made = []

    class Run:
        def __init__(self, detector, train, source, run_dir):
            made.append((detector, train))
            raise KeyboardInterrupt

    monkeypatch.setattr(training, "TrainingRun", Run)
    status, _, _ = script(
        *("train", f"--data_dir={shapes_dir}", "--epochs=3", "--batch_size=4"),
        *("--learning_rate=0.25", "--weight_decay=0.125", "--eval_every=7"),
        *("--matcher=atss", "--preset=ssd300_mobilenet_v2", "--rotate_90"),
        *("--init_weights=none", "--seed=5", "--eval_split=test[:50%]"),
        *("--recipe=small_data", f"--run_dir={tmp_path / 'run'}"),
    )
    assert status == 130
    ((detector, train),) = made
    assert (detector.backbone, detector.matcher) == ("mobilenet_v2", "atss")
    assert detector.class_names == tuple(CLASSES)
    assert (train.steps, train.batch_size, train.eval_every) == (5, 4, 7)
    assert (train.learning_rate, train.weight_decay) == (0.25, 0.125)
    assert (train.rotate_90, train.flip_up_down) == (True, False)
    assert (train.seed, train.init_weights) == (5, "none")
    assert (train.train_split, train.eval_split) == ("train", "test[:50%]")
    assert (train.recipe, train.optimizer) == ("small_data", "adamw")
