"""Pixels: encoded bytes -> upright RGB, and resampling."""

from ssd_tf.data.images.codecs import on_white
from ssd_tf.data.images.faults import (
    RECOVERED,
    Fault,
    fault_of,
    fault_of_reading,
)
from ssd_tf.data.images.formats import (
    FORMATS,
    MAX_PIXELS,
    SUFFIXES,
    ImageFormat,
    decode,
    find_format,
    is_quarter_turn,
    resize,
)
from ssd_tf.data.images.headers import header_size, reason

__all__ = [
    "FORMATS",
    "Fault",
    "MAX_PIXELS",
    "RECOVERED",
    "SUFFIXES",
    "ImageFormat",
    "decode",
    "fault_of",
    "fault_of_reading",
    "find_format",
    "header_size",
    "is_quarter_turn",
    "on_white",
    "reason",
    "resize",
]
