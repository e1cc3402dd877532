"""`python -m ssd_tf detect --save_labels`, in this process."""

import json
import shutil

import numpy as np
import pytest

from ssd_tf.data.sources import build_source


@pytest.fixture
def detect(script, small_run, small_backbone, photos, tmp_path):
    """Layout -> exit status, objects by image, last line of stderr."""

    def call(layout, *arguments):
        status, out, err = script(
            "detect",
            *(f"--model={small_run}", f"--save_labels={layout}", "--json"),
            *(f"--output_dir={tmp_path / 'out'}", "--score_threshold=0.1"),
            *(arguments or photos),
        )
        found = [json.loads(line) for line in out.splitlines()]
        return status, found, err[-1] if err else ""

    return call


def pixels(record):
    """The boxes of a line of --json in pixels."""
    sides = np.array([record["height"], record["width"]] * 2)
    return [(d["class"], d["box"] * sides) for d in record["detections"]]


def agree(record, objects, atol):
    assert len(record["detections"]) == len(objects) > 0
    for (name, box), item in zip(pixels(record), objects, strict=True):
        assert item.class_name == name
        np.testing.assert_allclose(item.box, box, atol=atol)


@pytest.mark.parametrize("layout, suffix", [("voc", "xml"), ("yolo", "txt")])
def test_a_file_for_each_picture(detect, photos, tmp_path, layout, suffix):
    status, found, _ = detect(layout)
    assert status == 0
    labels = tmp_path / "out/labels"
    names = {f"photo.{suffix}", f"photo_2.{suffix}"}
    names |= {"classes.txt"} if layout == "yolo" else set()
    assert {path.name for path in labels.iterdir()} == names
    # Label, train: with its picture beside it the folder can be read.
    shutil.copy(photos[0], labels / "photo.png")
    (labels / f"photo_2.{suffix}").unlink()
    source = build_source("folder", data_dir=str(labels))
    (raw,) = source.raw_images("all")
    if layout == "yolo":
        sides = (40, 60, 40, 60)
        objects = [
            item._replace(box=[v * s for v, s in zip(item.box, sides)])
            for item in raw.objects
        ]
        agree(found[0], objects, 0.01)
    else:
        agree(found[0], raw.objects, 0.501)
        assert all(float(v).is_integer() for o in raw.objects for v in o.box)


def test_one_file_for_all(detect, photos, tmp_path):
    status, found, _ = detect("coco")
    assert status == 0
    path = tmp_path / "out/labels/annotations.json"
    content = json.loads(path.read_text())
    assert [i["file_name"] for i in content["images"]] == ["photo.png"] * 2
    scores = [d["score"] for record in found for d in record["detections"]]
    assert [a["score"] for a in content["annotations"]] == scores
    assert {c["id"] for c in content["categories"]} == {1, 2, 3, 4}


def test_tasks(detect, tmp_path):
    status, found, _ = detect("label_studio")
    assert status == 0
    tasks = json.loads((tmp_path / "out/labels/tasks.json").read_text())
    assert len(tasks) == 2
    (prediction,) = tasks[1]["predictions"]
    assert len(prediction["result"]) == len(found[1]["detections"]) > 0


def test_nothing_is_overwritten(detect, tmp_path):
    assert detect("coco")[0] == 0
    before = (tmp_path / "out/labels/annotations.json").read_bytes()
    status, found, error = detect("coco")
    assert (status, found) == (1, [])
    assert error == (
        f"error: {tmp_path}/out/labels is not empty, and no labels are"
        " overwritten; give another --output_dir"
    )
    assert (tmp_path / "out/labels/annotations.json").read_bytes() == before


def test_pictures_that_fail_are_left_out(detect, photos, tmp_path):
    (tmp_path / "bad.jpg").write_bytes(b"no picture")
    status, _, _ = detect("coco", str(tmp_path / "bad.jpg"), photos[0])
    assert status == 1
    path = tmp_path / "out/labels/annotations.json"
    assert len(json.loads(path.read_text())["images"]) == 1


def test_without_a_folder(script, small_run):
    status, _, err = script(
        "detect", f"--model={small_run}", "--json", "--save_labels=voc", "x.jpg"
    )
    assert status == 1
    assert err[-1] == "error: --save_labels needs --output_dir"
