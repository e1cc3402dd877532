"""The files of a run."""

import dataclasses
import json

import pytest

from ssd_tf import PRESETS, InputError, TrainConfig
from ssd_tf.training import RunDir

NAMES = ("RBC", "WBC", "Platelets")  # not in alphabetical order
DETECTOR = dataclasses.replace(
    PRESETS["ssd300_tiny"],
    num_classes=3,
    class_names=NAMES,
    matcher_params=(("iou_threshold", 0.6),),
)
TRAIN = TrainConfig(
    dataset="voc_folder", data_dir="cells", decay_steps=(3, 5), seed=7
)


@pytest.fixture
def run_dir(tmp_path):
    run = RunDir(tmp_path / "runs/cells")
    run.create(DETECTOR, TRAIN)
    return run


def files(path):
    return {p: p.read_bytes() for p in path.rglob("*") if p.is_file()}


def test_config_json_rebuilds_both_configurations(run_dir):
    assert RunDir(str(run_dir.path)).read_configs() == (DETECTOR, TRAIN)
    written = json.loads(run_dir.config_file.read_text())
    assert written["class_names"] == list(NAMES)
    assert written["num_classes"] == 3
    assert written["image_size"] == 300
    assert written["training"]["decay_steps"] == [3, 5]
    fields = {f.name for f in dataclasses.fields(DETECTOR)}
    assert set(written) == fields | {"training"}
    assert set(written["training"]) == {
        f.name for f in dataclasses.fields(TRAIN)
    }


def test_same_configuration_is_taken_again(run_dir):
    before = files(run_dir.path)
    run_dir.create(DETECTOR, TRAIN)
    assert files(run_dir.path) == before


@pytest.mark.parametrize(
    "detector, train, message",
    [
        (
            dict(class_names=("WBC", "RBC", "Platelets")),
            {},
            r"class_names=\('RBC', 'WBC', 'Platelets'\), but "
            r"class_names=\('WBC', 'RBC', 'Platelets'\) was asked for; choose",
        ),
        ({}, dict(seed=8), "seed=7, but seed=8 was asked for; choose another"),
        (
            dict(matcher="atss", matcher_params=()),
            dict(steps=5),
            r"matcher='ssd', but matcher='atss' was asked for "
            r"\(and matcher_params, steps\); choose another --run_dir",
        ),
    ],
)
def test_another_configuration_is_refused(run_dir, detector, train, message):
    save(run_dir)
    before = files(run_dir.path)
    with pytest.raises(InputError, match=message):
        run_dir.create(
            dataclasses.replace(DETECTOR, **detector),
            dataclasses.replace(TRAIN, **train),
        )
    assert files(run_dir.path) == before


def save(run_dir):
    """As if a checkpoint had been saved, whatever has become of it."""
    run_dir.checkpoints.mkdir()
    (run_dir.checkpoints / "checkpoint").write_text("")


def test_run_that_saved_nothing_takes_another_configuration(run_dir):
    """As after a learning rate at which the first steps were not finite."""
    run_dir.write_source({"project": "torchvision"})
    run_dir.metrics.append({"step": 20, "kind": "training"})
    train = dataclasses.replace(TRAIN, learning_rate=1e-5)
    assert run_dir.needs_training(train)
    run_dir.check(DETECTOR, train)
    assert run_dir.read_configs() == (DETECTOR, TRAIN)
    run_dir.create(DETECTOR, train)
    assert run_dir.read_configs() == (DETECTOR, train)
    assert run_dir.read_source() is None  # of the first start's weights


def test_weights_of_the_best_evaluation_alone_are_not_lost(run_dir):
    run_dir.best.mkdir()
    (run_dir.best / "ckpt-3.index").write_bytes(b"")
    with pytest.raises(InputError, match="choose another --run_dir"):
        run_dir.check(DETECTOR, dataclasses.replace(TRAIN, seed=8))


