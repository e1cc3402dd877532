"""The names that a pickle of weights may ask for, and what stands for them.

Nothing named here is imported: tensors become descriptions, parameters their
tensors, ordered dicts plain ones, and NumPy's numbers Python's.
"""

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np

from ssd_tf.errors import InputError

# PyTorch's names of storages, and the dtypes of their values.
_STORAGES = {
    "HalfStorage": "float16",
    "BFloat16Storage": "bfloat16",
    "FloatStorage": "float32",
    "DoubleStorage": "float64",
    "CharStorage": "int8",
    "ShortStorage": "int16",
    "IntStorage": "int32",
    "LongStorage": "int64",
    "ByteStorage": "uint8",
    "BoolStorage": "bool",
}
STORAGE_DTYPES = {
    f"{module}.{name}": dtype
    for module in ("torch", "torch.cuda")
    for name, dtype in _STORAGES.items()
}
# Larger numbers may be chosen to collide in a dict, which then takes hours.
_MAX_KEY_BITS = 60
_MAX_ENCODED = 64  # bytes of a number


@dataclasses.dataclass(frozen=True)
class Name:
    """A class or function that a pickle names."""

    name: str


@dataclasses.dataclass(frozen=True)
class Storage:
    """A run of values that lies elsewhere in the file.

    Attributes:
      dtype: a value of `STORAGE_DTYPES`.
      key: its name in the file.
      size: number of values.
      view: None, or (key, offset, size) of the part of it that is meant, in
        the oldest files.
    """

    dtype: str
    key: str
    size: int
    view: tuple | None = None


@dataclasses.dataclass(frozen=True)
class StoredTensor:
    """A tensor as a pickle describes it; only the storage is checked."""

    storage: Storage
    offset: Any
    shape: Any
    strides: Any


def storage(kind, key, location, size, view=None) -> Storage:
    """A storage from the arguments of a persistent id.

    Raises:
      TypeError: they are of other types.
    """
    del location  # the device it was on
    if type(kind) is not Name or kind.name not in STORAGE_DTYPES:
        raise TypeError
    if type(key) is not str or type(size) is not int or size < 0:
        raise TypeError
    if view is not None:
        part, offset, part_size = view
        if type(part) is not str or type(offset) is not int or offset < 0:
            raise TypeError
        if type(part_size) is not int or part_size < 0:
            raise TypeError
    return Storage(STORAGE_DTYPES[kind.name], key, size, view)


def set_items(target, keys, values) -> dict:
    """Adds items to a dict and returns it.

    Raises:
      InputError: a key is neither text nor a number that hashes well.
      TypeError: the target is no dict, or a value is missing.
    """
    if type(target) is not dict or len(keys) != len(values):
        raise TypeError
    for key, value in zip(keys, values, strict=True):
        if type(key) is int and key.bit_length() > _MAX_KEY_BITS:
            raise InputError("has a number of many digits as a key")
        if type(key) not in (str, int, bool):
            raise InputError(
                f"has a key of type {type(key).__name__}; expected text or an "
                "integer"
            )
        target[key] = value
    return target


def _ordered_dict(items=None):
    """An empty dict, the given one, or that of Python 2's pairs."""
    if items is None:
        return {}
    if type(items) is dict:
        return items
    result: dict[Any, Any] = {}
    for key, value in items:
        set_items(result, [key], [value])
    # So that no list of pairs can be made into a thousand dicts.
    items.clear()
    return result


def _tensor(store, offset, shape, strides, *flags):
    del flags  # requires_grad, hooks and metadata
    if type(store) is not Storage:
        raise TypeError
    return StoredTensor(store, offset, shape, strides)


def _parameter(tensor, *flags):
    del flags
    if type(tensor) is not StoredTensor:
        raise TypeError
    return tensor


def _tensor_with_attributes(function, kind, arguments, state):
    del kind, state
    if type(function) is not Name or function.name not in _TENSORS:
        raise TypeError
    return _TENSORS[function.name](*arguments)


def _sequence(items=()):
    if type(items) is not tuple:
        raise TypeError
    return items


def _dtype(kind, *flags):
    del flags
    if type(kind) is not str or kind not in ("f2", "f4", "f8", "i4", "i8"):
        raise InputError("has a number of an unusual dtype")
    return np.dtype(f"<{kind}")


def _scalar(dtype, value):
    if not isinstance(dtype, np.dtype) or type(value) is not bytes:
        raise TypeError
    return np.frombuffer(value, dtype, count=1)[0].item()


def _encode(text, encoding):
    """Bytes, which protocol 2 writes as text."""
    if type(text) is not str or encoding != "latin1":
        raise TypeError
    if len(text) > _MAX_ENCODED:
        raise InputError("has bytes that are no number")
    return text.encode("latin1")


_TENSORS: dict[str, Callable] = {
    "torch._utils._rebuild_tensor": _tensor,
    "torch._utils._rebuild_tensor_v2": _tensor,
    "torch._utils._rebuild_parameter": _parameter,
    "torch._utils._rebuild_parameter_with_state": _parameter,
}
CALLS: dict[str, Callable] = {
    **_TENSORS,
    "torch._tensor._rebuild_from_type_v2": _tensor_with_attributes,
    "torch.Size": _sequence,
    "collections.OrderedDict": _ordered_dict,
    "collections.Counter": _ordered_dict,
    "numpy.dtype": _dtype,
    "numpy.core.multiarray.scalar": _scalar,
    "numpy._core.multiarray.scalar": _scalar,
    "_codecs.encode": _encode,
}
# Passed on as arguments, never called.
TYPES = frozenset(("torch.Tensor", "torch.nn.parameter.Parameter"))
