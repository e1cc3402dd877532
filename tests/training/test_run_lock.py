"""One run directory, one process."""

import errno
import fcntl
import logging
import pathlib
import re
import subprocess
import sys

import pytest

from ssd_tf import InputError
from ssd_tf.training import run_lock
from ssd_tf.training.run_lock import RunLock

_HOLDER = """
import fcntl, sys
file = open(sys.argv[1], "w")
fcntl.flock(file, fcntl.LOCK_EX)
print("process 7 of host", file=file, flush=True)
print("held", flush=True)
sys.stdin.read()
"""


def test_it_dies_with_its_process(tmp_path):
    """By SIGKILL."""
    program = subprocess.Popen(
        [sys.executable, "-c", _HOLDER, str(tmp_path / run_lock.LOCK_FILE)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with program:
        assert program.stdout.readline() == "held\n"
        lock = RunLock(tmp_path)
        with pytest.raises(
            InputError,
            match=f"{re.escape(str(tmp_path))} is in use by process 7 of host;"
            " wait for its end, or choose another --run_dir$",
        ):
            lock.take()
        program.kill()
    lock.take()
    lock.take()  # it has it
    assert (tmp_path / "run.lock").read_text().startswith("process ")
    with pytest.raises(InputError, match="is in use by process"):
        RunLock(tmp_path).take()
    lock.give_back()
    RunLock(tmp_path).take()


def test_folder_that_went_away(tmp_path):
    folder = tmp_path / "run"
    folder.mkdir()
    lock = RunLock(folder)
    lock.check()  # nothing is held
    lock.take()
    lock.check()
    folder.rename(tmp_path / "moved")
    with pytest.raises(InputError, match="run is gone: it was removed or mo"):
        lock.check()
    folder.mkdir()
    (folder / run_lock.LOCK_FILE).touch()  # of another run
    with pytest.raises(InputError, match="run is gone: it was removed or mo"):
        lock.check()


def test_file_system_without_locks(tmp_path, monkeypatch, caplog):
    def flock(file, flags):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", flock)
    with caplog.at_level(logging.WARNING, logger="absl"):
        RunLock(tmp_path).take()
    (line,) = caplog.messages
    assert line == (
        f"{tmp_path}: the file system has no locks, so nothing keeps a second "
        "process out of this run; start no other in it"
    )


MOUNTS = """\
/dev/root / ext4 rw 0 0
server:/data /data nfs4 rw 0 0
tmpfs /data/my\\040runs tmpfs rw 0 0
sshfs /mnt/far fuse.sshfs rw 0 0
"""


@pytest.mark.parametrize(
    "folder, kind",
    [
        ("/home/me", "ext4"),
        ("/data/runs/one", "nfs4"),
        ("/data/my runs/one", "tmpfs"),
        ("/mnt/far", "fuse.sshfs"),
    ],
)
def test_kind_of_mount(folder, kind):
    assert run_lock.kind_of_mount(pathlib.Path(folder), MOUNTS) == kind


@pytest.mark.parametrize("kind, is_told", [("nfs4", True), ("ext4", False)])
def test_file_system_of_several_machines(
    tmp_path, monkeypatch, caplog, kind, is_told
):
    monkeypatch.setattr(run_lock, "_file_system", lambda folder: kind)
    with caplog.at_level(logging.WARNING, logger="absl"):
        RunLock(tmp_path).take()
    assert caplog.messages == is_told * [
        f"{tmp_path} is on nfs4: other processes of this machine are kept out "
        "of this run, those of other machines only if its server passes locks "
        "on"
    ]
