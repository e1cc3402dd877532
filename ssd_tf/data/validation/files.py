"""Whether the images of a data set can be read and decoded as they are."""

import pathlib
from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf

from ssd_tf.data import images
from ssd_tf.data.sources.annotations import RawImage


class ImageFacts(NamedTuple):
    """What an image file tells.

    Attributes:
      size: (height, width) in pixels as shown; None if it does not decode.
      is_turned: whether its Exif block swaps height and width.
      problems: (kind, message) of each; see `validation.SEVERITIES`.
    """

    size: tuple[int, int] | None
    is_turned: bool
    problems: tuple[tuple[str, str], ...]


class _Format(NamedTuple):
    """What tells a format, and whether a file has its end."""

    suffixes: tuple[str, ...]
    is_begun: Callable[[bytes], bool]
    is_ended: Callable[[bytes], bool]


def _ends_with(mark: bytes) -> Callable[[bytes], bool]:
    # Interrupted downloads may have been filled up with zeros.
    return lambda encoded: encoded.rstrip(b"\0").endswith(mark)


def _has_length(at: int, *, beyond: int) -> Callable[[bytes], bool]:
    """Whether a file is as long as the four bytes at a place say."""
    return lambda encoded: (
        len(encoded) >= int.from_bytes(encoded[at : at + 4], "little") + beyond
    )


_FORMATS = {
    "JPEG": _Format(
        (".jpg", ".jpeg"),
        lambda encoded: encoded.startswith(b"\xff\xd8\xff"),
        _ends_with(b"\xff\xd9"),
    ),
    "PNG": _Format(
        (".png",),
        lambda encoded: encoded.startswith(b"\x89PNG"),
        _ends_with(b"IEND\xaeB`\x82"),
    ),
    "GIF": _Format(
        (".gif",),
        lambda encoded: encoded.startswith(b"GIF8"),
        _ends_with(b";"),
    ),
    "BMP": _Format(
        (".bmp",),
        lambda encoded: encoded.startswith(b"BM"),
        _has_length(2, beyond=0),
    ),
    "WebP": _Format(
        (".webp",),
        lambda encoded: encoded[:4] == b"RIFF" and encoded[8:12] == b"WEBP",
        _has_length(4, beyond=8),
    ),
}


def inspect_image(raw: RawImage) -> ImageFacts:
    """Reads and decodes an image as training does."""
    try:
        encoded = raw.read()
    except FileNotFoundError as error:
        message = "image is missing" if error.strerror else str(error)
        return ImageFacts(None, False, (("missing_image", message),))
    except OSError as error:
        message = f"image cannot be read: {error.strerror or error}"
        return ImageFacts(None, False, (("unreadable", message),))
    fmt = next((f for f in _FORMATS if _FORMATS[f].is_begun(encoded)), None)
    problems = _mislabelled(fmt, raw.image_path)
    try:
        size, is_turned = _decode(encoded)
    except tf.errors.OpError:
        problems += (_undecodable(fmt, encoded),)
        return ImageFacts(None, False, problems)
    height, width = size.numpy().tolist()
    return ImageFacts((height, width), bool(is_turned), problems)


# In a graph: eagerly it takes three times as long.
@tf.function(input_signature=[tf.TensorSpec([], tf.string)])
def _decode(encoded):
    """Encoded image -> [2] int32 height and width, bool turned by a quarter."""
    with tf.device("/CPU:0"):
        size = tf.shape(images.decode(encoded))[:2]
        return size, images.is_quarter_turn(encoded)


def _mislabelled(
    fmt: str | None, image_path: str
) -> tuple[tuple[str, str], ...]:
    suffix = pathlib.Path(image_path).suffix.lower()
    expected = (f for f in _FORMATS if suffix in _FORMATS[f].suffixes)
    if fmt is None or next(expected, fmt) == fmt:
        return ()
    return (("mislabelled", f"a {fmt} by its content; read as such"),)


def _undecodable(fmt: str | None, encoded: bytes) -> tuple[str, str]:
    if not encoded:
        return "truncated", "the image file is empty"
    if fmt and not _FORMATS[fmt].is_ended(encoded):
        return "truncated", f"{fmt} without its end, {len(encoded)} bytes"
    try:
        images.decode(encoded)
    except tf.errors.OpError as error:
        reason = images.reason(error)
    return "undecodable", f"the image cannot be decoded: {reason}"
