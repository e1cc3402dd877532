"""A run on data that go bad, and a resume on data that have changed."""

import dataclasses
import json
import os
import shutil

import numpy as np
import pytest

from ssd_tf.data import images, shuffling
from ssd_tf.data.sources.voc_folder import VocFolder
from ssd_tf.errors import InputError
from ssd_tf.training import RunDir, TrainingRun, batches
from tests.training.test_loop import checkpoint_of

BATCH_SIZE = 2


@pytest.fixture
def start(tmp_path, small_detector, small_train, small_network):
    """(name, source, parts, **values of TrainConfig) -> run and `RunDir`."""

    def begin(name, source, *, parts=None, **values):
        run_dir = RunDir(tmp_path / name)
        detector_config = dataclasses.replace(
            small_detector, num_classes=2, class_names=source.class_names
        )
        values = {"train_split": "train", "eval_split": "val", **values}
        train_config = dataclasses.replace(small_train, **values)
        run = TrainingRun(
            *(detector_config, train_config, source, run_dir),
            **{"backbone": small_network, **(parts or {})},
        )
        return run, run_dir

    return begin


@pytest.fixture
def pictures(picture_folder, tmp_path):
    """A source of 8 images in both splits, and the path of one of them."""
    source = picture_folder(*[True] * 8)
    return source, lambda i: tmp_path / f"pictures/JPEGImages/image{i}.jpg"


HALF = {"max_bad_images": 0.5}


def replace_by_folder(path):
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    "spoil",
    [
        os.remove,
        replace_by_folder,
        lambda path: path.write_bytes(b"<html>not found</html>"),
        lambda path: path.write_bytes(path.read_bytes()[:60]),
    ],
    ids=["deleted", "folder", "html", "cut"],
)
def test_an_image_that_goes_bad_costs_no_step(start, pictures, spoil, caplog):
    """The weights are those of a run that knew of it from the start."""
    source, path = pictures
    lost = shuffling.batch_positions(
        source, "train", batch_size=BATCH_SIZE, seed=0, step=2
    )[0]
    parts = HALF
    run, run_dir = start("on_the_way", source, parts=parts, steps=5)
    assert run.train(until=1) is None
    spoil(path(lost))
    result = run.train()
    assert result["step"] == 5 and result["images_left_out"] == 1
    lines = [m for m in caplog.messages if m.endswith("; left out")]
    assert len(lines) == 2  # for each split that has it
    assert all(line.startswith(f"{path(lost)}: ") for line in lines)
    end = f"split 'train': left out 1 image ({path(lost)})"
    assert caplog.messages.count(end) == 1
    known = json.loads(run_dir.images_file.read_text())["files"]
    assert len(known) >= 7

    knowing, other_dir = start("from_the_start", source, parts=parts, steps=5)
    knowing.train()
    first, other = checkpoint_of(run_dir), checkpoint_of(other_dir)
    assert first.keys() == other.keys()
    for name, value in first.items():
        np.testing.assert_array_equal(value, other[name], err_msg=name)


def test_too_many_bad_images_are_refused_before_anything_is_made(
    start, pictures, tmp_path
):
    source, path = pictures
    path(3).unlink()
    with pytest.raises(InputError) as error:
        start("run", source)
    assert str(error.value) == (
        "1 of the 8 images of split 'train' cannot be used, more than"
        f" --max_bad_images=0.05 of them; the first is {path(3)}: image is"
        " missing"
    )
    assert not (tmp_path / "run").exists()


def test_too_many_on_the_way_stop_the_run_and_lose_no_step(start, pictures):
    source, path = pictures
    run, run_dir = start("run", source, steps=9)
    run.train(until=2)
    intact = {i: path(i).read_bytes() for i in range(8)}
    for i in intact:
        path(i).write_bytes(b"")
    with pytest.raises(InputError, match="the image file is empty"):
        run.train()
    for i, content in intact.items():
        path(i).write_bytes(content)
    again, _ = start("run", source, steps=9)
    # Batches that were made before are trained on.
    assert again.step >= 2
    assert again.train()["step"] == 9
    assert run_dir.is_finished


def test_files_are_looked_through_once(start, pictures, monkeypatch):
    source, path = pictures
    read = []
    fault_of = images.fault_of

    def watched(encoded, **values):
        read.append(encoded)
        return fault_of(encoded, **values)

    monkeypatch.setattr(images, "fault_of", watched)
    run, _ = start("run", source)
    assert len(read) == 8  # both splits have the same files
    run.train(until=1)
    os.utime(path(5), ns=(7, 7))
    read.clear()
    start("run", source)
    assert read == [path(5).read_bytes()]


def test_an_error_that_no_image_explains_ends_the_run(
    start, pictures, monkeypatch
):
    source, path = pictures
    run, _ = start("run", source, parts=HALF, steps=4)
    monkeypatch.setattr(
        batches.UsableImages, "find_more", lambda self, split, positions: False
    )
    for i in range(8):
        path(i).unlink()
    with pytest.raises(InputError) as error:
        run.train()
    message = str(error.value)
    assert message.startswith("an image of split 'train' cannot be read: ")
    assert "image" in message and "\n" not in message and "{{" not in message


def test_a_resume_on_other_data_is_refused(start, pictures, tmp_path, caplog):
    source, path = pictures
    run, run_dir = start("run", source, steps=3)
    run.train(until=1)
    root = tmp_path / "pictures"
    for folder, suffix in (("Annotations", "xml"), ("JPEGImages", "jpg")):
        shutil.copy(
            root / folder / f"image0.{suffix}", root / folder / f"new.{suffix}"
        )
    with (root / "ImageSets/Main/train.txt").open("a") as file:
        file.write("\nnew\n")
    changed = VocFolder(root, class_names=source.class_names)
    before = run_dir.data_file.read_text()
    with pytest.raises(InputError) as error:
        start("run", changed, steps=3)
    assert str(error.value) == (
        f"{run_dir.path} was trained on other data: split 'train': 8 images"
        " then, 9 now; 1 new (new.jpg); choose another --run_dir, or"
        " --accept_changed_data to go on from its weights"
    )
    assert run_dir.data_file.read_text() == before
    accepting = {"accept_changed_data": True}
    run, _ = start("run", changed, steps=3, parts=accepting)
    assert run.step == 1
    assert run.train()["step"] == 3
    assert (
        "goes on with other data: split 'train': 8 images then, 9 now; 1 new"
        " (new.jpg)" in caplog.messages
    )
    # From then on these are its data.
    start("run", changed, steps=3)


def test_a_run_without_a_checkpoint_takes_other_data(start, pictures, tmp_path):
    source, path = pictures
    start("run", source, steps=3)
    split = tmp_path / "pictures/ImageSets/Main/train.txt"
    split.write_text("image1\nimage2\n")
    changed = VocFolder(tmp_path / "pictures", class_names=source.class_names)
    run, _ = start("run", changed, steps=3)
    assert run.step == 0


@pytest.mark.parametrize("damage", [os.remove, lambda p: p.write_text("[")])
def test_a_run_without_a_record_says_so(start, pictures, caplog, damage):
    source, _ = pictures
    run, run_dir = start("run", source, steps=3)
    run.train(until=1)
    damage(run_dir.data_file)
    start("run", source, steps=3)
    assert (
        f"{run_dir.path} has no record of the data it began with, as runs of"
        " earlier versions; those found now are taken for the same"
    ) in caplog.messages
    assert json.loads(run_dir.data_file.read_text())["version"] == 1
