"""Model files: written whole or not at all, and never over another file."""

import contextlib
import os
import pathlib
import tempfile
from collections.abc import Iterator

from ssd_tf.errors import InputError


def check_new_file(path, suffix: str) -> pathlib.Path:
    """The path of a file that can be made.

    Args:
      path: of the file.
      suffix: what its name must end with, such as ".onnx".

    Raises:
      InputError: another suffix, something is there already, or its folder
        cannot be made.
    """
    path = pathlib.Path(path)
    if path.suffix != suffix:
        raise InputError(f"{path} must end with {suffix}")
    _refuse_existing(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"{path} cannot be made: {error.strerror}") from error
    return path


def write_new_file(path: pathlib.Path, content: bytes) -> None:
    """Writes a file beside its place and then moves it there.

    Raises:
      InputError: there is a file by now, or it cannot be written.
    """
    try:
        handle, name = tempfile.mkstemp(prefix=".tmp_", dir=path.parent)
        temporary = pathlib.Path(name)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
            temporary.chmod(0o644)  # mkstemp lets nobody else read it
            _refuse_existing(path)
            temporary.rename(path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(
            f"{path} cannot be written: {error.strerror}"
        ) from error


@contextlib.contextmanager
def new_folder(path: pathlib.Path) -> Iterator[None]:
    """Makes a folder and its parents for what is written in the block.

    After an error those that were made and are empty are removed.

    Raises:
      InputError: it cannot be made.
    """
    missing = [p for p in (path, *path.parents) if not os.path.exists(p)]
    try:
        try:
            path.mkdir(parents=True, exist_ok=True)
        except FileExistsError as error:
            raise InputError(f"{path} is a file, not a folder") from error
        except OSError as error:
            raise InputError(
                f"{path} cannot be made: {error.strerror}"
            ) from error
        yield
    except BaseException:
        for folder in missing:
            with contextlib.suppress(OSError):  # another one's export is in it
                folder.rmdir()
        raise


def first_line(error: Exception) -> str:
    """What went wrong, in one line."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return (str(error).splitlines() or [type(error).__name__])[0]


def _refuse_existing(path: pathlib.Path) -> None:
    if path.exists():
        raise InputError(
            f"{path} exists already; expected a file that is not there"
        )
