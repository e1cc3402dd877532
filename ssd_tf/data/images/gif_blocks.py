"""The blocks of a GIF up to the end of its first image, found in graph.

TensorFlow decodes all images of an animation to give the first: a megabyte can
hold a hundred of them, and gigabytes of pixels. Source: GIF89a specification.
"""

from typing import NamedTuple

import tensorflow as tf

_HEADER_BYTES = 13
_FLAGS_AT = 10
_IMAGE, _EXTENSION = 0x2C, 0x21
_DESCRIPTOR_BYTES = 10
_WIDTH_AT, _HEIGHT_AT, _IMAGE_FLAGS_AT = 5, 7, 9
_END = b";"


class _Walk(NamedTuple):
    """A place in the file, [] int32, and what it is in the midst of."""

    at: tf.Tensor
    is_in_data: tf.Tensor  # between sub-blocks
    image_at: tf.Tensor  # its descriptor; 0 before it
    is_done: tf.Tensor


@tf.function(input_signature=[tf.TensorSpec([], tf.string)])
def first_image_alone(image_bytes):
    """A GIF that ends after its first image; as it is if that is damaged."""
    raw = tf.io.decode_raw(image_bytes, tf.uint8)  # [N]
    end = _walk(raw, is_over=lambda walk: walk.is_done).at
    is_found = end <= tf.size(raw)
    return tf.cond(
        is_found,
        lambda: tf.strings.join([tf.strings.substr(image_bytes, 0, end), _END]),
        lambda: image_bytes,
    )


@tf.function(input_signature=[tf.TensorSpec([], tf.string)])
def first_image_pixels(image_bytes):
    """Pixels of the first image, int64 scalar; 0 without one."""
    raw = tf.io.decode_raw(image_bytes, tf.uint8)  # [N]
    at = _walk(raw, is_over=lambda walk: walk.image_at > 0).image_at

    def side(offset: int):
        low, high = (_byte(raw, at + offset + i) for i in (0, 1))
        return tf.cast(low + 256 * high, tf.int64)

    return tf.where(at > 0, side(_WIDTH_AT) * side(_HEIGHT_AT), 0)


def _walk(raw, *, is_over) -> _Walk:
    """Goes from block to block; beyond the end where one is damaged."""
    size = tf.size(raw)

    def step(at, is_in_data, image_at, is_done):
        del is_done
        value = _byte(raw, at)
        is_image = ~is_in_data & (value == _IMAGE)
        is_extension = ~is_in_data & (value == _EXTENSION)
        colours_of_image = _table_bytes(_byte(raw, at + _IMAGE_FLAGS_AT))
        beyond = size + 1 - at
        length = tf.where(
            is_in_data,
            1 + value,
            tf.where(
                is_image,
                _DESCRIPTOR_BYTES + colours_of_image + 1,  # bits of a code
                tf.where(is_extension, 2, beyond),
            ),
        )
        image_at = tf.where(is_image, at, image_at)
        ends_data = is_in_data & (value == 0)
        return _Walk(
            at + length,
            ~ends_data & (is_in_data | is_image | is_extension),
            image_at,
            ends_data & (image_at > 0),
        )

    start = _HEADER_BYTES + _table_bytes(_byte(raw, _FLAGS_AT))
    begin = _Walk(start, tf.constant(False), tf.constant(0), tf.constant(False))
    return _Walk(
        *tf.while_loop(
            lambda *walk: ~is_over(_Walk(*walk)) & (walk[0] <= size),
            step,
            begin,
            parallel_iterations=1,
        )
    )


def _byte(raw, at):
    """A byte as int32; 0 beyond the end."""
    padded = tf.minimum(at, tf.size(raw) - 1)
    value = tf.cast(raw[tf.maximum(padded, 0)], tf.int32)
    return tf.where(at < tf.size(raw), value, 0)


def _table_bytes(flags):
    """Bytes of the table of colours that flags tell of, int32."""
    size = 3 * tf.bitwise.left_shift(1, flags % 8 + 1)
    return tf.where(flags >= 128, size, 0)
