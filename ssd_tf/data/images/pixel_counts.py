"""The number of pixels of encoded images, by their headers, in graph.

Each takes a scalar string and returns an int64 scalar, before any pixel is
decoded: a file of a megabyte can hold gigabytes. What is no header of the
format gives any number, as the decoder refuses it.
"""

from collections.abc import Callable

import tensorflow as tf

from ssd_tf.data.images import gif_blocks

# Where (offset, bytes) a header has width and height.
_PNG = (16, 4), (20, 4)  # of the IHDR chunk, which is the first
_GIF_CANVAS = (6, 2), (8, 2)
_BMP = (18, 4), (22, 4)  # the height may be negative: from top to bottom
_WEBP_EXTENDED = (24, 3), (27, 3)  # minus one
_WEBP_LOSSY = (26, 2), (28, 2)  # of 14 bits
_WEBP_LOSSLESS_AT = 21  # 14 bits each, minus one
_WEBP_HEADER_BYTES = 30
_WEBP_CHUNK_AT = 12
_BITS_14 = (1 << 14) - 1


def jpeg(image_bytes):
    """Pixels of a JPEG; an error where libjpeg cannot read its header."""
    height_width = tf.io.extract_jpeg_shape(image_bytes, tf.int32)[:2]
    return tf.reduce_prod(tf.cast(height_width, tf.int64))


def png(image_bytes):
    """Pixels of a PNG."""
    return _product(image_bytes, _PNG, is_big_endian=True)


def gif(image_bytes):
    """Pixels of the canvas of a GIF, or of its first image if it is larger."""
    return tf.maximum(
        _product(image_bytes, _GIF_CANVAS),
        gif_blocks.first_image_pixels(image_bytes),
    )


def bmp(image_bytes):
    """Pixels of a BMP."""
    head = first_bytes(image_bytes, _BMP[1][0] + 4)
    width, height = (signed_32(little_endian(head, field)) for field in _BMP)
    return tf.abs(width * height)


def webp(image_bytes):
    """Pixels of a WebP; of an animation those of its canvas."""
    head = first_bytes(image_bytes, _WEBP_HEADER_BYTES)

    def begins_with(name: bytes):
        chunk = head[_WEBP_CHUNK_AT : _WEBP_CHUNK_AT + len(name)]
        return tf.reduce_all(chunk == tf.constant(list(name), tf.int64))

    def extended():
        width, height = (little_endian(head, f) for f in _WEBP_EXTENDED)
        return (width + 1) * (height + 1)

    def lossless():
        bits = little_endian(head, (_WEBP_LOSSLESS_AT, 4))
        width = tf.bitwise.bitwise_and(bits, _BITS_14)
        height = tf.bitwise.bitwise_and(bits // (1 << 14), _BITS_14)
        return (width + 1) * (height + 1)

    def lossy():
        width, height = (little_endian(head, f) for f in _WEBP_LOSSY)
        return tf.bitwise.bitwise_and(width, _BITS_14) * tf.bitwise.bitwise_and(
            height, _BITS_14
        )

    return tf.cond(
        begins_with(b"VP8X"),
        extended,
        lambda: tf.cond(begins_with(b"VP8L"), lossless, lossy),
    )


def unknown(image_bytes):
    """No pixels: nothing decodes a file of an unknown format."""
    del image_bytes
    return tf.constant(0, tf.int64)


def check_pixels(image_bytes, num_pixels: Callable, max_pixels):
    """The bytes again; an error where the image has too many pixels.

    Args:
      image_bytes: scalar string.
      num_pixels: one of the functions here.
      max_pixels: int64 scalar.

    Raises:
      tf.errors.InvalidArgumentError: with both numbers.
    """
    count = num_pixels(image_bytes)
    check = tf.debugging.Assert(
        count <= max_pixels,
        [
            tf.strings.format(
                "the image has {} pixels by its header; expected at most {}",
                (count, max_pixels),
            )
        ],
    )
    # Decoders have no state: nothing else makes them wait.
    with tf.control_dependencies([] if check is None else [check]):
        return tf.identity(image_bytes)


def _product(image_bytes, fields, *, is_big_endian: bool = False):
    end = max(offset + size for offset, size in fields)
    head = first_bytes(image_bytes, end)
    read = big_endian if is_big_endian else little_endian
    width, height = (read(head, field) for field in fields)
    return width * height


def little_endian(head, place):
    """An unsigned number of a header [N] int64, scalar int64."""
    offset, size = place
    weights = tf.constant([256**i for i in range(size)], tf.int64)
    return tf.reduce_sum(head[offset : offset + size] * weights)


def big_endian(head, place):
    """As `little_endian`, the first byte weighing most."""
    offset, size = place
    weights = tf.constant([256**i for i in reversed(range(size))], tf.int64)
    return tf.reduce_sum(head[offset : offset + size] * weights)


def signed_32(number):
    """The number of 32 bits whose bits an unsigned one has."""
    return tf.where(number < 1 << 31, number, number - (1 << 32))


def first_bytes(image_bytes, count: int):
    """The first bytes, [count] int64; zeros beyond the end."""
    head = tf.io.decode_raw(
        tf.strings.substr(image_bytes, 0, count), tf.uint8, fixed_length=count
    )
    return tf.cast(tf.reshape(head, [count]), tf.int64)
