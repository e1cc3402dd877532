"""Image files of a data set, read and decoded as training does."""

import pathlib
from typing import NamedTuple

import tensorflow as tf

from ssd_tf.data import images
from ssd_tf.data.sources.base import RawImage


class ImageFacts(NamedTuple):
    """The facts of an image file, to compare with its annotation.

    Attributes:
      size: (height, width) in pixels as shown; None if it does not decode.
      is_turned: its Exif block swaps height and width.
      problems: (kind, message) of each; see `checks.SEVERITIES`.
    """

    size: tuple[int, int] | None
    is_turned: bool
    problems: tuple[tuple[str, str], ...]


def inspect_image(raw: RawImage) -> ImageFacts:
    """Reads and decodes an image as training does."""
    try:
        encoded = raw.read()
    except OSError as error:
        return ImageFacts(None, False, (images.fault_of_reading(error),))
    fmt = images.find_format(encoded)
    problems = _mislabelled(fmt, raw.image_path)
    fault = images.fault_of(encoded)
    if fault:
        problems += (fault,)
        if fault.kind != images.RECOVERED:
            return ImageFacts(None, False, problems)
    size, is_turned = _decode(encoded)
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
    fmt: images.ImageFormat | None, image_path: str
) -> tuple[tuple[str, str], ...]:
    suffix = pathlib.Path(image_path).suffix.lower()
    if fmt is None or suffix in fmt.suffixes or suffix not in images.SUFFIXES:
        return ()
    return (("mislabelled", f"a {fmt.name} by its content; read as such"),)
