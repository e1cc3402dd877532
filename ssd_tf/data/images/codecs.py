"""Decoders of each format, around what TensorFlow 2.21's leave out.

Each takes a scalar string and returns [H, W, 3] uint8 RGB, not yet upright; of
an animation the first frame. All run in graph, and raise
`tf.errors.InvalidArgumentError` for what is truncated or not of their format.
"""

import tensorflow as tf

from ssd_tf.data.images import gif_blocks
from ssd_tf.data.images.pixel_counts import first_bytes, little_endian

# PNG: a transparent colour is a chunk before the pixels; its size and name, of
# a gray and of an RGB image (PNG, third edition, 11.3.1.1).
_PNG_TRANSPARENT_COLOURS = (b"\0\0\0\x02tRNS", b"\0\0\0\x06tRNS")
_PNG_PIXELS = b"IDAT"

# WebP: the name of the first chunk, and a byte of flags behind it (WebP
# container specification, "Extended File Format").
_WEBP_CHUNK_AT, _WEBP_EXTENDED = 12, b"VP8X"
_WEBP_FLAGS_AT = 20
_WEBP_ANIMATION_FLAG = 0x02
_WEBP_ANIMATION_WITH_ALPHA = b"\x12"

# BMP: fields of both headers, little-endian (Microsoft's BITMAPFILEHEADER and
# BITMAPINFOHEADER), offset and size in bytes.
_BMP_PIXELS_AT = (10, 4)
_BMP_DIB_SIZE = (14, 4)
_BMP_BITS_PER_PIXEL = (28, 2)
_BMP_COMPRESSION = (30, 4)
_BMP_COLOURS_USED = (46, 4)
_BMP_HEADERS_BYTES = 54
_BMP_DIB_AT = 14
_BMP_MAX_COLOURS = 256
_BMP_ENTRY_BYTES = 4  # blue, green, red, unused

# Pixels that are laid on white at a time.
_STRIP_PIXELS = 1 << 18


def decode_jpeg(image_bytes):
    """Decodes JPEG; one that lacks its end as viewers show it.

    What is missing is gray, or of a progressive one less sharp, as libjpeg
    makes it.
    """
    image = tf.io.decode_jpeg(
        image_bytes, channels=3, try_recover_truncated=True
    )
    return tf.ensure_shape(image, [None, None, 3])


def decode_gif(image_bytes):
    """Decodes the first image of a GIF."""
    return decode_any(gif_blocks.first_image_alone(image_bytes))


def decode_any(image_bytes):
    """Decodes what it knows; of other formats it says which there are."""
    image = tf.io.decode_image(image_bytes, channels=3, expand_animations=False)
    return tf.ensure_shape(image, [None, None, 3])


def decode_png(image_bytes):
    """Decodes PNG; what is transparent lies on white."""
    head = tf.strings.split(image_bytes, sep=_PNG_PIXELS, maxsplit=1)[0]
    has_transparent_colour = tf.reduce_any(
        [
            tf.size(tf.strings.split(head, sep=mark, maxsplit=1)) > 1
            for mark in _PNG_TRANSPARENT_COLOURS
        ]
    )
    # A transparent colour shows with four channels only. These are not for
    # every file: below 8 bits TensorFlow fills alpha with 1 or 15.
    pixels = tf.cond(
        has_transparent_colour,
        lambda: tf.io.decode_png(image_bytes, channels=4),
        lambda: tf.io.decode_png(image_bytes),
    )
    return on_white(tf.ensure_shape(pixels, [None, None, None]))


def decode_webp(image_bytes):
    """Decodes WebP, still or animated; what is transparent lies on white."""
    # TensorFlow writes the four channels of any animation, but into memory
    # for three if the header tells of no alpha, and the process dies. So
    # every animation declares alpha; frames without come out opaque.
    image_bytes = tf.cond(
        _is_animated_webp(image_bytes),
        lambda: tf.strings.join(
            [
                tf.strings.substr(image_bytes, 0, _WEBP_FLAGS_AT),
                _WEBP_ANIMATION_WITH_ALPHA,
                tf.strings.substr(image_bytes, _WEBP_FLAGS_AT + 1, -1),
            ]
        ),
        lambda: image_bytes,
    )
    # The decoder takes no other number of channels than the file's.
    pixels = tf.io.decode_image(image_bytes, expand_animations=False)
    return on_white(tf.ensure_shape(pixels, [None, None, None]))