def test_what_may_change_is_noted(run_dir):
    save(run_dir)
    train = dataclasses.replace(TRAIN, on_nan="skip", patience=3, eval_every=5)
    with pytest.raises(InputError, match="eval_every=0, but eval_every=5 was"):
        run_dir.create(DETECTOR, train)
    train = dataclasses.replace(TRAIN, on_nan="skip")
    run_dir.create(DETECTOR, train)
    assert run_dir.read_configs() == (DETECTOR, train)


def test_check_writes_nothing(tmp_path):
    RunDir(tmp_path / "new").check(DETECTOR, TRAIN)
    assert list(tmp_path.iterdir()) == []


def test_folder_of_something_else_is_refused(tmp_path):
    (tmp_path / "thesis.txt").write_text("keep")
    with pytest.raises(InputError, match="is not empty and has no config"):
        RunDir(tmp_path).create(DETECTOR, TRAIN)
    assert [p.name for p in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("inside", ["", "run"])
def test_file_in_the_way_is_refused(tmp_path, inside):
    (tmp_path / "file").write_text("keep")
    with pytest.raises(InputError, match=f"file/?{inside} "):
        RunDir(tmp_path / "file" / inside).create(DETECTOR, TRAIN)
    assert (tmp_path / "file").read_text() == "keep"


def test_empty_folder_is_taken(tmp_path):
    RunDir(tmp_path).create(DETECTOR, TRAIN)
    assert [p.name for p in tmp_path.iterdir()] == ["config.json"]


@pytest.mark.parametrize(
    "text, message",
    [
        ('{"backbone": "ti', "config.json is not valid JSON"),
        ("7", "does not describe a detector"),
        ("[]", "does not describe a detector"),
        ("{}", "does not describe a detector: 'training'"),
        ('{"training": {"speed": 1}}', "does not describe .* 'speed'"),
        ('{"training": {}, "backbone": "tiny"}', "does not describe"),
    ],
)
def test_broken_config(run_dir, text, message):
    run_dir.config_file.write_text(text)
    for use in (run_dir.read_configs, lambda: run_dir.create(DETECTOR, TRAIN)):
        with pytest.raises(InputError, match=message):
            use()
    assert run_dir.config_file.read_text() == text


def test_no_run_directory(tmp_path):
    with pytest.raises(InputError, match="nowhere is not a run directory"):
        RunDir(tmp_path / "nowhere").read_configs()


def test_metrics_of_repeated_steps_are_forgotten(run_dir):
    run_dir.metrics.forget_after(0)  # nothing there yet
    assert not run_dir.metrics_file.exists()
    for step in (20, 40, 60):
        run_dir.metrics.append({"step": step, "kind": "training"})
    with run_dir.metrics_file.open("a") as file:
        file.write('7\n{"kind": "training"}\n{"step": 40, "ki')
    run_dir.metrics.forget_after(40)
    run_dir.metrics.append({"step": 60, "kind": "training"})
    lines = run_dir.metrics_file.read_text().splitlines()
    assert [json.loads(line)["step"] for line in lines] == [20, 40, 60]


def test_damaged_metrics_are_kept_beside(run_dir, caplog):
    run_dir.metrics.append({"step": 20, "kind": "training"})
    good = run_dir.metrics_file.read_bytes()
    damaged = b"\xff\xfe\n[]\n" + good + b'{"step": 40, "ki'
    run_dir.metrics_file.write_bytes(damaged)
    run_dir.metrics.forget_after(40)
    assert run_dir.metrics_file.read_bytes() == good
    (kept,) = run_dir.path.glob("metrics.jsonl.damaged_*")
    assert kept.read_bytes() == damaged
    (line,) = caplog.messages
    assert line.endswith(
        f"metrics.jsonl: 3 lines are damaged and left out; it is kept as "
        f"{kept.name}"
    )


def test_config_that_is_a_folder(tmp_path):
    (tmp_path / "config.json").mkdir()
    with pytest.raises(
        InputError, match="config.json cannot be read: Is a directory$"
    ):
        RunDir(tmp_path).read_configs()


def test_finished_and_checkpoint(run_dir):
    assert not run_dir.is_finished
    assert run_dir.latest_checkpoint() is None
