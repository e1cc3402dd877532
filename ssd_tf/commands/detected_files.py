"""The pictures and videos that the arguments of detect name."""

import glob
import pathlib
import sys
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ssd_tf.data import images
from ssd_tf.errors import InputError
from ssd_tf.files import first_line
from ssd_tf.serving.video import VIDEO_SUFFIXES, is_camera

# What detect writes, which is not to be looked at again.
OWN_MARK = "_detections"


class Given(NamedTuple):
    """A file; or an argument that names none, with the reason."""

    name: str
    error: InputError | None = None


def files_of(arguments: Iterable[str]) -> Iterator[Given]:
    """The files of folders, patterns and names on standard input, in order.

    A folder is those in it that look like pictures or videos, by name, but
    for those that detect has drawn. What names no file comes with an error.
    """
    for argument in arguments:
        if argument == "-":
            yield from files_of(_names_on_stdin())
            continue
        try:
            yield from map(Given, _files(argument))
        except InputError as error:
            yield Given(argument, error)


def _names_on_stdin() -> Iterator[str]:
    for line in sys.stdin:
        if name := line.rstrip("\r\n"):
            yield name if name != "-" else "./-"


def _files(argument: str) -> list[str]:
    """The files of one argument.

    Raises:
      InputError: a folder or a pattern has none.
    """
    place = pathlib.Path(argument)
    if is_camera(argument) or place.is_file():
        return [argument]
    if place.is_dir():
        return _files_in(place)
    if not place.exists() and glob.has_magic(argument):
        found = sorted(glob.glob(argument, recursive=True))
        if not found:
            raise InputError(f"{argument} matches no file")
        return [name for name in found if not pathlib.Path(name).is_dir()]
    return [argument]


def _files_in(folder: pathlib.Path) -> list[str]:
    suffixes = (*images.SUFFIXES, *VIDEO_SUFFIXES)
    try:
        found = sorted(
            str(path)
            for path in folder.iterdir()
            if path.suffix.lower() in suffixes
            and not path.name.startswith(".")
            and not path.stem.endswith(OWN_MARK)
        )
    except OSError as error:
        raise InputError(
            f"{folder} cannot be read: {first_line(error)}"
        ) from error
    if not found:
        raise InputError(f"{folder} holds no pictures and no videos")
    return found
