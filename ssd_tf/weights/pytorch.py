"""PyTorch's `.pth` files, read without PyTorch.

Two formats: a zip archive of a pickle and its storages (since 1.6), and five
pickles followed by the storages (torch/serialization.py, `_load` and
`_legacy_load`).
"""

import io
import struct
from collections.abc import Callable
from typing import Any

import numpy as np

from ssd_tf.errors import InputError
from ssd_tf.weights import archive, pickles
from ssd_tf.weights.pickle_names import Storage, StoredTensor
from ssd_tf.weights.weight_file import (
    WeightFile,
    check_total,
    checked_name,
    count_values,
    shown,
)

PICKLE_MARK = b"\x80"
_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_COUNT = struct.Struct("<q")
_BYTE_ORDERS = {b"little": "<", b"big": ">"}
# Where training scripts put the state dict.
_WRAPPERS = ("model", "state_dict", "model_state_dict", "net", "weights")
_DATA_PARALLEL = "module."

_ReadStorage = Callable[[Storage], np.ndarray]


def parse(data: bytes) -> WeightFile:
    """The state dict in the bytes of a `.pth` file.

    Its arrays are views of the bytes wherever NumPy has the dtype.

    Raises:
      InputError: there is none, the file is damaged, or its pickle asks for
        something else than tensors, containers and numbers.
    """
    if data.startswith(archive.MARK):
        container, (content, read_storage) = "zip", _open_zip(data)
    else:
        container, (content, read_storage) = "legacy", _open_legacy(data)
    state, metadata = _find_state_dict(content)
    tensors, total = {}, 0
    for name, tensor in state.items():
        tensors[name] = _read_tensor(name, tensor, read_storage)
        total += tensors[name].nbytes
        check_total(total, len(data))
    return WeightFile("pytorch", tensors, {"container": container, **metadata})


def _open_zip(data) -> tuple[Any, _ReadStorage]:
    """The pickled object, and how to read its storages."""
    entries = archive.find_entries(data)
    names = [name for name in entries if name.endswith("/data.pkl")]
    if len(names) != 1:
        raise InputError(
            "is a zip archive without a data.pkl of PyTorch; if weights lie "
            "in it, unpack them"
        )
    folder = names[0].removesuffix("data.pkl")
    order = bytes(entries.get(f"{folder}byteorder", b"little"))
    if order not in _BYTE_ORDERS:
        raise InputError("has a byteorder that is neither little nor big")
    content = pickles.load(io.BytesIO(entries[names[0]]), "data.pkl")
    read: dict[str, np.ndarray] = {}

    def read_storage(storage):
        if storage.key not in read:
            name = f"{folder}data/{storage.key}"
            if name not in entries:
                raise InputError(f"has no storage {shown(storage.key)}")
            read[storage.key] = _values(
                entries[name], storage, _BYTE_ORDERS[order]
            )
        return read[storage.key]

    return content, read_storage


def _open_legacy(data) -> tuple[Any, _ReadStorage]:
    """The pickled object, and how to read its storages."""
    stream = io.BytesIO(data)
    for name, expected in (("magic", _MAGIC), ("protocol", _PROTOCOL)):
        found = pickles.load(stream, f"the {name} number")
        if type(found) is not int or found != expected:
            raise InputError(f"is a pickle without torch.save's {name} number")
    pickles.load(stream, "the system's description")
    storages: dict[str, Storage] = {}
    content = pickles.load(stream, "the pickle", storages)
    keys = pickles.load(stream, "the list of storages")
    if type(keys) is not list:
        raise InputError("has no list of storages")
    read = {}
    position = stream.tell()
    for key in keys:
        if type(key) is not str or key not in storages or key in read:
            raise InputError("has a list of other storages than its tensors'")
        # Little-endian on every machine, as the number before them.
        if position + _COUNT.size > len(data):
            raise InputError("is cut short: storages are missing")
        (size,) = _COUNT.unpack_from(data, position)
        position += _COUNT.size
        if size != storages[key].size:
            raise InputError("has storages of other sizes than its pickle's")
        values = _values(memoryview(data)[position:], storages[key], "<")
        read[key] = values
        position += size * _item_bytes(storages[key])
    return content, lambda storage: _part(read, storage)


