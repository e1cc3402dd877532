"""WebP images, with and without transparency, still and animated."""

import tensorflow as tf

# The header of an extended file: the name of its first chunk, and a byte of
# flags (WebP container specification, "Extended File Format").
_CHUNK_AT, _EXTENDED = 12, b"VP8X"
_FLAGS_AT = 20
_HEADER_BYTES = 21
_ANIMATION_FLAG = 0x02
_ANIMATION_WITH_ALPHA = b"\x12"


def decode(image_bytes):
    """Decodes WebP with the channels that it has.

    Args:
      image_bytes: scalar string.

    Returns:
      [H, W, 3 or 4] uint8 RGB or RGBA; of an animation the first frame, RGBA.

    Raises:
      tf.errors.InvalidArgumentError: not an image, or a truncated one.
    """
    # TensorFlow 2.21 writes the four channels of any animation, but into
    # memory for three if the header tells of no alpha, and the process dies.
    # So every animation declares alpha; frames without come out opaque.
    image_bytes = tf.cond(
        _is_animation(image_bytes),
        lambda: tf.strings.join(
            [
                tf.strings.substr(image_bytes, 0, _FLAGS_AT),
                _ANIMATION_WITH_ALPHA,
                tf.strings.substr(image_bytes, _FLAGS_AT + 1, -1),
            ]
        ),
        lambda: image_bytes,
    )
    # The decoder takes no other number of channels than the file's.
    pixels = tf.io.decode_image(image_bytes, expand_animations=False)
    return tf.ensure_shape(pixels, [None, None, None])


def _is_animation(image_bytes):
    """scalar bool; False for a file without an extended header."""
    # Padded with zeros, so that nothing is read beyond the end.
    header = tf.io.decode_raw(
        tf.strings.substr(image_bytes, 0, _HEADER_BYTES),
        tf.uint8,
        fixed_length=_HEADER_BYTES,
    )
    header = tf.reshape(header, [_HEADER_BYTES])
    chunk = header[_CHUNK_AT : _CHUNK_AT + len(_EXTENDED)]
    is_extended = tf.reduce_all(chunk == tf.constant(list(_EXTENDED), tf.uint8))
    flags = tf.cast(header[_FLAGS_AT], tf.int32)
    return is_extended & (tf.bitwise.bitwise_and(flags, _ANIMATION_FLAG) != 0)
