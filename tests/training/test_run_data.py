"""A run on data that go bad, and a resume on data that have changed."""

import dataclasses
import json
import os
import shutil

import numpy as np
import pytest
import tensorflow as tf

from ssd_tf.config import TrainConfig
from ssd_tf.data import images, shuffling
from ssd_tf.data.sources.voc_folder import VocFolder
from ssd_tf.data.usable_images import UsableImages
from ssd_tf.errors import InputError
from ssd_tf.training import RunDir, TrainingRun, Workers
from ssd_tf.training.batches import Batches
from ssd_tf.training.run_data import RunData
from tests.training.test_loop import checkpoint_of

BATCH_SIZE = 2
CLASSES = ("cat", "dog")
CONFIG = TrainConfig(
    train_split="train", eval_split="val", batch_size=BATCH_SIZE
)


@pytest.fixture
def start(tmp_path, small_detector, small_train, small_network):
    """(name, source, parts, **values of TrainConfig) -> run and `RunDir`."""

    def begin(name, source, *, parts=None, **values):
        run_dir = RunDir(tmp_path / name)
        run = TrainingRun(
            dataclasses.replace(
                small_detector, num_classes=2, class_names=CLASSES
            ),
            dataclasses.replace(
                small_train, train_split="train", eval_split="val", **values
            ),
            source,
            run_dir,
            **{"backbone": small_network, **(parts or {})},
        )
        return run, run_dir

    return begin


@pytest.fixture
def source(picture_folder):
    """8 images in both splits."""
    return picture_folder(*[True] * 8)


@pytest.fixture
def path(tmp_path):
    """Number of an image -> its file."""
    return lambda i: tmp_path / f"pictures/JPEGImages/image{i}.jpg"


@pytest.fixture
def data_of(tmp_path):
    """(source, **values) -> the `RunData` of a run directory that is there."""
    (tmp_path / "run").mkdir()

    def make(source, **values):
        workers = Workers(tf.distribute.get_strategy())
        run_dir = RunDir(tmp_path / "run")
        return RunData(source, CONFIG, run_dir, workers, **values)

    return make


def add_image(root):
    """One more image in the training split."""
    for folder, suffix in (("Annotations", "xml"), ("JPEGImages", "jpg")):
        shutil.copy(
            root / folder / f"image0.{suffix}", root / folder / f"new.{suffix}"
        )
    with (root / "ImageSets/Main/train.txt").open("a") as file:
        file.write("\nnew\n")


NEW = "split 'train': 8 images then, 9 now; 1 new (new.jpg)"


def test_an_image_that_is_deleted_on_the_way_costs_no_step(
    start, source, path, caplog
):
    """The weights are those of a run that never had it."""
    lost = shuffling.batch_positions(
        source, "train", batch_size=BATCH_SIZE, seed=0, step=3
    )[0]
    values = {"steps": 5, "parts": {"max_bad_images": 0.2}}
    run, run_dir = start("on_the_way", source, **values)
    assert run.train(until=1) is None
    path(lost).unlink()
    result = run.train()
    assert result["step"] == 5 and result["images_left_out"] == 1
    line = f"{path(lost)}: image is missing; left out"
    assert caplog.messages.count(line) == 2  # of each split
    for split in ("train", "val"):
        end = f"split {split!r}: left out 1 image ({path(lost)})"
        assert caplog.messages.count(end) == 1

    other, other_dir = start("from_the_start", source, **values)
    other.train()
    first, second = checkpoint_of(run_dir), checkpoint_of(other_dir)
    assert first.keys() == second.keys()
    for name, value in first.items():
        np.testing.assert_array_equal(value, second[name], err_msg=name)