def _part(read, storage):
    """The values of a storage, or of the part of it that is meant."""
    if storage.key not in read:
        raise InputError(f"has no storage {shown(storage.key)}")
    if storage.view is None:
        return read[storage.key]
    _, offset, size = storage.view
    values = read[storage.key][offset : offset + size]
    if len(values) != size:
        raise InputError("has a view beyond the end of its storage")
    return values


def _item_bytes(storage):
    return (
        2 if storage.dtype == "bfloat16" else np.dtype(storage.dtype).itemsize
    )


def _values(content, storage, order) -> np.ndarray:
    """The first `storage.size` values of the bytes."""
    size = storage.size
    if size * _item_bytes(storage) > len(content):
        raise InputError(f"is cut short in storage {shown(storage.key)}")
    if size == 0:
        bfloat16 = storage.dtype == "bfloat16"
        return np.zeros(0, "float32" if bfloat16 else storage.dtype)
    if storage.dtype == "bfloat16":
        # The upper half of a float32.
        halves = np.frombuffer(content, f"{order}u2", size)
        return (halves.astype("uint32") << 16).view("float32")
    if storage.dtype == "bool":
        return np.frombuffer(content, "uint8", size) != 0
    dtype = np.dtype(storage.dtype)
    values = np.frombuffer(content, dtype.newbyteorder(order), size)
    return values.astype(dtype, copy=False)


def _read_tensor(name, tensor, read_storage) -> np.ndarray:
    """A tensor as a view of its storage."""
    shape, strides, offset = tensor.shape, tensor.strides, tensor.offset
    if type(shape) is not tuple or type(strides) is not tuple:
        raise InputError(f"{shown(name)} has no valid shape")
    steps = (offset, *strides)
    if len(shape) != len(strides) or not all(
        type(step) is int and 0 <= step < 1 << 40 for step in steps
    ):
        raise InputError(f"{shown(name)} has no valid strides")
    count = count_values(name, shape)
    values = read_storage(tensor.storage)
    if count == 0:
        return np.zeros(shape, values.dtype)
    reach = [(size - 1) * stride for size, stride in zip(shape, strides)]
    if offset + sum(reach) >= len(values):
        raise InputError(
            f"{shown(name)} of shape {shape} and strides {strides} does not "
            f"fit into its storage of {len(values)} values"
        )
    return np.lib.stride_tricks.as_strided(
        values[offset:],
        shape,
        [stride * values.itemsize for stride in strides],
        writeable=False,
    )


def _find_state_dict(content) -> tuple[dict[str, StoredTensor], dict[str, Any]]:
    """The tensors by name, and the numbers and text that lie beside them."""
    if type(content) is not dict:
        raise InputError(
            f"holds a {type(content).__name__}; expected a state dict"
        )
    metadata = {
        key: value
        for key, value in content.items()
        if type(key) is str and type(value) in (bool, int, float, str)
    }
    state = content
    for key in _WRAPPERS:
        if _has_tensors(content.get(key)):
            state, metadata["wrapped_in"] = content[key], key
            break
    else:
        if not _has_tensors(content):
            state = _only_dict_of_tensors(content)
    tensors = {
        checked_name(name): value
        for name, value in state.items()
        if type(value) is StoredTensor
    }
    if all(name.startswith(_DATA_PARALLEL) for name in tensors):
        metadata["prefix"] = _DATA_PARALLEL
        tensors = {
            checked_name(name.removeprefix(_DATA_PARALLEL)): value
            for name, value in tensors.items()
        }
    return tensors, metadata


def _has_tensors(value) -> bool:
    return type(value) is dict and any(
        type(item) is StoredTensor for item in value.values()
    )


def _only_dict_of_tensors(content):
    # By identity: one dict may be there under a thousand names.
    inner = {id(value): value for value in content.values()}
    states = [value for value in inner.values() if _has_tensors(value)]
    if len(states) != 1:
        keys = ", ".join(shown(str(key)) for key in list(content)[:5])
        raise InputError(
            f"holds no state dict under {' or '.join(_WRAPPERS)}; it has: "
            f"{keys or 'nothing'}"
        )
    return states[0]
