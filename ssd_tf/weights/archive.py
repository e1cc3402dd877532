"""Where the entries of a zip archive lie, found without copying them.

Only what `torch.save` writes: entries stored as they are, in one file below
4 GiB. The layout is that of PKWARE's APPNOTE.TXT, 4.3.7 to 4.3.16.
"""

import struct
import zlib

from ssd_tf.errors import InputError
from ssd_tf.weights.weight_file import shown

MARK = b"PK\x03\x04"
_END = struct.Struct("<4s8xLL2x")
_ENTRY = struct.Struct("<4s4xHH4x3L3H8xL")
_LOCAL = struct.Struct("<4s22x2H")
_LONGEST_COMMENT = 65535
_ENCRYPTED = 1
_DAMAGED = "the zip archive is damaged or cut short"


def find_entries(data: bytes) -> dict[str, memoryview]:
    """The contents of all entries by name, as views of the archive.

    Raises:
      InputError: it is damaged, compressed or encrypted, or its entries
        overlap.
    """
    try:
        return _find_entries(data)
    except (struct.error, UnicodeDecodeError) as error:
        raise InputError(_DAMAGED) from error


def _find_entries(data):
    start = data.rfind(b"PK\x05\x06", -(_END.size + _LONGEST_COMMENT))
    if start < 0:
        raise InputError(_DAMAGED)
    _, size, position = _END.unpack_from(data, start)
    end = position + size
    if end > start:
        raise InputError(_DAMAGED)
    entries: dict[str, memoryview] = {}
    unused = len(data)
    while position < end:
        name, content, position = _entry(data, position, unused)
        if name in entries:
            raise InputError(_DAMAGED)
        entries[name] = content
        # Entries that overlap would make much work of a small file.
        unused -= len(content)
    return entries


def _entry(data, position, unused):
    """Name and content of one entry, and the position of the next."""
    fields = _ENTRY.unpack_from(data, position)
    mark, flags, method, checksum, packed, size, *lengths, local = fields
    position += _ENTRY.size
    name_bytes = data[position : position + lengths[0]]
    position += sum(lengths)
    if mark != b"PK\x01\x02":
        raise InputError(_DAMAGED)
    name = name_bytes.decode()
    if flags & _ENCRYPTED or method or packed != size:
        raise InputError(
            f"{shown(name)} in the zip archive is compressed or encrypted; "
            "PyTorch stores it as it is"
        )
    mark, name_size, extra_size = _LOCAL.unpack_from(data, local)
    start = local + _LOCAL.size + name_size + extra_size
    content = memoryview(data)[start : start + size]
    if mark != MARK or len(content) != size or size > unused:
        raise InputError(_DAMAGED)
    # PyTorch writes zero where it was asked to compute none.
    if checksum and zlib.crc32(content) != checksum:
        raise InputError(
            f"{shown(name)} in the zip archive is damaged: its checksum differs"
        )
    return name, content, position
