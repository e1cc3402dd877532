"""Pixels: encoded bytes -> upright RGB, and resampling."""

from ssd_tf.data.images.decoding import (
    check_decodable,
    decode,
    naming_undecodable,
    reason,
    resize,
)

__all__ = [
    "check_decodable",
    "decode",
    "naming_undecodable",
    "reason",
    "resize",
]
