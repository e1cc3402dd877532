"""How the files of image formats begin."""

import tensorflow as tf

JPEG = b"\xff\xd8"
PNG = b"\x89PNG"
WEBP = b"RIFF"
BMP = b"BM"


def begins(image_bytes, mark: bytes):
    """Whether a scalar string begins with a mark; scalar bool."""
    return tf.strings.substr(image_bytes, 0, len(mark)) == mark
