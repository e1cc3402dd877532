"""Caffe's `.caffemodel` files, read without Caffe or a protocol compiler.

A file is one message NetParameter. Only the fields that weights need are
read; their numbers are those of src/caffe/proto/caffe.proto (weiliu89/caffe).
The encoding is that of protobuf.dev, "Encoding".
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ssd_tf.errors import InputError
from ssd_tf.weights.weight_file import (
    WeightFile,
    check_total,
    checked_name,
    count_values,
    shown,
)

# Wire types.
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_FIXED_BYTES = {_FIXED64: 8, _FIXED32: 4}
# NetParameter; `layers` is the message of files before 2014.
_NET_NAME, _NET_LAYERS, _NET_LAYER = 1, 2, 100
# What may come before the first layer: the name, inputs and their shapes, the
# state; dimensions and switches.
_NET_TEXTS, _NET_NUMBERS = (1, 3, 6, 8), (4, 5, 7)
# Field numbers of name, type and blobs in the two messages.
_LAYER = {_NET_LAYER: (1, 2, 7), _NET_LAYERS: (4, 5, 6)}
# BlobProto, and BlobShape within.
_BLOB_OLD_SHAPE = (1, 2, 3, 4)  # num, channels, height, width
_BLOB_SHAPE, _SHAPE_DIM = 7, 1
_BLOB_DATA = {5: ("<f4", _FIXED32), 8: ("<f8", _FIXED64)}
_DAMAGED = "is damaged or cut short"
# SSD's nets have some thousand outside of their data, which is packed.
_MAX_FIELDS = 1_000_000
_MAX_PACKED_DIMS = 320


class _Field(NamedTuple):
    number: int
    wire_type: int
    value: int | memoryview


def parse(data: bytes) -> WeightFile:
    """The blobs in the bytes of a `.caffemodel`, named "LAYER/INDEX".

    Raises:
      InputError: the bytes are damaged, or hold no layer with blobs.
    """
    reader = _Reader()
    tensors: dict[str, np.ndarray] = {}
    metadata, types = {}, {}
    total = 0
    for field in reader.fields(memoryview(data)):
        if field.number == _NET_NAME:
            metadata["name"] = _text(field)
        if field.number not in _LAYER:
            continue
        name, layer_type, blobs = reader.layer(field)
        if blobs:
            types[name] = layer_type
        for index, blob in enumerate(blobs):
            key = checked_name(f"{name}/{index}")
            if key in tensors:
                raise InputError(f"has two layers named {shown(name)}")
            tensors[key] = reader.blob(key, blob)
            total += tensors[key].nbytes
            check_total(total, len(data))
    if not tensors:
        raise InputError("has no layer with weights")
    return WeightFile("caffe", tensors, {**metadata, "layer_types": types})


def is_net(head: bytes) -> bool:
    """True where a file's first bytes are those of a NetParameter."""
    message = memoryview(head)
    position, numbers = 0, []
    try:
        while True:
            tag, position = _varint(message, position)
            size, position = _varint(message, position)
            numbers.append(tag >> 3)
            if tag & 7 == _VARINT and numbers[-1] in _NET_NUMBERS:
                continue
            if tag & 7 != _BYTES or numbers.count(_NET_NAME) > 1:
                return False
            if numbers[-1] in _LAYER:
                return True
            if numbers[-1] not in _NET_TEXTS:
                return False
            position += size
    except InputError:
        return False


class _Reader:
    """Reads messages and counts their fields."""

    def __init__(self):
        self._count = 0

    def fields(self, message: memoryview) -> Iterator[_Field]:
        """The fields of a message in their order."""
        position = 0
        while position < len(message):
            self._count += 1
            if self._count > _MAX_FIELDS:
                raise InputError(f"has more than {_MAX_FIELDS} fields")
            tag, position = _varint(message, position)
            number, wire_type = tag >> 3, tag & 7
            if wire_type == _VARINT:
                value, position = _varint(message, position)
                yield _Field(number, wire_type, value)
                continue
            if wire_type == _BYTES:
                size, position = _varint(message, position)
            elif wire_type in _FIXED_BYTES:
                size = _FIXED_BYTES[wire_type]
            else:
                raise InputError(_DAMAGED)
            if size > len(message) - position or not number:
                raise InputError(_DAMAGED)
            yield _Field(number, wire_type, message[position : position + size])
            position += size

    def layer(self, field: _Field):
        """Name, type and blobs of a layer; the type may be a number."""
        name_number, type_number, blobs_number = _LAYER[field.number]
        name, layer_type, blobs = "", "", []
        for inner in self.fields(_message(field)):
            if inner.number == name_number:
                name = _text(inner)
            elif inner.number == type_number:
                is_number = inner.wire_type == _VARINT
                layer_type = str(inner.value) if is_number else _text(inner)
            elif inner.number == blobs_number:
                blobs.append(inner)
        return name, layer_type, blobs

    def blob(self, name: str, field: _Field) -> np.ndarray:
        """The array of a blob, with the shape that the file gives it."""
        old_shape: dict[int, int] = {}
        shape: list[int] | None = None
        content, dtype = bytearray(), "<f4"  # data, in one piece or in many
        for inner in self.fields(_message(field)):
            if inner.number in _BLOB_OLD_SHAPE:
                old_shape[inner.number] = _number(inner)
            elif inner.number == _BLOB_SHAPE:
                shape = list(self._dims(inner))
            elif inner.number in _BLOB_DATA:
                dtype, unpacked = _BLOB_DATA[inner.number]
                if inner.wire_type not in (_BYTES, unpacked):
                    raise InputError(_DAMAGED)
                assert isinstance(inner.value, memoryview)
                content += inner.value
        if shape is None:
            shape = [old_shape.get(number, 0) for number in _BLOB_OLD_SHAPE]
        count = count_values(name, shape)
        if len(content) != count * np.dtype(dtype).itemsize:
            raise InputError(
                f"{shown(name)} has {len(content)} bytes for the shape {shape}"
            )
        if count == 0:
            return np.zeros(shape, dtype)
        return np.frombuffer(content, dtype, count).reshape(shape)

    def _dims(self, field: _Field) -> Iterator[int]:
        """The numbers of a BlobShape, packed or not."""
        for inner in self.fields(_message(field)):
            if inner.number != _SHAPE_DIM:
                continue
            if inner.wire_type == _VARINT:
                yield _number(inner)
                continue
            packed, position = _message(inner), 0
            if len(packed) > _MAX_PACKED_DIMS:
                raise InputError(_DAMAGED)
            while position < len(packed):
                dim, position = _varint(packed, position)
                yield dim


def _varint(message, position) -> tuple[int, int]:
    """An unsigned number of at most 64 bits, and the position behind it."""
    value = 0
    for shift in range(0, 70, 7):
        if position >= len(message):
            break
        byte = message[position]
        position += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, position
    raise InputError(_DAMAGED)


def _message(field) -> memoryview:
    if field.wire_type != _BYTES:
        raise InputError(_DAMAGED)
    return field.value


def _number(field) -> int:
    if field.wire_type != _VARINT:
        raise InputError(_DAMAGED)
    return field.value


def _text(field) -> str:
    try:
        return bytes(_message(field)).decode()
    except UnicodeDecodeError as error:
        raise InputError(_DAMAGED) from error
