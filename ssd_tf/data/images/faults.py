"""The reason why an image cannot be used, or not as it is."""

import io
from typing import NamedTuple

import tensorflow as tf
from PIL import Image

from ssd_tf.data.images.formats import (
    MAX_PIXELS,
    ImageFormat,
    decode,
    find_format,
)
from ssd_tf.data.images.headers import reason

# The kind of an image that is used although a part of it is missing.
RECOVERED = "recovered"


class Fault(NamedTuple):
    """A fault of an image.

    Attributes:
      kind: "missing_image", "unreadable", "truncated", "undecodable", all of
        which cannot be used, or `RECOVERED`.
      message: without the name of the file.
    """

    kind: str
    message: str


def fault_of_reading(error: OSError) -> Fault:
    """The fault of an image whose file cannot be read."""
    if isinstance(error, FileNotFoundError):
        return Fault(
            "missing_image",
            "image is missing" if error.strerror else str(error),
        )
    return Fault(
        "unreadable", f"image cannot be read: {error.strerror or error}"
    )


def fault_of(encoded: bytes, *, is_thorough: bool = True) -> Fault | None:
    """The fault of an encoded image, as `decode` meets it; None without one.

    Unless `is_thorough`, an image whose parts are all there is not decoded.
    """
    fmt = find_format(encoded)
    if not encoded:
        return Fault("truncated", "the image file is empty")
    is_whole = fmt is not None and fmt.is_whole(encoded)
    if fmt and is_whole and not is_thorough and not _is_large(fmt, encoded):
        return None
    try:
        _decode(encoded)
    except tf.errors.OpError:
        return _undecodable(encoded)
    if is_whole or fmt is None or fmt.name != "JPEG":
        return None
    try:
        tf.io.decode_jpeg(encoded, channels=3)
    except tf.errors.OpError:
        return Fault(
            RECOVERED,
            f"{fmt.name} without its end, {len(encoded)} bytes; used as "
            "viewers show it",
        )
    return None


def _undecodable(encoded: bytes) -> Fault:
    fmt = find_format(encoded)
    if fmt and not fmt.is_complete(encoded):
        message = f"{fmt.name} without its end, {len(encoded)} bytes"
        return Fault("truncated", message)
    try:
        decode(encoded)  # without a graph, whose messages name its nodes
    except tf.errors.OpError as error:
        why = reason(error)
    return Fault("undecodable", f"the image cannot be decoded: {why}")


# In a graph: eagerly it takes three times as long.
@tf.function(input_signature=[tf.TensorSpec([], tf.string)])
def _decode(encoded):
    with tf.device("/CPU:0"):
        return tf.shape(decode(encoded))


def _is_large(fmt: ImageFormat, encoded: bytes) -> bool:
    """True if the header tells of too many pixels, or tells nothing."""
    try:
        with fmt.open_header(io.BytesIO(encoded)) as image:
            return image.width * image.height > MAX_PIXELS
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
        return True
