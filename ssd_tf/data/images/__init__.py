"""Pixels: encoded bytes -> upright RGB, and resampling."""

from ssd_tf.data.images.decoding import (
    decode,
    header_size,
    is_quarter_turn,
    reason,
    resize,
)
from ssd_tf.data.images.formats import (
    FORMATS,
    SUFFIXES,
    ImageFormat,
    find_format,
)

__all__ = [
    "FORMATS",
    "SUFFIXES",
    "ImageFormat",
    "decode",
    "find_format",
    "header_size",
    "is_quarter_turn",
    "reason",
    "resize",
]
