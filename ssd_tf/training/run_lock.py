"""One run directory, one process: a lock that dies with its process."""

import contextlib
import os
import pathlib
import socket
import time
import weakref
from collections.abc import Callable
from typing import Any

from absl import logging

from ssd_tf.errors import InputError
from ssd_tf.files import writing

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

LOCK_FILE = "run.lock"
# Beginnings of the names that Linux has for file systems of several machines.
_SHARED = (
    *("nfs", "cifs", "smb", "9p", "afs", "ceph", "lustre", "gpfs", "beegfs"),
    *("fuse", "glusterfs", "orangefs", "ocfs2", "gfs2", "virtiofs"),
)


class RunLock:
    """The right to write to a run directory, held by one process at a time.

    The system gives it back when the process ends, by SIGKILL too. Other
    machines see it where their file system passes locks on; `take` says so in
    a line where that cannot be known.
    """

    def __init__(self, folder: pathlib.Path):
        self._path = folder / LOCK_FILE
        self._descriptor = -1
        self._close: Callable[[], Any] | None = None

    def take(self) -> None:
        """Takes the lock, if it is not held already.

        Raises:
          InputError: another one holds it, or it cannot be written.
        """
        if self._close is not None:
            return
        with writing(self._path):
            self._descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT)
        # With this object at the latest.
        self._close = weakref.finalize(self, os.close, self._descriptor)
        try:
            self._lock()
            with contextlib.suppress(OSError):  # who it is helps, no more
                os.truncate(self._descriptor, 0)
                os.write(self._descriptor, _who().encode())
        except BaseException:
            self._close()
            self._close = None
            raise

    def _lock(self) -> None:
        folder = self._path.parent
        try:
            if fcntl is None:
                raise OSError("no fcntl")
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = os.read(self._descriptor, 500).decode(errors="replace")
            raise InputError(
                f"{folder} is in use by {holder.strip() or 'another process'}; "
                "wait for its end, or choose another --run_dir"
            ) from error
        except OSError:
            logging.warning(
                "%s: the file system has no locks, so nothing keeps a second "
                "process out of this run; start no other in it",
                folder,
            )
            return
        kind = _file_system(folder)
        if kind.startswith(_SHARED):
            logging.warning(
                "%s is on %s: other processes of this machine are kept out of "
                "this run, those of other machines only if its server passes "
                "locks on",
                *(folder, kind),
            )

    def check(self) -> None:
        """Raises InputError if the directory is not the one that was locked."""
        if self._close is None:
            return
        own = os.fstat(self._descriptor)
        try:
            there = os.stat(self._path)
        except OSError:
            there = None
        if there is None or not os.path.samestat(own, there):
            raise InputError(
                f"{self._path.parent} is gone: it was removed or moved while "
                "the training ran; put it back, and the same command goes on "
                "from its last checkpoint"
            )

    def give_back(self) -> None:
        """Lets another process have it."""
        if self._close is not None:
            with contextlib.suppress(OSError):
                os.truncate(self._descriptor, 0)
            self._close()
            self._close = None


def _who() -> str:
    since = time.strftime("%Y-%m-%d %H:%M:%S")
    return f"process {os.getpid()} of {socket.gethostname()} since {since}\n"


def _file_system(folder: pathlib.Path) -> str:
    """The kind of the file system of a folder; empty where nobody tells."""
    try:
        mounts = pathlib.Path("/proc/self/mounts").read_text()
    except OSError:
        return ""
    return kind_of_mount(folder.resolve(), mounts)


def kind_of_mount(folder: pathlib.Path, mounts: str) -> str:
    """As /proc/self/mounts has it, for an absolute path."""
    kinds = {}
    for line in mounts.splitlines():
        _, place, kind, *_ = line.split(" ")
        place = place.encode().decode("unicode_escape")  # \040 is a space
        kinds[pathlib.Path(place)] = kind
    return next((kinds[p] for p in (folder, *folder.parents) if p in kinds), "")
