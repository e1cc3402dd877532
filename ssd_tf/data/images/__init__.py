"""Pixels: encoded bytes -> upright RGB, and resampling."""

from ssd_tf.data.images.decoding import (
    check_decodable,
    decode,
    header_size,
    is_quarter_turn,
    naming_undecodable,
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
    "check_decodable",
    "decode",
    "find_format",
    "header_size",
    "is_quarter_turn",
    "naming_undecodable",
    "reason",
    "resize",
]
