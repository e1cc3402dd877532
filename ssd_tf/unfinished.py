"""What is being written beside its place, and what a kill leaves of it."""

import contextlib
import os
import pathlib
import shutil
import tempfile
from collections.abc import Iterator

try:
    import fcntl
except ImportError:  # not on Windows
    fcntl = None  # type: ignore[assignment]

_PREFIX = ".ssd_tf_tmp_"


@contextlib.contextmanager
def unfinished_folder(parent: pathlib.Path) -> Iterator[pathlib.Path]:
    """A new folder in `parent`, to be renamed within the block.

    After an error it is removed; after a kill, by the next call there. A lock
    tells what a kill has left from what another process is writing; where the
    file system has none, leftovers stay.

    Raises:
      OSError: it cannot be made.
    """
    sweep(parent)
    folder = pathlib.Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    descriptor = _lock(folder)
    try:
        yield folder
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    finally:
        if descriptor is not None:
            os.close(descriptor)


def sweep(parent: pathlib.Path) -> None:
    """Removes the folders that processes which are gone have left."""
    for folder in parent.glob(f"{_PREFIX}*"):
        descriptor = _lock(folder)
        if descriptor is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(descriptor)


def _lock(folder: pathlib.Path) -> int | None:
    """An open descriptor that holds the lock; None if it cannot be had."""
    if fcntl is None:
        return None
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor
