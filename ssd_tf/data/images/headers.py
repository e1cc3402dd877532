"""Headers of image files, read without their pixels, and errors of decoding."""

import io
import os
import pathlib
import re

import tensorflow as tf
from PIL import Image

from ssd_tf.data.images.formats import FORMATS, find_format, is_quarter_turn
from ssd_tf.errors import InputError


def header_size(
    path: str | os.PathLike, encoded: bytes | None = None
) -> tuple[int, int]:
    """Width and height of an image file as shown, in pixels, by its header.

    `encoded` is its content where that has been read.

    Raises:
      InputError: the image cannot be read.
    """
    try:
        encoded = encoded or pathlib.Path(path).read_bytes()
        width_px, height_px = _stored_size(encoded)
        is_turned = bool(_is_quarter_turn(encoded))
    # Pillow's reader of WebP refuses large images by itself.
    except (OSError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"{path}: image cannot be read: {error}") from None
    return (height_px, width_px) if is_turned else (width_px, height_px)


def _stored_size(encoded: bytes) -> tuple[int, int]:
    """Width and height before the Exif block turns the image."""
    fmt = find_format(encoded)
    try:
        if fmt is not None:
            with fmt.open_header(io.BytesIO(encoded)) as image:
                return image.size
    except SyntaxError:
        pass  # Pillow says so of a header of another format.
    raise ValueError(f"none of {', '.join(FORMATS)}, or damaged")


# In a graph: eagerly it takes several times as long.
@tf.function(input_signature=[tf.TensorSpec([], tf.string)])
def _is_quarter_turn(encoded):
    with tf.device("/CPU:0"):
        return is_quarter_turn(encoded)


def reason(error: tf.errors.OpError) -> str:
    """The message of an error, without TensorFlow's names of nodes."""
    text = re.sub(
        r"\[\[.*?\]\]|{{.*?}}|\[Op:.*", "", error.message, flags=re.DOTALL
    )
    # What `tf.debugging` puts around a message, in a graph and outside.
    text = re.sub(r"^.*(assertion failed: \[|Summarized data: b')", "", text)
    return " ".join(text.split()).rstrip(".]'")
