"""Decoding and resizing, the same in training, evaluation and serving."""

import contextlib
import re

import tensorflow as tf

from ssd_tf.data.images import bmp, exif, formats, png, webp
from ssd_tf.errors import InputError


def decode(image_bytes):
    """Decodes JPEG, PNG, GIF, BMP or WebP to what a person sees.

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
    # A pipeline of JPEG, which most data sets are, asks no more than this.
    image = tf.cond(
        formats.begins(image_bytes, formats.JPEG),
        lambda: _decode_rgb(image_bytes),
        lambda: _decode_other(image_bytes),
    )
    image = tf.ensure_shape(image, [None, None, 3])
    return exif.turn_upright(image, exif.orientation(image_bytes))


def _decode_other(image_bytes):
    """PNG, GIF, BMP or WebP -> [H, W, 3] uint8."""

    def is_a(mark):
        return formats.begins(image_bytes, mark)

    return tf.case(
        [
            (
                is_a(formats.PNG),
                lambda: _on_white(png.decode(image_bytes)),
            ),
            (
                is_a(formats.WEBP),
                lambda: _on_white(webp.decode(image_bytes)),
            ),
            (is_a(formats.BMP), lambda: bmp.decode(image_bytes)),
        ],
        default=lambda: _decode_rgb(image_bytes),
    )


def _decode_rgb(image_bytes):
    """JPEG or GIF -> [H, W, 3] uint8."""
    image = tf.io.decode_image(image_bytes, channels=3, expand_animations=False)
    return tf.ensure_shape(image, [None, None, 3])


def _on_white(pixels):
    """Lays pixels on white where they are transparent.

    Args:
      pixels: [H, W, 1..4] uint8, gray or RGB, with or without alpha.

    Returns:
      [H, W, 3] uint8.
    """
    channels = tf.shape(pixels)[-1]
    has_alpha = (channels == 2) | (channels == 4)

    def blend():
        alpha = tf.cast(pixels[..., -1:], tf.float32) / 255.0
        colour = tf.cast(pixels[..., :-1], tf.float32)  # [H, W, 1 or 3]
        mixture = tf.round(255.0 + alpha * (colour - 255.0))
        return tf.cast(mixture, tf.uint8)

    colour = tf.cond(has_alpha, blend, lambda: pixels)
    colour = tf.ensure_shape(colour, [None, None, None])
    return tf.cond(
        channels < 3, lambda: tf.tile(colour, [1, 1, 3]), lambda: colour
    )


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
