"""Pickles of PyTorch, read without executing anything.

A pickle is a program. This interpreter knows the instructions that make
numbers, text, containers and tensors, and calls only what stands in the table
of `pickle_names`. In contrast to `pickle.Unpickler` it allocates nothing by a
number in the file, such as an index of the memo or a length.
"""

import pickletools
import warnings
from collections.abc import Callable
from typing import Any, BinaryIO

import numpy as np

from ssd_tf.errors import InputError
from ssd_tf.weights import pickle_names
from ssd_tf.weights.pickle_names import Name, Storage, set_items
from ssd_tf.weights.weight_file import shown

_EXPECTED = "expected tensors, containers and numbers"
# A detector's state dict takes some 10,000; each takes a few hundred bytes.
_MAX_STEPS = 1_000_000
# PyTorch's magic number has 80; decoding very long ones takes long.
_MAX_INT_BITS = 128
_MAX_ARGUMENTS = 16


def load(
    stream: BinaryIO, name: str, storages: dict[str, Storage] | None = None
) -> Any:
    """The object that one pickle makes.

    Args:
      stream: at the pickle's begin; afterwards behind it. Its `read` must not
        allocate more than there is, as `io.BytesIO` does.
      name: of the pickle, for errors.
      storages: receives all storages by key.

    Returns:
      Numbers, text, bytes, None, lists, tuples, dicts and `StoredTensor`. They
      may hold themselves.

    Raises:
      InputError: it is damaged, or asks for something else.
    """
    machine = _Machine({} if storages is None else storages)
    try:
        with warnings.catch_warnings():
            # Of escapes in damaged text, by genops.
            warnings.simplefilter("ignore", DeprecationWarning)
            _run(machine, pickletools.genops(stream))
        return machine.stack.pop()
    except InputError as error:
        raise InputError(f"{name} {error}") from error
    except (IndexError, KeyError, TypeError, ValueError) as error:
        # An empty stack, an unknown memo, arguments of other types, and
        # what genops raises for bytes that are no instruction.
        raise InputError(f"{name} is damaged or cut short") from error


def _run(machine, instructions):
    for count, (instruction, argument, _) in enumerate(instructions):
        if count >= _MAX_STEPS:
            raise InputError(f"has more than {_MAX_STEPS} instructions")
        if instruction.name == "STOP":
            return
        _step(machine, instruction.name, argument)


class _Machine:
    """The stack above the last mark, those below, memo and storages."""

    def __init__(self, storages):
        self.stack: list[Any] = []
        self.below: list[list[Any]] = []
        self.memo: dict[int, Any] = {}
        self.storages: dict[str, Storage] = storages

    def pop_to_mark(self) -> list[Any]:
        items = self.stack
        self.stack = self.below.pop()
        return items


def _step(machine, instruction, argument):
    if instruction in _PUSH_ARGUMENT:
        if type(argument) is int and argument.bit_length() > _MAX_INT_BITS:
            raise InputError("has a number of many digits")
        machine.stack.append(argument)
    elif instruction in _PUSH_NEW:
        machine.stack.append(_PUSH_NEW[instruction]())
    elif instruction in _TUPLES:
        _push_tuple(machine, _TUPLES[instruction])
    elif instruction in _STEPS:
        _STEPS[instruction](machine, argument)
    elif instruction not in ("PROTO", "FRAME"):
        raise InputError(f"asks for the instruction {instruction}; {_EXPECTED}")


def _mark(machine, _):
    machine.below.append(machine.stack)
    machine.stack = []


def _push_tuple(machine, count):
    if len(machine.stack) < count:
        raise IndexError
    machine.stack[-count:] = [tuple(machine.stack[-count:])]


def _tuple(machine, _):
    items = machine.pop_to_mark()
    machine.stack.append(tuple(items))


def _list(machine, _):
    items = machine.pop_to_mark()
    machine.stack.append(items)


def _append(machine, _):
    _extend(machine, [machine.stack.pop()])


def _extend(machine, items):
    if type(machine.stack[-1]) is not list:
        raise TypeError
    machine.stack[-1].extend(items)


