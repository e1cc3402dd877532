"""Decoding and resizing, the same in training, evaluation and serving."""

import io
import os
import pathlib
import re

import tensorflow as tf
from PIL import Image

from ssd_tf.data.images import codecs, exif, formats
from ssd_tf.errors import InputError


def decode(image_bytes):
    """Decodes a file of any format in the table to what a person sees.

    Gray, palette, CMYK and 16-bit images become 8-bit RGB. A PNG or WebP with
    transparency lies on white, as on a page; a GIF keeps the background that
    the decoder gives it. JPEG, PNG and WebP are turned as their Exif block
    says. Everything runs in graph, so that serving does the same.

    Args:
      image_bytes: scalar string.

    Returns:
      [H, W, 3] uint8 RGB; of an animation the first frame.

    Raises:
      tf.errors.InvalidArgumentError: not an image, a truncated one, or one
        that TensorFlow does not decode, such as a BMP of 1 or 4 bits.
    """
    image_bytes = tf.convert_to_tensor(image_bytes, tf.string)
    if tf.executing_eagerly():
        return _decode(image_bytes)
    return _decode_in_graph(image_bytes)


def _decode(image_bytes):
    image = formats.select(
        image_bytes,
        lambda fmt: lambda: fmt.decode(image_bytes),
        otherwise=lambda: codecs.decode_any(image_bytes),
    )
    image = tf.ensure_shape(image, [None, None, 3])
    return exif.turn_upright(image, _orientation(image_bytes))


# Half a second to trace: once, not for every graph that decodes.
_decode_in_graph = tf.function(
    _decode, input_signature=[tf.TensorSpec([], tf.string)]
)


def _orientation(image_bytes):
    """The Exif orientation, scalar int32 1..8; 1 where the file tells none."""
    block = formats.select(
        image_bytes,
        lambda fmt: lambda: fmt.exif_block(image_bytes),
        otherwise=lambda: exif.no_block(image_bytes),
    )
    return exif.orientation(block)


def is_quarter_turn(image_bytes):
    """True where `decode` swaps height and width; scalar bool, in graph."""
    return _orientation(image_bytes) > 4


def resize(image, size: int):
    """Warps [.., H, W, 3] to [.., size, size, 3] float32, bilinearly.

    The aspect ratio is not kept, as in the paper.
    """
    return tf.image.resize(image, [size, size])


def header_size(path: str | os.PathLike) -> tuple[int, int]:
    """Width and height of an image file as shown, in pixels, by its header.

    Raises:
      InputError: the image cannot be read.
    """
    try:
        encoded = pathlib.Path(path).read_bytes()
        width_px, height_px = _stored_size(encoded)
        is_turned = bool(_is_quarter_turn(encoded))
    # Pillow's reader of WebP refuses large images by itself.
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{path}: image cannot be read: {error}") from None
    return (height_px, width_px) if is_turned else (width_px, height_px)


def _stored_size(encoded: bytes) -> tuple[int, int]:
    """Width and height of an image file before its Exif block turns it.

    Raises:
      OSError, ValueError, Image.DecompressionBombError: it cannot be read.
    """
    fmt = formats.find_format(encoded)
    try:
        if fmt is not None:
            with fmt.open_header(io.BytesIO(encoded)) as image:
                return image.size
    except SyntaxError:
        pass  # Pillow says so of a header of another format.
    raise ValueError(f"none of {', '.join(formats.FORMATS)}, or damaged")


# In a graph: eagerly it takes several times as long.
@tf.function(input_signature=[tf.TensorSpec([], tf.string)])
def _is_quarter_turn(encoded):
    with tf.device("/CPU:0"):
        return is_quarter_turn(encoded)


def reason(error: tf.errors.OpError) -> str:
    """The message of an error, without TensorFlow's names of nodes."""
    text = re.sub(r"{{.*?}}|\[Op:.*", "", error.message, flags=re.DOTALL)
    return " ".join(text.split()).rstrip(".")
