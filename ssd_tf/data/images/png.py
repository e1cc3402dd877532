"""PNG images, with and without transparency."""

import tensorflow as tf

# A transparent colour: the chunk's size and name, of a gray and of an RGB
# image (PNG, third edition, 11.3.1.1). It comes before the pixels.
_TRANSPARENT_COLOURS = (b"\0\0\0\x02tRNS", b"\0\0\0\x06tRNS")
_PIXELS = b"IDAT"


def decode(image_bytes):
    """Decodes PNG with the channels that it has.

    Args:
      image_bytes: scalar string.

    Returns:
      [H, W, 1..4] uint8: gray or RGB, and alpha if anything is transparent.

    Raises:
      tf.errors.InvalidArgumentError: not an image, or a truncated one.
    """
    # A transparent colour shows with four channels only. These are not for
    # every file: below 8 bits TensorFlow 2.21 fills alpha with 1 or 15.
    pixels = tf.cond(
        _has_transparent_colour(image_bytes),
        lambda: tf.io.decode_png(image_bytes, channels=4),
        lambda: tf.io.decode_png(image_bytes),
    )
    return tf.ensure_shape(pixels, [None, None, None])


def _has_transparent_colour(image_bytes):
    head = tf.strings.split(image_bytes, sep=_PIXELS, maxsplit=1)[0]
    is_found = [
        tf.size(tf.strings.split(head, sep=mark, maxsplit=1)) > 1
        for mark in _TRANSPARENT_COLOURS
    ]
    return tf.reduce_any(tf.stack(is_found))