def _dict(machine, _):
    items = machine.pop_to_mark()
    machine.stack.append(set_items({}, items[::2], items[1::2]))


def _set_item(machine, _):
    value, key = machine.stack.pop(), machine.stack.pop()
    set_items(machine.stack[-1], [key], [value])


def _set_items(machine, _):
    items = machine.pop_to_mark()
    set_items(machine.stack[-1], items[::2], items[1::2])


def _put(machine, index):
    machine.memo[index] = machine.stack[-1]


def _memoize(machine, _):
    machine.memo[len(machine.memo)] = machine.stack[-1]


def _get(machine, index):
    machine.stack.append(machine.memo[index])


def _global(machine, module_and_name):
    _push_name(machine, module_and_name.replace(" ", ".", 1))


def _stack_global(machine, _):
    name, module = machine.stack.pop(), machine.stack.pop()
    if type(name) is not str or type(module) is not str:
        raise TypeError
    _push_name(machine, f"{module}.{name}")


def _push_name(machine, name):
    for known in _KNOWN_NAMES:
        if name in known:
            machine.stack.append(Name(name))
            return
    raise InputError(f"asks for {shown(name)}; {_EXPECTED}")


def _reduce(machine, _):
    arguments, function = machine.stack.pop(), machine.stack.pop()
    if type(function) is not Name or type(arguments) is not tuple:
        raise TypeError
    if len(arguments) > _MAX_ARGUMENTS:
        raise TypeError
    if function.name not in pickle_names.CALLS:
        raise InputError(f"asks for a call of {function.name}; {_EXPECTED}")
    machine.stack.append(pickle_names.CALLS[function.name](*arguments))


def _build(machine, _):
    # Left out: an OrderedDict's attribute `_metadata`, the versions of
    # modules, and a dtype's byte order, which is that of the machine.
    machine.stack.pop()
    if not isinstance(machine.stack[-1], (dict, np.dtype)):
        raise TypeError


def _persistent(machine, _):
    kind, *rest = machine.stack.pop()
    if kind == "module":
        raise InputError(
            "asks for a class: a whole model was saved instead of its state "
            f"dict; {_EXPECTED}"
        )
    if kind != "storage":
        raise TypeError
    storage = pickle_names.storage(*rest)
    known = machine.storages.setdefault(storage.key, storage)
    if (known.dtype, known.size) != (storage.dtype, storage.size):
        raise InputError("has a storage of two types or sizes")
    machine.stack.append(storage)


_KNOWN_NAMES = (
    pickle_names.CALLS,
    pickle_names.TYPES,
    pickle_names.STORAGE_DTYPES,
)
_PUSH_ARGUMENT = frozenset(
    "INT BININT BININT1 BININT2 LONG LONG1 LONG4 FLOAT BINFLOAT "
    "STRING BINSTRING SHORT_BINSTRING BINBYTES SHORT_BINBYTES BINBYTES8 "
    "UNICODE BINUNICODE SHORT_BINUNICODE BINUNICODE8".split()
)
_PUSH_NEW: dict[str, Callable[[], Any]] = {
    "NONE": lambda: None,
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_LIST": list,
    "EMPTY_TUPLE": tuple,
    "EMPTY_DICT": dict,
}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_STEPS = {
    "MARK": _mark,
    "TUPLE": _tuple,
    "LIST": _list,
    "APPEND": _append,
    "APPENDS": lambda machine, _: _extend(machine, machine.pop_to_mark()),
    "DICT": _dict,
    "SETITEM": _set_item,
    "SETITEMS": _set_items,
    **dict.fromkeys(("PUT", "BINPUT", "LONG_BINPUT"), _put),
    **dict.fromkeys(("GET", "BINGET", "LONG_BINGET"), _get),
    "MEMOIZE": _memoize,
    "GLOBAL": _global,
    "STACK_GLOBAL": _stack_global,
    "REDUCE": _reduce,
    "BUILD": _build,
    "BINPERSID": _persistent,
}
