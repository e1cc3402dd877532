"""TensorFlow's checkpoints, such as those of SSD-Tensorflow.

Read by `tf.train.load_checkpoint`: both formats of TensorFlow 1 and the
variables of TensorFlow 2.
"""

import glob
import pathlib
import re

import tensorflow as tf

from ssd_tf.errors import InputError
from ssd_tf.weights.weight_file import (
    WeightFile,
    check_total,
    checked_name,
    count_values,
    shown,
)

# The end of every table of LevelDB, which an index is.
END_MARK = bytes.fromhex("57fb808b247547db")
_INDEX = ".index"
_DATA_SHARD = re.compile(r"\.data-\d{5}-of-\d{5}$")
_OBJECT_SUFFIX = "/.ATTRIBUTES/VARIABLE_VALUE"
# Counters of optimisers; their slots are told from the names.
_COUNTERS = re.compile(
    r"(^|/)(global_step|beta[12]_power|save_counter|iter|iteration)$"
)
_SLOT_MARK = ".OPTIMIZER_SLOT"


def find_prefix(path) -> pathlib.Path | None:
    """The checkpoint that a path belongs to, or None.

    Args:
      path: the prefix itself, its `.index` or a `.data` file, or the one file
        of the older format.
    """
    path = pathlib.Path(path)
    plain = _DATA_SHARD.sub("", path.name.removesuffix(_INDEX))
    if plain and path.with_name(f"{plain}{_INDEX}").is_file():
        return path.with_name(plain)
    return path if path.is_file() and _ends_as_table(path) else None


def read(path) -> WeightFile:
    """The variables of a checkpoint, sorted by name.

    Slots and counters of optimisers, the global step and what is not of
    numbers are left out.

    Raises:
      InputError: the checkpoint is damaged or incomplete.
    """
    prefix = find_prefix(path)
    if prefix is None:
        raise InputError("is no checkpoint: its .index file is missing")
    try:
        return _read(tf.train.load_checkpoint(str(prefix)), prefix)
    except InputError:
        raise
    except (tf.errors.OpError, LookupError, RuntimeError, ValueError) as error:
        reason = getattr(error, "message", str(error))
        raise InputError(f"cannot be read: {shown(reason)}") from error


def _read(reader, prefix) -> WeightFile:
    shapes = reader.get_variable_to_shape_map()
    dtypes = reader.get_variable_to_dtype_map()
    names = {_plain(name): name for name in sorted(shapes)}
    wanted = {
        checked_name(plain): name
        for plain, name in names.items()
        if _is_weight(plain, names) and _is_number(dtypes[name])
    }
    total = 0
    for plain, name in wanted.items():
        total += count_values(plain, shapes[name]) * dtypes[name].size
    check_total(total, _num_bytes(prefix))
    tensors = {plain: reader.get_tensor(name) for plain, name in wanted.items()}
    return WeightFile("tensorflow", tensors, {"variables": len(shapes)})


def _plain(name) -> str:
    return name.removesuffix(_OBJECT_SUFFIX)


def _is_weight(name, names) -> bool:
    """False for counters and for slots, which lie below their variable."""
    if _COUNTERS.search(name) or _SLOT_MARK in name:
        return False
    return name.rpartition("/")[0] not in names


def _is_number(dtype) -> bool:
    return dtype.is_floating or dtype.is_integer or dtype.is_bool


def _num_bytes(prefix) -> int:
    files = [prefix] if prefix.is_file() else []
    files += prefix.parent.glob(f"{glob.escape(prefix.name)}.data-*")
    return sum(file.stat().st_size for file in files)


def _ends_as_table(path) -> bool:
    with path.open("rb") as file:
        file.seek(max(path.stat().st_size - len(END_MARK), 0))
        return file.read() == END_MARK
