"""Pixels: encoded bytes -> upright RGB, and resampling."""

from ssd_tf.data.images.codecs import on_white
from ssd_tf.data.images.formats import (
    FORMATS,
    SUFFIXES,
    ImageFormat,
    decode,
    find_format,
    header_size,
    is_quarter_turn,
    reason,
    resize,
)

__all__ = [
    "FORMATS",
    "SUFFIXES",
    "ImageFormat",
    "decode",
    "find_format",
    "header_size",
    "is_quarter_turn",
    "on_white",
    "reason",
    "resize",
]
