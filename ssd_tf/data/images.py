"""Decoding and resizing, the same in training, evaluation and serving."""

import contextlib
import re

import tensorflow as tf

from ssd_tf.data import exif
from ssd_tf.errors import InputError

_PNG_MARK = b"\x89PNG"


def decode(image_bytes):
    """Decodes JPEG, PNG, GIF, BMP or WebP to what a person sees.

    Gray, palette, CMYK and 16-bit images become 8-bit RGB. A PNG with alpha
    lies on white, as on a page. JPEG, PNG and WebP are turned as their Exif
    block says.
    Everything runs in graph, so that serving does the same.

    Args:
      image_bytes: scalar string.

    Returns:
      [H, W, 3] uint8 RGB; of an animation the first frame.

    Raises:
      tf.errors.InvalidArgumentError: not an image, or a truncated one.
    """
    image_bytes = tf.convert_to_tensor(image_bytes, tf.string)
    image = tf.cond(
        tf.strings.substr(image_bytes, 0, len(_PNG_MARK)) == _PNG_MARK,
        lambda: _decode_png(image_bytes),
        lambda: _decode_other(image_bytes),
    )
    image = tf.ensure_shape(image, [None, None, 3])
    return exif.turn_upright(image, exif.orientation(image_bytes))


def _decode_png(image_bytes):
    """Any PNG -> [H, W, 3] uint8; transparent pixels show white."""
    # With the channels left open, alpha is there only if the file has it.
    pixels = tf.io.decode_png(image_bytes)  # [H, W, 1..4]
    channels = tf.shape(pixels)[-1]
    has_alpha = (channels == 2) | (channels == 4)

    def on_white():
        alpha = tf.cast(pixels[..., -1:], tf.float32) / 255.0
        colour = tf.cast(pixels[..., :-1], tf.float32)  # [H, W, 1 or 3]
        blend = tf.round(255.0 + alpha * (colour - 255.0))
        return tf.cast(blend, tf.uint8)

    colour = tf.cond(has_alpha, on_white, lambda: pixels)
    colour = tf.ensure_shape(colour, [None, None, None])
    return tf.cond(
        channels < 3, lambda: tf.tile(colour, [1, 1, 3]), lambda: colour
    )


def _decode_other(image_bytes):
    """JPEG, GIF, BMP or WebP -> [H, W, 3] uint8."""
    image = tf.io.decode_image(image_bytes, channels=3, expand_animations=False)
    return tf.ensure_shape(image, [None, None, 3])


def resize(image, size: int):
    """Warps [.., H, W, 3] to [.., size, size, 3] float32, bilinearly.

    The aspect ratio is not kept, as in the paper.
    """
    return tf.image.resize(image, [size, size])


@contextlib.contextmanager
def naming_undecodable(source, split: str):
    """Within it, an error about an image of the split names the image.

    A graph knows no file names, so the image is looked for afterwards.

    Raises:
      InputError: naming the first image that cannot be read or decoded.
    """
    try:
        yield
    except tf.errors.InvalidArgumentError:
        check_decodable(source, split)
        raise


def check_decodable(source, split: str) -> None:
    """Decodes every image of a split.

    Raises:
      InputError: naming the first image that cannot be read or decoded.
    """
    examples = iter(source.dataset(split))
    while True:
        try:
            example = next(examples, None)
        except tf.errors.OpError as error:
            raise InputError(
                f"an image of split {split!r} cannot be read: {reason(error)}"
            ) from error
        if example is None:
            return
        try:
            decode(example["image"])
        except tf.errors.InvalidArgumentError as error:
            name = example["image_id"].numpy().decode()
            raise InputError(
                f"image {name} of split {split!r} cannot be decoded:"
                f" {reason(error)}"
            ) from error


def reason(error: tf.errors.OpError) -> str:
    """What went wrong, without TensorFlow's names of nodes."""
    text = re.sub(r"{{.*?}}|\[Op:.*", "", error.message, flags=re.DOTALL)
    return " ".join(text.split()).rstrip(".")
