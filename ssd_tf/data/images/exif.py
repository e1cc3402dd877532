"""The Exif orientation of encoded images, found and undone in graph."""

import tensorflow as tf

# What stands before the Exif block in a file of each format.
_JPEG_MARK = b"Exif\0\0"
_PNG_MARK = b"eXIf"
_WEBP_MARK = b"EXIF"
# The Exif block of a JPEG is its first segment, or its second behind a short
# one (Exif 2.3, 4.5.4), and holds the orientation near its beginning.
_JPEG_EXIF_WITHIN_BYTES = 1 << 14
_CHUNK_SIZE_BYTES = 4
# A block is a TIFF file, of either byte order.
_TIFF_HEADERS = (b"II*\0", b"MM\0*")
# What is read of the block; the orientation is in its first directory.
_TIFF_BYTES = 1 << 12
_ORIENTATION_TAG = 0x0112


def orientation(block):
    """The orientation that an Exif block tells, scalar int32, 1..8.

    Args:
      block: scalar string, the Exif block and what follows it; may be empty,
        which gives 1.
    """
    is_tiff = tf.reduce_any(
        tf.strings.substr(block, 0, 4) == tf.constant(_TIFF_HEADERS)
    )
    return tf.cond(is_tiff, lambda: _orientation_in(block), lambda: 1)


def no_block(image_bytes):
    """The block of a format that has none; empty."""
    del image_bytes
    return tf.constant(b"")


def jpeg_block(image_bytes):
    """The Exif block of a JPEG and what follows it; empty without one."""
    head = tf.strings.substr(image_bytes, 0, _JPEG_EXIF_WITHIN_BYTES)
    return _after(tf.strings.split(head, sep=_JPEG_MARK, maxsplit=1))


def png_block(image_bytes):
    """The first Exif chunk of a PNG (third edition) and what follows it."""
    return _after(tf.strings.split(image_bytes, sep=_PNG_MARK, maxsplit=1))


def webp_block(image_bytes):
    """The last Exif chunk of a WebP: it comes after the image."""
    block = _after(tf.strings.split(image_bytes, sep=_WEBP_MARK))
    block = tf.strings.substr(
        block, tf.minimum(_CHUNK_SIZE_BYTES, tf.strings.length(block)), -1
    )
    # Some programs repeat the mark of JPEG in the chunk.
    return tf.strings.split(block, sep=_JPEG_MARK, maxsplit=1)[-1]


def _after(parts):
    """The last of the parts of a split; empty where nothing was split."""
    return tf.where(tf.size(parts) > 1, parts[-1], b"")


def _orientation_in(tiff):
    """The orientation in a TIFF file's first directory; else 1."""
    # Padded with zeros, so that nothing is read beyond the end.
    raw = tf.io.decode_raw(tiff, tf.uint8, fixed_length=_TIFF_BYTES)
    raw = tf.cast(tf.reshape(raw, [_TIFF_BYTES]), tf.int32)
    is_little_endian = raw[0] == ord("I")

    def uint16(pair):  # [.., 2] -> [..]
        low = tf.where(is_little_endian, pair[..., 0], pair[..., 1])
        high = tf.where(is_little_endian, pair[..., 1], pair[..., 0])
        return low + 256 * high

    first, second = uint16(raw[4:6]), uint16(raw[6:8])
    low = tf.where(is_little_endian, first, second)
    high = tf.where(is_little_endian, second, first)
    offset = tf.where(high == 0, low, _TIFF_BYTES)
    start = tf.minimum(offset, _TIFF_BYTES - 2) + 2
    count = uint16(raw[start - 2 : start])
    count = tf.minimum(count, (_TIFF_BYTES - start) // 12)
    # Entries: tag, type, number of values (2, 2, 4 bytes), value.
    entries = tf.reshape(raw[start : start + 12 * count], [-1, 12])
    is_orientation = uint16(entries[:, :2]) == _ORIENTATION_TAG
    values = tf.boolean_mask(uint16(entries[:, 8:10]), is_orientation)
    value = tf.concat([values, [1]], axis=0)[0]
    return tf.where((value >= 1) & (value <= 8), value, 1)


def turn_upright(image, orientation):
    """Undoes an orientation of [H, W, 3]; a quarter turn gives [W, H, 3]."""

    def if_one_of(orientations, function, pixels):
        return tf.cond(
            tf.reduce_any(orientation == tf.constant(orientations)),
            lambda: function(pixels),
            lambda: pixels,
        )

    image = if_one_of((5, 6, 7, 8), lambda x: tf.transpose(x, [1, 0, 2]), image)
    image = if_one_of((2, 3, 6, 7), lambda x: tf.reverse(x, [1]), image)
    return if_one_of((3, 4, 7, 8), lambda x: tf.reverse(x, [0]), image)
