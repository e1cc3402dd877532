"""The formats of other projects' weights, told apart by their content."""

import dataclasses
import pathlib
from collections.abc import Callable

from ssd_tf.errors import InputError
from ssd_tf.weights import (
    archive,
    caffe,
    keras_hdf5,
    pytorch,
    tensorflow_checkpoint,
)
from ssd_tf.weights.weight_file import WeightFile, naming, read_bytes, shown

_HEAD_BYTES = 4096


@dataclasses.dataclass(frozen=True)
class Format:
    """One format: its mark, and what reads it.

    Attributes:
      title: for people, with the usual suffix.
      has_begin: tells the format from a file's first bytes.
      read: path -> weights; its errors do not name the path.
    """

    title: str
    has_begin: Callable[[bytes], bool]
    read: Callable[[pathlib.Path], WeightFile]


def _parsing(parse):
    return lambda path: parse(read_bytes(path))


FORMATS = {
    "pytorch": Format(
        "PyTorch (.pth)",
        lambda head: head.startswith((archive.MARK, pytorch.PICKLE_MARK)),
        _parsing(pytorch.parse),
    ),
    "caffe": Format("Caffe (.caffemodel)", caffe.is_net, _parsing(caffe.parse)),
    "keras": Format(
        "Keras (.h5)",
        lambda head: head.startswith(keras_hdf5.MARK),
        keras_hdf5.read,
    ),
    # Known by the end or by the files beside it.
    "tensorflow": Format(
        "TensorFlow (.ckpt)", lambda head: False, tensorflow_checkpoint.read
    ),
}


def detect_format(path) -> str:
    """The format of a weight file, from its content.

    Args:
      path: a file, or the prefix of a checkpoint's files.

    Returns:
      A key of `FORMATS`.

    Raises:
      InputError: there is no such file, or it has none of the formats.
    """
    path = pathlib.Path(path)
    with naming(path):
        if tensorflow_checkpoint.find_prefix(path) is not None:
            return "tensorflow"
        head = read_bytes(path, most=_HEAD_BYTES)
        for name, known in FORMATS.items():
            if known.has_begin(head):
                return name
        titles = [known.title for known in FORMATS.values()]
        raise InputError(
            f"begins with '{shown(head[:16].decode('latin1'))}', expected a "
            f"{', '.join(titles[:-1])} or {titles[-1]} weight file"
        )


def read(path) -> WeightFile:
    """The weights in a file of any known format.

    Nothing in a file is executed. Reading takes a small multiple of the
    file's size in memory at most.

    Args:
      path: a file, or the prefix of a checkpoint's files.

    Raises:
      InputError: it cannot be read; the message is one line and names it.
    """
    path = pathlib.Path(path)
    known = FORMATS[detect_format(path)]
    with naming(path):
        return known.read(path)
