"""train.py and export.py: what is refused, and the programs themselves."""

import os
import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]


@pytest.fixture
def cells(tmp_path):
    """A folder of two classes with a picture that no test reads."""
    root = tmp_path / "cells"
    for folder in ("Annotations", "ImageSets/Main", "JPEGImages"):
        (root / folder).mkdir(parents=True)
    for split, name in (("train", "RBC"), ("val", "WBC")):
        (root / f"ImageSets/Main/{split}.txt").write_text(split)
        (root / f"JPEGImages/{split}.jpg").write_bytes(b"")
        (root / f"Annotations/{split}.xml").write_text(
            "<annotation><size><width>9</width><height>9</height></size>"
            f"<object><name>{name}</name><bndbox><xmin>1</xmin><ymin>1</ymin>"
            "<xmax>8</xmax><ymax>8</ymax></bndbox></object></annotation>"
        )
    return root


FOLDER = ["--dataset=voc_folder", "--data_dir={cells}"]


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--dataset=voc_folder"], "voc_folder needs data_dir: a folder with"),
        (
            ["--dataset=voc_folder", "--data_dir={cells}/no"],
            "{cells}/no: folder is missing; a VOC folder has Annotations",
        ),
        (
            [*FOLDER, "--train_split=all"],
            "{cells}/ImageSets/Main/all.txt: split 'all' is missing; found: "
            "train, val",
        ),
        (
            [*FOLDER, "--eval_split=test"],
            "split 'test' is missing; found: train, val",
        ),
        (
            [*FOLDER, "--class_names=RBC"],
            "{cells}/Annotations/val.xml: unknown class 'WBC'; known: RBC",
        ),
        (
            [*FOLDER, "--class_names=RBC,WBC,RBC"],
            "a class is named twice: RBC, WBC, RBC",
        ),
        (
            [*FOLDER, "--num_classes=3"],
            "--num_classes=3 contradicts voc_folder, which has 2 classes: "
            "RBC, WBC",
        ),
        (
            [*FOLDER, "--steps=3", "--epochs=2"],
            "give --steps or --epochs, not both",
        ),
        ([*FOLDER, "--epochs=0"], "--epochs must be above 0, got 0.0"),
        ([*FOLDER, "--epochs=nan"], "--epochs must be above 0, got nan"),
        (
            [*FOLDER, "--init_weights={cells}"],
            "{cells} is not a run directory: it has no config.json",
        ),
        (
            [*FOLDER, "--init_weights=imagenet"],
            "'tiny' has no ImageNet weights; it trains from scratch",
        ),
        ([*FOLDER, "steps=3"], "unexpected argument 'steps=3'; expected flags"),
        (["--mode=eval"], "run is not a run directory: it has no config.json"),
    ],
)
def test_errors_of_train(script, cells, tmp_path, arguments, message):
    """Exit status 1, one line, and nothing written."""
    status, out, err = script(
        "train",
        f"--run_dir={tmp_path / 'run'}",
        *(a.format(cells=cells) for a in arguments),
    )
    assert (status, out) == (1, "")
    assert [line for line in err if line.startswith("error: ")] == err[-1:]
    assert message.format(cells=cells) in err[-1]
    assert [p.name for p in tmp_path.iterdir()] == ["cells"]


def test_shapes_of_other_classes(script, shapes_dir, tmp_path):
    status, _, err = script(
        *("train", f"--data_dir={shapes_dir}", "--num_classes=3"),
        f"--run_dir={tmp_path / 'run'}",
    )
    assert status == 1 and list(tmp_path.iterdir()) == []
    assert err[-1] == (
        "error: --num_classes=3 contradicts shapes, which has 4 classes: "
        "circle, square, star, triangle"
    )


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
    return subprocess.run(
        [sys.executable, ROOT / f"{name}.py", *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )


def test_error_of_the_program(tmp_path):
    done = start("train", "--dataset=voc_folder", "--data_dir=no", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.splitlines()[-1] == (
        "error: no: folder is missing; a VOC folder has Annotations, "
        "ImageSets/Main, JPEGImages"
    )
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_help_names_every_flag(tmp_path):
    done = start("train", "--helpshort", cwd=tmp_path)
    source = (ROOT / "ssd_tf/commands/train.py").read_text()
    names = re.findall(r'flags\.DEFINE_\w+\(\s*"(\w+)"', source)
    assert {
        *("preset", "num_classes", "dataset", "data_dir", "train_split"),
        *("eval_split", "run_dir", "recipe", "batch_size", "steps", "epochs"),
        *("learning_rate", "matcher", "init_weights", "eval_every", "seed"),
        "mode",
    } <= set(names)
    for name in names:
        assert re.search(rf"^ +--(\[no\])?{name}:", done.stdout, re.M), name
