"""The table of image formats, and decoding by it.

A format is added by one record here. Training, evaluation and serving decode
by the same graph.
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

from ssd_tf.data.images import codecs, exif, pixel_counts, wholeness


@dataclasses.dataclass(frozen=True)
class ImageFormat:
    """One format of image files.

    Attributes:
      name: as it is shown.
      suffixes: of file names, lower case, the usual one first.
      marks: (offset, bytes) that every file of the format has.
      is_complete: False if the bytes of a file stop before its end.
      is_whole: True if all parts are there, told without decoding; see
        `wholeness`.
      decode: scalar string -> [H, W, 3] uint8 RGB, in graph; see `codecs`.
      num_pixels: scalar string -> int64, in graph; see `pixel_counts`.
      open_header: reads the header only, by Pillow. `Image.open` would refuse
        large images, whose pixels could fill the memory.
      exif_block: scalar string -> scalar string, in graph; see `exif`.
    """

    name: str
    suffixes: tuple[str, ...]
    marks: tuple[tuple[int, bytes], ...]
    is_complete: Callable[[bytes], bool]
    is_whole: Callable[[bytes], bool]
    decode: Callable
    num_pixels: Callable
    open_header: Callable[[BinaryIO], ImageFile.ImageFile]
    exif_block: Callable = exif.no_block

    def begins(self, encoded: bytes) -> bool:
        """True if a file is of this format by its first bytes."""
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


# JPEG comes first: most data sets are, and `_select` asks in this order.
FORMATS: dict[str, ImageFormat] = {
    fmt.name: fmt
    for fmt in (
        ImageFormat(
            name="JPEG",
            suffixes=(".jpg", ".jpeg"),
            marks=((0, b"\xff\xd8\xff"),),
            is_complete=_ends_with(b"\xff\xd9"),
            is_whole=wholeness.jpeg,
            decode=codecs.decode_jpeg,
            num_pixels=pixel_counts.jpeg,
            open_header=JpegImagePlugin.JpegImageFile,
            exif_block=exif.jpeg_block,
        ),
        ImageFormat(
            name="PNG",
            suffixes=(".png",),
            marks=((0, b"\x89PNG"),),
            is_complete=_ends_with(b"IEND\xaeB`\x82"),
            is_whole=wholeness.png,
            decode=codecs.decode_png,
            num_pixels=pixel_counts.png,
            open_header=PngImagePlugin.PngImageFile,
            exif_block=exif.png_block,
        ),
        ImageFormat(
            name="GIF",
            suffixes=(".gif",),
            marks=((0, b"GIF8"),),
            is_complete=_ends_with(b";"),
            is_whole=wholeness.gif,
            decode=codecs.decode_gif,
            num_pixels=pixel_counts.gif,
            open_header=GifImagePlugin.GifImageFile,
        ),
        ImageFormat(
            name="BMP",
            suffixes=(".bmp",),
            marks=((0, b"BM"),),
            is_complete=_has_length(2, beyond=0),
            is_whole=wholeness.bmp,
            decode=codecs.decode_bmp,
            num_pixels=pixel_counts.bmp,
            open_header=BmpImagePlugin.BmpImageFile,
        ),
        ImageFormat(
            name="WebP",
            suffixes=(".webp",),
            marks=((0, b"RIFF"), (8, b"WEBP")),
            is_complete=_has_length(4, beyond=8),
            is_whole=wholeness.webp,
            decode=codecs.decode_webp,
            num_pixels=pixel_counts.webp,
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


# Of one's own pictures: more than any camera makes, and 600 MB of RGB.
MAX_PIXELS = 200 * 10**6


def decode(image_bytes, *, max_pixels: int = MAX_PIXELS):
    """Decodes a scalar string of any format, in graph, to what a person sees.

    Gray, palette, CMYK and 16-bit images become 8-bit RGB. A PNG or WebP with
    transparency lies on white, as on a page; a GIF keeps the background that
    the decoder gives it. JPEG, PNG and WebP are turned as their Exif block
    says. A JPEG that lacks its end is what viewers show of it.

    Args:
      image_bytes: the file.
      max_pixels: of an image by its header, which is read first.

    Returns:
      [H, W, 3] uint8 RGB; of an animation the first frame.

    Raises:
      tf.errors.InvalidArgumentError: not an image, a truncated one, one of
        more pixels, or one that TensorFlow does not decode, such as a BMP of 1
        or 4 bits.
    """
    image_bytes = tf.convert_to_tensor(image_bytes, tf.string)
    limit = tf.constant(max_pixels, tf.int64)
    if tf.executing_eagerly():
        return _decode(image_bytes, limit)
    return _decode_in_graph(image_bytes, limit)


def _decode(image_bytes, max_pixels):
    image = _select(
        image_bytes,
        lambda fmt: lambda: fmt.decode(
            pixel_counts.check_pixels(image_bytes, fmt.num_pixels, max_pixels)
        ),
        otherwise=lambda: codecs.decode_any(image_bytes),
    )
    image = tf.ensure_shape(image, [None, None, 3])
    return exif.turn_upright(image, _orientation(image_bytes))


# Half a second to trace: once, not for every graph that decodes. AutoGraph
# would read the source of 45 functions, longer than that, and change nothing.
_decode_in_graph = tf.function(
    _decode,
    autograph=False,
    input_signature=[
        tf.TensorSpec([], tf.string),
        tf.TensorSpec([], tf.int64),
    ],
)


def _orientation(image_bytes):
    """The Exif orientation, scalar int32 1..8; 1 where the file tells none."""
    block = _select(
        image_bytes,
        lambda fmt: lambda: fmt.exif_block(image_bytes),
        otherwise=lambda: exif.no_block(image_bytes),
    )
    return exif.orientation(block)


def _select(encoded, branch: Callable, *, otherwise: Callable):
    """Calls `branch(format)` in graph, or `otherwise` of no known format."""
    for fmt in reversed(FORMATS.values()):
        otherwise = _either(encoded, fmt, branch(fmt), otherwise)
    return otherwise()


def _either(encoded, fmt: ImageFormat, then: Callable, otherwise: Callable):
    return lambda: tf.cond(fmt.begins_in_graph(encoded), then, otherwise)


def is_quarter_turn(image_bytes):
    """True where `decode` swaps height and width; scalar bool, in graph."""
    return _orientation(image_bytes) > 4


def resize(image, size: int):
    """Warps [.., H, W, 3] to [.., size, size, 3] float32, bilinearly.

    The aspect ratio is not kept, as in the paper.
    """
    return tf.image.resize(image, [size, size])