def _is_animated_webp(image_bytes):
    """scalar bool; False for a file without an extended header."""
    header = first_bytes(image_bytes, _WEBP_FLAGS_AT + 1)
    chunk = header[_WEBP_CHUNK_AT : _WEBP_CHUNK_AT + len(_WEBP_EXTENDED)]
    is_extended = tf.reduce_all(
        chunk == tf.constant(list(_WEBP_EXTENDED), tf.int64)
    )
    flags = header[_WEBP_FLAGS_AT]
    return is_extended & (
        tf.bitwise.bitwise_and(flags, _WEBP_ANIMATION_FLAG) != 0
    )


def decode_bmp(image_bytes):
    """Decodes BMP of 8, 24 or 32 bits per pixel; the fourth byte is unused.

    TensorFlow passes over the colour table, and refuses 1, 4 and 16 bits.
    """
    pixels = tf.io.decode_image(image_bytes, expand_animations=False)
    pixels = tf.ensure_shape(pixels, [None, None, None])  # [H, W, 1, 3 or 4]
    header = first_bytes(image_bytes, _BMP_HEADERS_BYTES)

    def by_palette():
        indices = tf.cast(pixels[..., 0], tf.int32)  # [H, W]
        return tf.gather(_bmp_palette(image_bytes, header), indices)

    return tf.cond(
        little_endian(header, _BMP_BITS_PER_PIXEL) == 8,
        by_palette,
        lambda: pixels[..., :3],
    )


def _bmp_palette(image_bytes, header):
    """The colours of all 256 indices, [256, 3] uint8 RGB."""
    # Bytes of a compressed image are no indices of pixels.
    tf.debugging.assert_equal(
        little_endian(header, _BMP_COMPRESSION),
        tf.constant(0, tf.int64),
        message="compressed BMP; expected an uncompressed one",
    )
    start = _BMP_DIB_AT + little_endian(header, _BMP_DIB_SIZE)
    room_bytes = tf.maximum(little_endian(header, _BMP_PIXELS_AT) - start, 0)
    used = little_endian(header, _BMP_COLOURS_USED)
    count = tf.where(used > 0, used, _BMP_MAX_COLOURS)
    count = tf.minimum(count, room_bytes // _BMP_ENTRY_BYTES)
    count = tf.minimum(count, _BMP_MAX_COLOURS)
    # Refuses to begin beyond the end.
    table = tf.strings.substr(image_bytes, start, count * _BMP_ENTRY_BYTES)
    table = tf.reshape(
        tf.io.decode_raw(table, tf.uint8), [-1, _BMP_ENTRY_BYTES]
    )
    colours = tf.reverse(table[:, :3], axis=[1])  # [count, 3]
    # Without a table, and beyond it, an index is a gray.
    grays = tf.range(tf.shape(colours)[0], _BMP_MAX_COLOURS)
    grays = tf.tile(tf.cast(grays, tf.uint8)[:, None], [1, 3])
    return tf.concat([colours, grays], axis=0)


def on_white(pixels):
    """Gray or RGB [H, W, 1..4] uint8, alpha or not -> [H, W, 3] on white."""
    channels = tf.shape(pixels)[-1]
    has_alpha = (channels == 2) | (channels == 4)
    colour = tf.cond(has_alpha, lambda: _blend(pixels), lambda: pixels)
    colour = tf.ensure_shape(colour, [None, None, None])
    return tf.cond(
        channels < 3, lambda: tf.tile(colour, [1, 1, 3]), lambda: colour
    )


def _blend(pixels):
    """[H, W, 2 or 4] uint8, the last being alpha -> [H, W, 1 or 3] on white.

    In strips: with the numbers between, a picture would take 25 bytes a pixel;
    so it takes those of its two ends, 7 for RGB.
    """
    height_width, channels = tf.shape(pixels)[:2], tf.shape(pixels)[-1]
    flat = tf.reshape(pixels, [-1, channels])  # [P, 2 or 4]
    count = tf.shape(flat)[0]
    num_strips = -(-count // _STRIP_PIXELS)

    def add_strip(i, strips):
        strip = flat[i * _STRIP_PIXELS : (i + 1) * _STRIP_PIXELS]
        alpha = tf.cast(strip[:, -1:], tf.float32) / 255.0
        colour = tf.cast(strip[:, :-1], tf.float32)
        mixture = tf.round(255.0 + alpha * (colour - 255.0))
        return i + 1, strips.write(i, tf.cast(mixture, tf.uint8))

    strips = tf.TensorArray(
        tf.uint8, num_strips, infer_shape=False, element_shape=[None, None]
    )
    _, strips = tf.while_loop(
        lambda i, _: i < num_strips,
        add_strip,
        (0, strips),
        parallel_iterations=1,
    )
    return tf.reshape(
        strips.concat(), tf.concat([height_width, [channels - 1]], axis=0)
    )
