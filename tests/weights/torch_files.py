"""Files as torch.save writes them, around pickles made by hand.

Those in `files` were written by PyTorch 2.13 itself.
"""

import io
import pathlib
import struct
import zipfile

FILES = pathlib.Path(__file__).parent / "files"
MAGIC = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
_PROTOCOL = b"\x80\x02M\xe9\x03."
_SYSTEM = b"\x80\x02}."


def zip_file(pickle, storages=None, *, method=zipfile.ZIP_STORED, **records):
    """A zip of a pickle, of storages {key: bytes} and of other records."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", method) as archive:
        archive.writestr("x/data.pkl", pickle)
        for name, content in records.items():
            archive.writestr(f"x/{name}", content)
        for key, content in (storages or {}).items():
            archive.writestr(f"x/data/{key}", content)
    return stream.getvalue()


def legacy_file(pickle, storages=None):
    """The older format, with storages {key: (number of values, bytes)}."""
    keys = b"".join(_text(key) + b"a" for key in storages or {})
    data = MAGIC + _PROTOCOL + _SYSTEM + pickle + b"\x80\x02]" + keys + b"."
    for count, content in (storages or {}).values():
        data += struct.pack("<q", count) + content
    return data


def state_dict(**tensors):
    """The pickle of a dict; the values are what `tensor` returned."""
    items = b"".join(_text(name) + value for name, value in tensors.items())
    return b"\x80\x02}(" + items + b"u."


def tensor(
    shape=(2,),
    strides=(1,),
    *,
    offset=0,
    key="0",
    size=6,
    kind="FloatStorage",
    view=b"",
):
    """The instructions that make one tensor of a storage of `size` values."""
    storage = b"(" + _text("storage") + b"ctorch\n" + kind.encode() + b"\n"
    storage += _text(key) + _text("cpu") + number(size) + view + b"tQ"
    return (
        b"ctorch._utils\n_rebuild_tensor_v2\n("
        + storage
        + number(offset)
        + b"".join((b"(", *map(number, shape), b"t"))
        + b"".join((b"(", *map(number, strides), b"t"))
        + b"\x89}tR"
    )


def number(value):
    """The instruction that pushes an integer."""
    return b"\x8a\x10" + value.to_bytes(16, "little", signed=True)


def _text(value):
    encoded = value.encode()
    return b"X" + struct.pack("<I", len(encoded)) + encoded
