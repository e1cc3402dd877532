"""Decoding and resizing, the same in training, evaluation and serving."""

import contextlib
import re

import tensorflow as tf

from ssd_tf.errors import InputError

_PNG_MARK = b"\x89PNG"
_JPEG_MARK = b"\xff\xd8"
# The Exif block of a JPEG is its first segment, or its second behind a short
# one (Exif 2.3, 4.5.4), and holds the orientation near its beginning.
_EXIF_WITHIN_BYTES = 1 << 14
_EXIF_MARK = b"Exif\0\0"
# What is read of the block; the orientation is in its first directory.
_TIFF_BYTES = 1 << 12
_ORIENTATION_TAG = 0x0112


def decode(image_bytes):
    """Decodes JPEG, PNG, GIF, BMP or WebP to what a person sees.

    Gray, palette, CMYK and 16-bit images become 8-bit RGB. A PNG with alpha
    lies on white, as on a page. A JPEG is turned as its Exif block says.
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
    return tf.ensure_shape(image, [None, None, 3])


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
    """JPEG, GIF, BMP or WebP -> [H, W, 3] uint8, upright."""
    image = tf.io.decode_image(image_bytes, channels=3, expand_animations=False)
    image = tf.ensure_shape(image, [None, None, 3])
    head = tf.strings.substr(image_bytes, 0, _EXIF_WITHIN_BYTES)
    # The part after the mark; only JPEG can have it so near its beginning.
    parts = tf.strings.split(head, sep=_EXIF_MARK, maxsplit=1)
    is_jpeg = tf.strings.substr(head, 0, len(_JPEG_MARK)) == _JPEG_MARK
    return tf.cond(
        is_jpeg & (tf.size(parts) > 1),
        lambda: _turn_upright(image, _orientation(parts[-1])),
        lambda: image,
    )


def _orientation(tiff):
    """The Exif orientation, scalar int32, 1..8; 1 where there is none.

    Args:
      tiff: scalar string, the Exif block and what follows it.
    """
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


def _turn_upright(image, orientation):
    """Undoes an Exif orientation: [H, W, 3] -> [H, W, 3] or [W, H, 3]."""

    def if_one_of(orientations, function, pixels):
        return tf.cond(
            tf.reduce_any(orientation == tf.constant(orientations)),
            lambda: function(pixels),
            lambda: pixels,
        )

    image = if_one_of((5, 6, 7, 8), lambda x: tf.transpose(x, [1, 0, 2]), image)
    image = if_one_of((2, 3, 6, 7), lambda x: tf.reverse(x, [1]), image)
    return if_one_of((3, 4, 7, 8), lambda x: tf.reverse(x, [0]), image)


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
                f"an image of split {split!r} cannot be read: {_reason(error)}"
            ) from error
        if example is None:
            return
        try:
            decode(example["image"])
        except tf.errors.InvalidArgumentError as error:
            name = example["image_id"].numpy().decode()
            raise InputError(
                f"image {name} of split {split!r} cannot be decoded:"
                f" {_reason(error)}"
            ) from error


def _reason(error: tf.errors.OpError) -> str:
    """What went wrong, without TensorFlow's names of nodes."""
    text = re.sub(r"{{.*?}}|\[Op:.*", "", error.message, flags=re.DOTALL)
    return " ".join(text.split()).rstrip(".")