def test_too_many_stop_a_run_that_goes_on_on_accepted_data(
    start, source, path, tmp_path
):
    run, run_dir = start("run", source, steps=9)
    run.train(until=2)
    intact = {i: path(i).read_bytes() for i in range(8)}
    for i in intact:
        path(i).write_bytes(b"")
    with pytest.raises(InputError, match="the image file is empty"):
        run.train()
    for i, content in intact.items():
        path(i).write_bytes(content)
    add_image(tmp_path / "pictures")
    changed = VocFolder(tmp_path / "pictures", class_names=CLASSES)
    with pytest.raises(InputError, match="was trained on other data: split"):
        start("run", changed, steps=9)
    again, _ = start(
        "run", changed, steps=9, parts={"accept_changed_data": True}
    )
    # Batches that were made before the files went bad are trained on.
    assert again.step >= 2
    assert again.train()["step"] == 9
    assert run_dir.is_finished


def test_too_many_bad_images_are_refused_before_anything_is_made(
    start, source, path, tmp_path
):
    path(3).unlink()
    with pytest.raises(InputError) as error:
        start("run", source)
    assert str(error.value) == (
        "1 of the 8 images of split 'train' cannot be used, more than"
        f" --max_bad_images=0.05 of them; the first is {path(3)}: image is"
        " missing"
    )
    assert not (tmp_path / "run").exists()


def test_files_are_looked_through_once(data_of, source, path, monkeypatch):
    read = []
    fault_of = images.fault_of

    def watched(encoded, **values):
        read.append(encoded)
        return fault_of(encoded, **values)

    monkeypatch.setattr(images, "fault_of", watched)
    first = data_of(source)
    first.scan()
    assert len(read) == 8  # both splits have the same files
    first.remember()
    os.utime(path(5), ns=(7, 7))
    read.clear()
    data_of(source).scan()
    assert read == [path(5).read_bytes()]


def test_an_error_that_no_image_explains_is_one_line(source):
    def read(step):
        return tf.io.read_file(f"/nowhere/{step}.jpg")

    batches = Batches(
        source,
        CONFIG,
        trainer=None,
        policy=(),
        image_size=64,
        workers=Workers(tf.distribute.get_strategy()),
        usable=UsableImages(source),
    )
    broken = tf.data.Dataset.from_tensors("gone").map(read)
    with pytest.raises(InputError) as error:
        next(batches.sound(broken, 0))
    message = str(error.value)
    assert message.startswith("an image of split 'train' cannot be read: ")
    assert "\n" not in message and "{{" not in message


@pytest.fixture
def begun(data_of, source, tmp_path):
    """A run directory with a checkpoint, of the data as they are."""
    data = data_of(source)
    data.remember()
    checkpoints = tmp_path / "run/checkpoints"
    checkpoints.mkdir()
    for suffix in ("index", "data-00000-of-00001"):
        (checkpoints / f"ckpt-1.{suffix}").write_bytes(b"weights")
    data.check()
    return RunDir(tmp_path / "run")


def test_a_resume_on_other_data_is_refused(begun, data_of, tmp_path, caplog):
    add_image(tmp_path / "pictures")
    changed = VocFolder(tmp_path / "pictures", class_names=CLASSES)
    before = begun.data_file.read_text()
    with pytest.raises(InputError) as error:
        data_of(changed).check()
    assert str(error.value) == (
        f"{begun.path} was trained on other data: {NEW}; choose another"
        " --run_dir, or --accept_changed_data to go on from its weights"
    )
    assert begun.data_file.read_text() == before
    accepting = data_of(changed, accept_changed=True)
    accepting.check()
    assert caplog.messages[-1] == f"goes on with other data: {NEW}"
    accepting.remember()
    data_of(changed).check()  # from then on these are its data


def test_a_run_without_a_checkpoint_takes_other_data(begun, data_of, tmp_path):
    shutil.rmtree(begun.checkpoints)
    add_image(tmp_path / "pictures")
    data_of(VocFolder(tmp_path / "pictures", class_names=CLASSES)).check()


@pytest.mark.parametrize("damage", [os.remove, lambda p: p.write_text("[")])
def test_a_run_without_a_record_says_so(begun, data_of, source, caplog, damage):
    damage(begun.data_file)
    data = data_of(source)
    data.check()
    assert caplog.messages[-1] == (
        f"{begun.path} has no record of the data it began with, as runs of"
        " earlier versions; those found now are taken for the same"
    )
    data.remember()
    assert json.loads(begun.data_file.read_text())["version"] == 1
