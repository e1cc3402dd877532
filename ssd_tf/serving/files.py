"""Files of models: reading and writing, labels.txt, the packages they need.

A file is written whole or not at all, and never over another one.
"""

import contextlib
import importlib
import os
import pathlib
from collections.abc import Iterator, Sequence
from types import ModuleType

from ssd_tf.errors import InputError
from ssd_tf.unfinished import unfinished_folder

# Holds the names of the classes 1..C, one a line.
LABELS_FILE = "labels.txt"


def read_file(path: str | os.PathLike) -> bytes:
    """The content of a file; raises InputError where it cannot be read."""
    try:
        return pathlib.Path(path).read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error


def check_new_file(path, suffix: str) -> pathlib.Path:
    """The path of a file that can be made; makes its folder.

    Raises:
      InputError: it has another suffix, something is there already, or its
        folder cannot be made.
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
        with unfinished_folder(path.parent) as folder:
            temporary = folder / path.name
            temporary.write_bytes(content)
            _refuse_existing(path)
            temporary.rename(path)
            folder.rmdir()
    except OSError as error:
        raise InputError(
            f"{path} cannot be written: {error.strerror}"
        ) from error


@contextlib.contextmanager
def new_folder(path: pathlib.Path) -> Iterator[None]:
    """Makes a folder and its parents for what is written in the block.

    After an error those that were made and are empty are removed. Raises
    InputError if it cannot be made.
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


def labels_to_text(class_names: Sequence[str]) -> str:
    """The content of labels.txt."""
    return "".join(f"{name}\n" for name in class_names)


def labels_from_text(text: str) -> tuple[str, ...]:
    """The names of the classes in labels.txt."""
    return tuple(text.split("\n")[:-1])


def require(module: str, *, extra: str, purpose: str) -> ModuleType:
    """Imports a module of an extra, for a purpose like "reading model.onnx".

    Raises:
      InputError: it is not installed.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise InputError(
            f"{purpose} needs {module.split('.')[0]}: "
            f'pip install "ssd_tf[{extra}]"'
        ) from error


def _refuse_existing(path: pathlib.Path) -> None:
    if path.exists():
        raise InputError(
            f"{path} exists already; expected a file that is not there"
        )
