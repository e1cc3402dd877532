"""Disks that are full, read-only or gone: what was saved stays good."""

import contextlib
import os
import pathlib
import types

import pytest

from ssd_tf import InputError
from ssd_tf.training import load_run, loop, reports
from ssd_tf.training.metrics_log import MetricsLog

NO_ROOM = "(No space left on device|File too large)"


def files(path):
    return {p: p.read_bytes() for p in path.rglob("*") if p.is_file()}


def test_disk_that_fills_up(start, fill_disk, disk, small_network, monkeypatch):
    """At step 3: said by the next save, not after all steps."""
    monkeypatch.setattr(loop, "_REPORT_EVERY_STEPS", 1)
    run, run_dir = start(disk / "run", steps=6)
    run.train(until=2)
    checkpoints = files(run_dir.checkpoints)
    with contextlib.ExitStack() as stack:
        monkeypatch.setattr(
            reports.Reporter,
            "training",
            lambda *args: stack.enter_context(fill_disk()),
        )
        with pytest.raises(
            InputError,
            match=f"/run.* ({NO_ROOM}|0.0 MB left on its disk, but a .*); the "
            "same command goes on from step 2$",
        ) as caught:
            run.train(until=3)
        assert "\n" not in str(caught.value)
        assert files(run_dir.checkpoints) == checkpoints
        load_run(run_dir.path, backbone=small_network)
        with pytest.raises(InputError, match=f"{NO_ROOM}|0.0 MB left on"):
            start(disk / "run", steps=6)
    monkeypatch.undo()
    run, _ = start(disk / "run", steps=6)
    assert run.step == 2
    assert run.train()["step"] == 6


def test_metrics_on_a_full_disk():
    """By the device that has no room for a byte."""
    log = MetricsLog(pathlib.Path("/dev/full"))
    with pytest.raises(
        InputError, match="^/dev/full cannot be written: No space left on dev"
    ):
        log.append({"step": 1})


def test_read_only_disk(start, tmp_path, read_only, small_network):
    """Refused before step 1, in one line; the run can be read."""
    run, run_dir = start("run", steps=4)
    run.train(until=2)
    before = files(run_dir.path)
    with read_only(run_dir.path):
        with pytest.raises(
            InputError,
            match="run.lock cannot be written: "
            "(Read-only file system|Permission denied)$",
        ):
            start("run", steps=4)
        load_run(run_dir.path, backbone=small_network)
    assert files(run_dir.path) == before
    run, _ = start("run", steps=4)
    assert run.train()["step"] == 4


def test_folder_that_vanishes(start, tmp_path, monkeypatch):
    monkeypatch.setattr(loop, "_REPORT_EVERY_STEPS", 3)
    run, run_dir = start("run", steps=6)
    run.train(until=2)
    moved = tmp_path / "moved"
    monkeypatch.setattr(
        reports.Reporter,
        "training",
        lambda *args: os.rename(run_dir.path, moved),
    )
    with pytest.raises(InputError, match="run is gone: it was removed or mov"):
        run.train(until=4)
    assert not run_dir.path.exists()
    monkeypatch.undo()
    run, run_dir = start("moved", steps=6)
    assert run.step == 2
    assert run.train()["step"] == 6


def test_there_must_be_room_for_checkpoints(start, tmp_path, monkeypatch):
    """Two are kept while the next is written; a resumed run has two."""

    def leave(checkpoints):
        (data,) = run_dir.checkpoints.glob("ckpt-2.data*")
        free = int(checkpoints * data.stat().st_size)
        usage = types.SimpleNamespace(total=10**9, free=free)
        monkeypatch.setattr("shutil.disk_usage", lambda path: usage)

    run, run_dir = start("run", steps=6)
    for step in (1, 2):
        run.train(until=step)
    leave(1.5)
    assert start("run", steps=6)[0].step == 2
    with pytest.raises(
        InputError,
        match=r"new has 0\.\d MB left on its disk, but 3 checkpoints need",
    ):
        start("new", steps=6)
    assert [p.name for p in (tmp_path / "new").iterdir()] == ["run.lock"]
    leave(4)
    start("new", steps=6)
