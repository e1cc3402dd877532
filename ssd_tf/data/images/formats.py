"""The table of image formats: how each is named, known, decoded and read.

A format is added by one record here.
"""

import dataclasses
from collections.abc import Callable
from typing import BinaryIO

import tensorflow as tf
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    WebPImagePlugin,
)

from ssd_tf.data.images import codecs, exif


@dataclasses.dataclass(frozen=True)
class ImageFormat:
    """One format of image files.

    Attributes:
      name: as it is shown.
      suffixes: of file names, lower case, the usual one first.
      marks: (offset, bytes) that every file of the format has.
      is_complete: False if the bytes of a file stop before its end.
      decode: scalar string -> [H, W, 3] uint8 RGB, in graph; see `codecs`.
      open_header: reads the header only, by Pillow. `Image.open` would refuse
        large images, whose pixels could fill the memory.
      exif_block: scalar string -> scalar string, in graph: the Exif block and
        what follows it, empty without one. See `exif`.
    """

    name: str
    suffixes: tuple[str, ...]
    marks: tuple[tuple[int, bytes], ...]
    is_complete: Callable[[bytes], bool]
    decode: Callable
    open_header: Callable[[BinaryIO], ImageFile.ImageFile]
    exif_block: Callable = exif.no_block

    def begins(self, encoded: bytes) -> bool:
        """Returns True if a file is of this format by its first bytes."""
        return all(encoded[i : i + len(m)] == m for i, m in self.marks)

    def begins_in_graph(self, encoded):
        """`begins` of a scalar string; scalar bool."""
        is_found = [_part(encoded, i, len(m)) == m for i, m in self.marks]
        return is_found[0] if len(is_found) == 1 else tf.reduce_all(is_found)


def _part(encoded, start: int, length: int):
    # A start beyond the end is an error.
    start = start and tf.minimum(start, tf.strings.length(encoded))
    return tf.strings.substr(encoded, start, length)


def _ends_with(mark: bytes) -> Callable[[bytes], bool]:
    # Interrupted downloads may have been filled up with zeros.
    return lambda encoded: encoded.rstrip(b"\0").endswith(mark)


def _has_length(at: int, *, beyond: int) -> Callable[[bytes], bool]:
    """True of files as long as the four bytes at a place say."""
    return lambda encoded: (
        len(encoded) >= int.from_bytes(encoded[at : at + 4], "little") + beyond
    )


# JPEG comes first: most data sets are, and `select` asks in this order.
FORMATS: dict[str, ImageFormat] = {
    fmt.name: fmt
    for fmt in (
        ImageFormat(
            name="JPEG",
            suffixes=(".jpg", ".jpeg"),
            marks=((0, b"\xff\xd8\xff"),),
            is_complete=_ends_with(b"\xff\xd9"),
            decode=codecs.decode_any,
            open_header=JpegImagePlugin.JpegImageFile,
            exif_block=exif.jpeg_block,
        ),
        ImageFormat(
            name="PNG",
            suffixes=(".png",),
            marks=((0, b"\x89PNG"),),
            is_complete=_ends_with(b"IEND\xaeB`\x82"),
            decode=codecs.decode_png,
            open_header=PngImagePlugin.PngImageFile,
            exif_block=exif.png_block,
        ),
        ImageFormat(
            name="GIF",
            suffixes=(".gif",),
            marks=((0, b"GIF8"),),
            is_complete=_ends_with(b";"),
            decode=codecs.decode_any,
            open_header=GifImagePlugin.GifImageFile,
        ),
        ImageFormat(
            name="BMP",
            suffixes=(".bmp",),
            marks=((0, b"BM"),),
            is_complete=_has_length(2, beyond=0),
            decode=codecs.decode_bmp,
            open_header=BmpImagePlugin.BmpImageFile,
        ),
        ImageFormat(
            name="WebP",
            suffixes=(".webp",),
            marks=((0, b"RIFF"), (8, b"WEBP")),
            is_complete=_has_length(4, beyond=8),
            decode=codecs.decode_webp,
            open_header=WebPImagePlugin.WebPImageFile,
            exif_block=exif.webp_block,
        ),
    )
}
SUFFIXES: tuple[str, ...] = tuple(
    suffix for fmt in FORMATS.values() for suffix in fmt.suffixes
)


def find_format(encoded: bytes) -> ImageFormat | None:
    """The format of a file by its first bytes; None if it is none of them."""
    return next((f for f in FORMATS.values() if f.begins(encoded)), None)


def select(encoded, branch: Callable, *, otherwise: Callable):
    """Does in graph what depends on the format.

    Args:
      encoded: scalar string.
      branch: `ImageFormat` -> what to do with a file of it; takes nothing.
      otherwise: what to do with any other; takes nothing.

    Returns:
      What the one that fits returns.
    """
    for fmt in reversed(FORMATS.values()):
        otherwise = _either(encoded, fmt, branch(fmt), otherwise)
    return otherwise()


def _either(encoded, fmt: ImageFormat, then: Callable, otherwise: Callable):
    return lambda: tf.cond(fmt.begins_in_graph(encoded), then, otherwise)
