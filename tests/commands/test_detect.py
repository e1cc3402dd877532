"""`python -m ssd_tf detect`, in this process."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from ssd_tf import commands
from tests.weights.torch_files import FILES

ROOT = pathlib.Path(__file__).parents[2]


def records(lines):
    return [json.loads(line) for line in lines]


def test_every_form_of_a_model_gives_the_same(
    detect, photos, small_run, small_export, small_backbone
):
    found = {}
    for model in (small_run, small_export, small_export.parent):
        status, out, _ = detect(
            "--model", model, "--json", "--score_threshold=0.1", *photos
        )
        assert status == 0
        found[model] = records(out)
    one, other, parent = found.values()
    assert parent == other
    for left, right in zip(one, other, strict=True):
        assert left.keys() == right.keys()
        assert left["image"] == right["image"]
        assert len(left["detections"]) == len(right["detections"]) > 0
        for a, b in zip(left["detections"], right["detections"]):
            assert (a["class"], a["label"]) == (b["class"], b["label"])
            assert a["score"] == pytest.approx(b["score"], abs=1e-5)
            assert a["box"] == pytest.approx(b["box"], abs=1e-5)


def test_records(detect, photos, small_export):
    arguments = ["--model", small_export, "--json", *photos]
    _, out, _ = detect(*arguments, "--score_threshold=0")
    everything = records(out)
    assert [r["image"] for r in everything] == photos
    assert [(r["height"], r["width"]) for r in everything] == [
        (40, 60),
        (50, 30),
    ]
    detections = everything[0]["detections"]
    scores = [d["score"] for d in detections]
    assert scores == sorted(scores, reverse=True)
    names = ("circle", "square", "star", "triangle")
    for detection in detections:
        assert detection["class"] == names[detection["label"] - 1]
        ymin, xmin, ymax, xmax = detection["box"]
        assert 0 <= ymin <= ymax <= 1 and 0 <= xmin <= xmax <= 1
    # The printed scores are rounded: set it where there is a gap.
    gaps = -np.diff(scores)
    k = int(np.argmax(gaps))
    assert gaps[k] > 1e-4
    threshold = (scores[k] + scores[k + 1]) / 2
    _, out, _ = detect(*arguments, f"--score_threshold={threshold}")
    assert records(out)[0]["detections"] == [
        d for d in detections if d["score"] >= threshold
    ]
    _, out, _ = detect(*arguments, "--score_threshold=1")
    assert [r["image"] for r in records(out)] == photos
    assert {d["score"] for r in records(out) for d in r["detections"]} <= {1}


def test_pictures(detect, photos, small_export, tmp_path):
    folder = tmp_path / "new/folder"
    status, out, _ = detect(
        *("--model", small_export, "--output_dir", folder),
        *(*photos, "--score_threshold=0.1"),
    )
    assert (status, out) == (0, [])
    written = [folder / f"photo{n}_detections.jpg" for n in ("", "_2")]
    assert sorted(folder.iterdir()) == sorted(written)
    for path, source in zip(written, photos, strict=True):
        with Image.open(path) as drawn, Image.open(source) as original:
            assert drawn.size == original.size
            difference = np.asarray(drawn, int) - np.asarray(original, int)
            assert np.abs(difference).max() > 100


def test_full_disk(detect, photos, small_export, disk, fill_disk):
    """One line, and no half of a picture."""
    folder = disk / "pictures"
    folder.mkdir()
    with fill_disk():
        status, out, err = detect(
            *("--model", small_export, "--output_dir", folder, *photos)
        )
    assert (status, out) == (1, [])
    assert re.fullmatch(
        f"error: {folder}/photo_detections.jpg cannot be written: "
        "(No space left on device|File too large)",
        err[-1],
    )
    assert os.listdir(folder) == []


def test_input_is_never_overwritten(detect, photos, small_export, tmp_path):
    folder = tmp_path / "a"
    second = folder / "photo_detections.jpg"
    Image.new("RGB", (20, 20)).save(second)
    before = {p: p.read_bytes() for p in folder.iterdir()}
    status, _, _ = detect(
        "--model", small_export, "--output_dir", folder, photos[0], second
    )
    assert status == 0
    for path, content in before.items():
        assert path.read_bytes() == content
    assert len(list(folder.iterdir())) == 4


def test_bad_images_do_not_stop_the_others(
    detect, photos, small_export, tmp_path
):
    text = tmp_path / "text.jpg"
    text.write_text("not an image")
    missing = tmp_path / "missing.jpg"
    empty = tmp_path / "empty"
    empty.mkdir()
    status, out, err = detect(
        *("--model", small_export, "--json", "--output_dir", tmp_path / "out"),
        *(missing, photos[0], text, empty, photos[1]),
    )
    assert status == 1
    assert [r["image"] for r in records(out)] == photos
    assert len(list((tmp_path / "out").iterdir())) == 2
    errors = [line for line in err if line.startswith("error: ")]
    assert errors == [
        f"error: {missing} cannot be read: No such file or directory",
        f"error: {text} does not decode; expected a JPEG, PNG, GIF, "
        "BMP or WebP image",
        f"error: {empty} holds no pictures and no videos",
        f"error: 3 of 5 files could not be used: {missing}, {text}, {empty}",
    ]
    assert err[-1] == errors[-1]
    assert not any("Traceback" in line for line in err)


def test_looks_at_tiles_and_mirror_images(
    detect, photos, small_run, small_export, small_backbone
):
    """They find other things, and those of a run and an export agree."""
    plain = {}
    for look in ("", "--agnostic_nms", "--flip_average", "--tile=40"):
        found = []
        for model in (small_run, small_export):
            status, out, _ = detect(
                *("--model", model, "--json", "--score_threshold=0.02"),
                *filter(None, [look]),
                *photos,
            )
            assert status == 0
            found.append(records(out))
        plain[look] = found[0]
        if look == "--agnostic_nms":  # of an export, what its NMS left
            continue
        for one, other in zip(*found, strict=True):
            assert len(one["detections"]) == len(other["detections"]) > 0
            for a, b in zip(one["detections"], other["detections"]):
                assert a["score"] == pytest.approx(b["score"], abs=1e-4)
    for look in list(plain)[1:]:
        assert plain[look] != plain[""]
        # The picture is what is told about, not its tiles.
        assert [r["width"] for r in plain[look]] == [60, 30]
    status, everything, _ = detect(
        *("--model", small_export, "--json", photos[0], "--agnostic_nms"),
        *("--flip_average", "--tile=40", "--tile_overlap=0.5"),
    )
    assert status == 0 and len(everything) == 1


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--model={t}/x", "--json"], "--model={t}/x does not exist; expected"),
        (["--model={t}/a", "--json"], "is neither a run directory (it has"),
        (
            [f"--model={FILES / 'zip.pth'}", "--json"],
            "of which `python -m ssd_tf convert` makes a run directory",
        ),
        (["--model={t}/a/photo.png", "--json"], "is neither a run directory"),
        (["--model={export}"], "nothing to do: give --output_dir, --json or"),
        (
            ["--model={export}", "--json", "--tile_overlap=0.2"],
            "--tile_overlap has no effect without --tile",
        ),
        (
            ["--model={export}", "--output_dir={t}/a/photo.png"],
            "--output_dir={t}/a/photo.png cannot be made: File exists",
        ),
    ],
)
def test_errors(detect, photos, small_export, tmp_path, arguments, message):
    places = {"t": tmp_path, "export": small_export}
    status, out, err = detect(
        photos[0], *(a.format(**places) for a in arguments)
    )
    assert status == 1 and out == []
    (line,) = (line for line in err if not line.startswith("I0000"))
    assert line.startswith("error: ") and message.format(**places) in line


def test_run_without_checkpoint(detect, photos, small_run, tmp_path):
    shutil.copy(small_run / "config.json", tmp_path)
    status, _, err = detect("--model", tmp_path, "--json", *photos)
    assert status == 1
    assert err[-1] == f"error: {tmp_path} has no checkpoint yet; train it first"


def test_no_command(capsys):
    with pytest.raises(SystemExit) as stopped:
        commands.main([])
    assert stopped.value.code == 2
    assert "usage: python -m ssd_tf COMMAND" in capsys.readouterr().err


def test_as_a_program_it_says_what_it_found(photos, small_export):
    """TensorFlow, which looks for devices and makes a session, nothing."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)
    done = subprocess.run(
        [sys.executable, "-m", "ssd_tf", "detect", "--json"]
        + [f"--model={small_export}", *photos],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert [r["image"] for r in records(done.stdout.splitlines())] == photos
