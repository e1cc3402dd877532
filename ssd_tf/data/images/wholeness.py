"""Encoded images whose parts are all there, told without decoding them.

A decoder fails on what these functions do not call whole; it reads all the rest
in a tenth of the time. They walk over the parts of a file as its format has
them: segments of JPEG, chunks and checksums of PNG, blocks of GIF. Only damage
that keeps this order can be missed, and then the decoder says so later.
"""

import re
import zlib

import tensorflow as tf

_JPEG_SOS, _JPEG_EOI = 0xDA, 0xD9
# Frames that libjpeg reads: baseline, extended and progressive, Huffman-coded.
_JPEG_FRAMES = (0xC0, 0xC1, 0xC2)
# Lossless, hierarchical and arithmetic ones.
_JPEG_OTHER_FRAMES = (0xC3, *range(0xC5, 0xC8), *range(0xC9, 0xCC))
_JPEG_OTHER_FRAMES += tuple(range(0xCD, 0xD0))
# A marker within coded data: neither a stuffed 0 nor a restart nor a filler.
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]")
_JPEG_DEPTH_BITS = 8
_JPEG_CHANNELS = (1, 3, 4)

_PNG_BEGIN_BYTES = 8
_PNG_SIZE_BYTES, _PNG_EXTRA_BYTES = 4, 12  # length, name and checksum

_GIF_HEADER_BYTES, _GIF_IMAGE_BYTES = 13, 10
_GIF_IMAGE, _GIF_EXTENSION, _GIF_END = 0x2C, 0x21, 0x3B

_RIFF_HEADER_BYTES = 12


def jpeg(encoded: bytes) -> bool:
    """True of a JPEG with tables that can be read, pixels and an end."""
    first_scan_end = _first_scan_end(encoded)
    if not first_scan_end:
        return False
    try:
        # The first row of pixels, which needs the frame and most tables. A
        # later scan of a progressive one would have to be decoded whole.
        tf.io.decode_and_crop_jpeg(
            encoded[:first_scan_end] + b"\xff\xd9", [0, 0, 1, 1]
        )
    except tf.errors.InvalidArgumentError:
        return False
    return True


def _first_scan_end(encoded: bytes) -> int:
    """Where the first scan ends, if the parts are there to the end; else 0."""
    first_scan_end = 0
    at = 2
    has_frame = False
    while True:
        # Segments may be divided by fillers.
        while encoded[at : at + 2] == b"\xff\xff":
            at += 1
        if len(encoded) < at + 4 or encoded[at] != 0xFF:
            return 0
        marker = encoded[at + 1]
        if marker in _JPEG_OTHER_FRAMES:
            return 0
        if marker in _JPEG_FRAMES:
            has_frame = (
                encoded[at + 4] == _JPEG_DEPTH_BITS
                and encoded[at + 9 : at + 10] != b""
                and encoded[at + 9] in _JPEG_CHANNELS
            )
        at += 2 + int.from_bytes(encoded[at + 2 : at + 4], "big")
        if marker != _JPEG_SOS:
            continue
        found = _JPEG_MARKER.search(encoded, at)
        if not has_frame or found is None or found.start() == at:
            return 0
        at = found.start()
        first_scan_end = first_scan_end or at
        if encoded[at + 1] == _JPEG_EOI:
            return first_scan_end


def png(encoded: bytes) -> bool:
    """True of a PNG whose chunks have their checksums, up to the end."""
    at = _PNG_BEGIN_BYTES
    view = memoryview(encoded)
    while at + _PNG_EXTRA_BYTES <= len(encoded):
        size = int.from_bytes(encoded[at : at + _PNG_SIZE_BYTES], "big")
        end = at + _PNG_SIZE_BYTES + 4 + size
        checksum = int.from_bytes(encoded[end : end + 4], "big")
        if zlib.crc32(view[at + _PNG_SIZE_BYTES : end]) != checksum:
            return False
        if encoded[at + 4 : at + 8] == b"IEND":
            return True
        at = end + 4
    return False


def gif(encoded: bytes) -> bool:
    """True of a GIF whose blocks are there, up to its end, with an image."""
    at = _GIF_HEADER_BYTES
    if len(encoded) < at:
        return False
    at += _gif_table_bytes(encoded[10])
    has_image = False
    while at < len(encoded):
        kind = encoded[at]
        if kind == _GIF_END:
            return has_image
        if kind == _GIF_EXTENSION:
            at += 2
        elif kind == _GIF_IMAGE and at + _GIF_IMAGE_BYTES <= len(encoded):
            has_image = True
            at += _GIF_IMAGE_BYTES + _gif_table_bytes(encoded[at + 9])
            at += 1  # bits of the first code
        else:
            return False
        while at < len(encoded) and encoded[at]:
            at += 1 + encoded[at]
        at += 1
    return False


def _gif_table_bytes(flags: int) -> int:
    return 3 << (flags % 8 + 1) if flags & 0x80 else 0


def webp(encoded: bytes) -> bool:
    """True of a WebP whose chunks are there, up to the length it tells."""
    end = int.from_bytes(encoded[4:8], "little") + 8
    at = _RIFF_HEADER_BYTES
    while at + 8 <= end <= len(encoded):
        size = int.from_bytes(encoded[at + 4 : at + 8], "little")
        at += 8 + size + size % 2
    return at == end


def bmp(encoded: bytes) -> bool:
    """Never true: a BMP is decoded as fast as it would be looked through."""
    del encoded
    return False
