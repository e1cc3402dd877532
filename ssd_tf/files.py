"""Files: read with one clear error, written whole or not at all."""

import contextlib
import json
import os
import pathlib
from collections.abc import Iterator
from typing import Any

from ssd_tf.errors import InputError


def read_json(path: str | os.PathLike) -> Any:
    """The value in a JSON file.

    Raises:
      InputError: it cannot be read, or is not JSON.
    """
    try:
        return json.loads(pathlib.Path(path).read_bytes())
    except OSError as error:
        raise InputError(
            f"{path} cannot be read: {first_line(error)}"
        ) from error
    except (RecursionError, ValueError) as error:
        raise InputError(
            f"{path} is not valid JSON: {first_line(error)}"
        ) from error


def write_json(path: str | os.PathLike, value) -> None:
    """Writes JSON so that a reader sees the old or the new file, whole.

    Raises:
      InputError: it cannot be written.
    """
    write_bytes(path, (json.dumps(value, indent=2) + "\n").encode())


def write_bytes(path: str | os.PathLike, content: bytes) -> None:
    """As `write_json`, of any content."""
    with written_whole(path) as temporary, temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())  # or a power failure may leave it empty


@contextlib.contextmanager
def written_whole(path: str | os.PathLike) -> Iterator[pathlib.Path]:
    """A path beside `path`, to write to; it takes its place after the block.

    It has the same suffix. After an error nothing of it is left, and what was
    at `path` is there still.

    Raises:
      InputError: it cannot be written.
    """
    path = pathlib.Path(path)
    temporary = path.with_name(f".{path.stem}.tmp{path.suffix}")
    with writing(path):
        try:
            yield temporary
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise


@contextlib.contextmanager
def writing(path: str | os.PathLike) -> Iterator[None]:
    """A context in which the system's errors are an InputError about `path`."""
    try:
        yield
    except OSError as error:
        raise InputError(
            f"{path} cannot be written: {first_line(error)}"
        ) from error


def first_line(error: Exception) -> str:
    """The message of an error in one line."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return (str(error).splitlines() or [type(error).__name__])[0]
