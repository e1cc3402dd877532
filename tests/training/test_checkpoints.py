"""Damaged checkpoint folders: nothing is lost, and nothing begins anew."""

import logging

import numpy as np
import pytest
import tensorflow as tf

from ssd_tf import InputError
from ssd_tf.training import checkpoints

STEPS = (3, 5, 7)


@pytest.fixture
def folder(tmp_path):
    """Checkpoints of steps 5 and 7, as a run keeps them."""
    path = tmp_path / "checkpoints"
    value = tf.Variable(np.arange(1000.0))
    manager = checkpoints.manage(tf.train.Checkpoint(v=value), path, None)
    for step in STEPS:
        value.assign_add(np.ones(1000))
        manager.save(checkpoint_number=step)
    return path


def steps_of(folder):
    return sorted(int(path.stem[5:]) for path in folder.glob("ckpt-*.index"))


def data_of(folder, step):
    return folder / f"ckpt-{step}.data-00000-of-00001"


def truncate(path):
    path.write_bytes(path.read_bytes()[:100])


def flip(path):
    """One bit in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def index_of(folder, step):
    return folder / f"ckpt-{step}.index"


DAMAGES = {
    "index gone": lambda folder, step: index_of(folder, step).unlink(),
    "index empty": lambda folder, step: index_of(folder, step).write_bytes(b""),
    "index truncated": lambda folder, step: truncate(index_of(folder, step)),
    "data gone": lambda folder, step: data_of(folder, step).unlink(),
    "data empty": lambda folder, step: data_of(folder, step).write_bytes(b""),
    "data truncated": lambda folder, step: truncate(data_of(folder, step)),
    "data changed": lambda folder, step: flip(data_of(folder, step)),
}
STATES = {
    "gone": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "garbage": lambda path: path.write_bytes(b"\xff\x00 no state"),
}


@pytest.fixture(params=DAMAGES)
def damage(request):
    return DAMAGES[request.param]


def test_newest_is_taken(folder, caplog):
    assert checkpoints.newest(folder) == folder / "ckpt-7"
    assert steps_of(folder) == [5, 7]
    assert caplog.messages == []


@pytest.mark.parametrize("state", STATES)
def test_state_file_is_not_needed(folder, state):
    STATES[state](folder / "checkpoint")
    assert checkpoints.newest(folder) == folder / "ckpt-7"


def test_damaged_one_is_skipped_and_named(folder, damage, caplog):
    damage(folder, 7)
    with caplog.at_level(logging.WARNING, logger="absl"):
        assert checkpoints.newest(folder) == folder / "ckpt-5"
    (line,) = caplog.messages
    assert line.startswith(f"skipped {folder}/ckpt-7 (")
    assert line.endswith(f"), taking {folder}/ckpt-5")
    assert "\n" not in line


@pytest.mark.parametrize("state", [None, *STATES])
def test_intact_one_outlives_the_next_save(folder, damage, state):
    damage(folder, 7)
    if state:
        STATES[state](folder / "checkpoint")
    value = tf.Variable(np.zeros(1000))
    checkpoint = tf.train.Checkpoint(v=value)
    restored = checkpoints.newest(folder)
    manager = checkpoints.manage(checkpoint, folder, restored)
    manager.save(checkpoint_number=6)
    assert steps_of(folder) == [5, 6]  # that of 7 went before
    manager.save(checkpoint_number=7)
    assert steps_of(folder) == [6, 7]
    assert checkpoints.newest(folder) == folder / "ckpt-7"
    assert tf.train.latest_checkpoint(folder) == str(folder / "ckpt-7")


def test_none_can_be_read(folder, damage):
    damage(folder, 7)
    damage(folder, 5)
    before = {path: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(InputError, match="none of the checkpoints") as caught:
        checkpoints.newest(folder)
    for step in (5, 7):
        assert f"{folder}/ckpt-{step} (" in str(caught.value)
    assert "\n" not in str(caught.value)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_all_files_gone_but_the_state(folder):
    for path in folder.glob("ckpt-*"):
        path.unlink()
    with pytest.raises(InputError, match="their files are gone"):
        checkpoints.newest(folder)


def test_folder_that_is_a_file(tmp_path):
    (tmp_path / "checkpoints").write_text("")
    with pytest.raises(InputError, match="checkpoints cannot be read: Not a"):
        checkpoints.newest(tmp_path / "checkpoints")


def killed_while_saving(folder, step):
    """The data have their name already, the index has not."""
    folder.mkdir(exist_ok=True)
    parts = folder / f"ckpt-{step}_temp"
    parts.mkdir()
    (parts / "part-00000-of-00001.index").write_bytes(b"half")
    data_of(folder, step).write_bytes(b"data")
    for name in (f"ckpt-{step}.index.tempstate123", "checkpoint.tmp0a1b"):
        (folder / name).write_bytes(b"")


def test_leftovers_of_a_killed_save_are_swept(folder):
    before = {path: path.read_bytes() for path in folder.iterdir()}
    killed_while_saving(folder, 9)
    (folder / "notes.txt").write_text("keep")
    restored = checkpoints.newest(folder)
    assert restored == folder / "ckpt-7"
    checkpoints.sweep(folder, restored)
    assert (folder / "notes.txt").read_text() == "keep"
    (folder / "notes.txt").unlink()
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_whole_checkpoint_beside_its_leftovers_is_kept(folder):
    (folder / "ckpt-7_temp").mkdir()
    checkpoints.sweep(folder, checkpoints.newest(folder))
    assert steps_of(folder) == [5, 7]
    assert not (folder / "ckpt-7_temp").exists()


def test_killed_in_the_first_save(tmp_path):
    """Nothing was saved, so nothing is refused."""
    killed_while_saving(tmp_path, 2)
    assert not checkpoints.were_saved(tmp_path)
    assert checkpoints.newest(tmp_path) is None
    checkpoints.sweep(tmp_path, None)
    assert list(tmp_path.iterdir()) == []
