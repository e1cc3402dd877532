"""The weights of another project's file, and limits that every reader keeps."""

import contextlib
import dataclasses
import math
import pathlib
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ssd_tf.errors import InputError

# VGG's SSD512 for 91 classes with two moments of Adam has 0.5 GB.
_MAX_FILE_BYTES = 4 << 30
_MAX_RANK = 32
_SMALL_BYTES = 1 << 20


@dataclasses.dataclass(frozen=True)
class WeightFile:
    """Weights as a file names and orders them.

    Attributes:
      format: a key of `ssd_tf.weights.formats.FORMATS`.
      tensors: name -> array, in the file's order and, as far as NumPy has
        them, in its dtypes: bfloat16 becomes float32. The arrays may be
        read-only and may share memory.
      metadata: what else the file says, such as versions and iteration.
    """

    format: str
    tensors: Mapping[str, np.ndarray]
    metadata: Mapping[str, Any]


@contextlib.contextmanager
def naming(path) -> Iterator[None]:
    """Puts the file's name before the InputError that reading it raises."""
    try:
        yield
    except InputError as error:
        raise InputError(f"{path}: {error}") from error
    except OSError as error:
        reason = shown(error.strerror or str(error))
        raise InputError(f"{path}: cannot be read: {reason}") from error


def read_bytes(path, *, most=None) -> bytes:
    """The bytes of a regular file of a bearable size.

    Args:
      path: the file.
      most: read no more than that many bytes of it.

    Raises:
      InputError: it is no file, or larger than weights are.
      OSError: it cannot be read.
    """
    path = pathlib.Path(path)
    if not path.is_file():  # a pipe or a device may never end
        raise InputError("no such file" if not path.exists() else "not a file")
    size = path.stat().st_size
    if size > _MAX_FILE_BYTES:
        raise InputError(
            f"has {size} bytes; weights have at most {_MAX_FILE_BYTES}"
        )
    with path.open("rb") as file:
        return file.read(size if most is None else min(size, most))


def shown(text: str) -> str:
    """Text from a file as one short printable line."""
    line = ascii(text)[1:-1]
    return line if len(line) <= 120 else f"{line[:117]}..."


def checked_name(name: Any) -> str:
    """A tensor's name; raises InputError if it cannot be printed."""
    if not isinstance(name, str) or not name or not name.isprintable():
        text = name if isinstance(name, str) else type(name).__name__
        raise InputError(
            f"has a tensor named '{shown(text)}'; expected printable text"
        )
    return name


def count_values(name: str, shape) -> int:
    """The number of values of a shape.

    Raises:
      InputError: it is no shape that an array may have.
    """
    if len(shape) > _MAX_RANK or not all(
        type(size) is int and 0 <= size < 1 << 40 for size in shape
    ):
        raise InputError(f"{shown(name)} has no valid shape")
    # An empty array may not have sides that only a zero makes possible.
    if math.prod(max(size, 1) for size in shape) >= 1 << 40:
        raise InputError(f"{shown(name)} has no valid shape")
    return math.prod(shape)


def check_total(num_bytes: int, file_bytes: int) -> None:
    """Raises InputError if tensors are much larger than their file.

    Shared and expanded tensors have more bytes than the file, compressed
    ones too, but never many times more in a file of weights.
    """
    if num_bytes > 4 * file_bytes + _SMALL_BYTES:
        raise InputError(
            f"asks for {num_bytes} bytes of tensors, but has {file_bytes} "
            "bytes itself"
        )
