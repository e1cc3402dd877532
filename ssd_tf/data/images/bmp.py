"""BMP images, whose colour table TensorFlow's decoder passes over."""

import tensorflow as tf

# Of the file header and the DIB header, little-endian (Microsoft's
# BITMAPFILEHEADER and BITMAPINFOHEADER): offset and size in bytes.
_PIXELS_AT = (10, 4)
_DIB_SIZE = (14, 4)
_BITS_PER_PIXEL = (28, 2)
_COMPRESSION = (30, 4)
_COLOURS_USED = (46, 4)
_HEADERS_BYTES = 54
_DIB_AT = 14
_MAX_COLOURS = 256
_ENTRY_BYTES = 4  # blue, green, red, unused


def decode(image_bytes):
    """Decodes a BMP of 8, 24 or 32 bits per pixel; the fourth byte is unused.

    Args:
      image_bytes: scalar string.

    Returns:
      [H, W, 3] uint8 RGB.

    Raises:
      tf.errors.InvalidArgumentError: truncated, compressed, or of 1, 4 or 16
        bits per pixel, which TensorFlow does not decode.
    """
    pixels = tf.io.decode_image(image_bytes, expand_animations=False)
    pixels = tf.ensure_shape(pixels, [None, None, None])  # [H, W, 1, 3 or 4]
    # Padded with zeros, so that nothing is read beyond the end.
    header = tf.io.decode_raw(
        tf.strings.substr(image_bytes, 0, _HEADERS_BYTES),
        tf.uint8,
        fixed_length=_HEADERS_BYTES,
    )
    header = tf.cast(tf.reshape(header, [_HEADERS_BYTES]), tf.int64)
    return tf.cond(
        _field(header, _BITS_PER_PIXEL) == 8,
        lambda: tf.gather(_palette(image_bytes, header), _indices(pixels)),
        lambda: pixels[..., :3],
    )


def _indices(pixels):
    return tf.cast(pixels[..., 0], tf.int32)  # [H, W]


def _palette(image_bytes, header):
    """The colours of all 256 indices, [256, 3] uint8 RGB."""
    # Bytes of a compressed image are no indices of pixels.
    tf.debugging.assert_equal(
        _field(header, _COMPRESSION),
        tf.constant(0, tf.int64),
        message="compressed BMP; expected an uncompressed one",
    )
    start = _DIB_AT + _field(header, _DIB_SIZE)
    room = tf.maximum(_field(header, _PIXELS_AT) - start, 0) // _ENTRY_BYTES
    used = _field(header, _COLOURS_USED)
    count = tf.where(used > 0, used, _MAX_COLOURS)
    count = tf.minimum(tf.minimum(count, room), _MAX_COLOURS)
    # Refuses to begin beyond the end.
    table = tf.strings.substr(image_bytes, start, count * _ENTRY_BYTES)
    table = tf.reshape(tf.io.decode_raw(table, tf.uint8), [-1, _ENTRY_BYTES])
    colours = tf.reverse(table[:, :3], axis=[1])  # [count, 3]
    # Without a table, and beyond it, an index is a gray.
    grays = tf.range(tf.shape(colours)[0], _MAX_COLOURS)
    grays = tf.tile(tf.cast(grays, tf.uint8)[:, None], [1, 3])
    return tf.concat([colours, grays], axis=0)


def _field(header, place):
    """An unsigned number of the header, scalar int64."""
    offset, size = place
    weights = tf.constant([256**i for i in range(size)], tf.int64)
    return tf.reduce_sum(header[offset : offset + size] * weights)
