"""Text on pictures."""

import functools
import math
import pathlib

import matplotlib
from PIL import Image, ImageFont

# Letters are drawn this much larger and made smaller: set directly, a small
# font's letters stand on whole pixels, so that their distances are uneven
# ("WBC" looks like "W BC").
_OVERSAMPLING = 4
# Of the size of the font; the tallest letters and what hangs below the line.
_ASCENT, _DESCENT = 0.99, 0.26


@functools.lru_cache(maxsize=16)
def _font(size_px: int) -> ImageFont.FreeTypeFont:
    # Matplotlib's own font knows Latin, Greek, Cyrillic, Arabic and Hebrew.
    fonts = pathlib.Path(matplotlib.get_data_path()) / "fonts/ttf"
    return ImageFont.truetype(str(fonts / "DejaVuSans.ttf"), size_px)


def text_height(size_px: int) -> int:
    """Height in pixels of any line of text of a size."""
    return math.ceil((_ASCENT + _DESCENT) * size_px)


@functools.lru_cache(maxsize=1024)
def text_mask(text: str, size_px: int) -> Image.Image:
    """A line of text as a picture of mode "L", kerned; the ink is 255.

    It is as wide as the text, at least one pixel, and `text_height` high.
    """
    font = _font(size_px * _OVERSAMPLING)
    width = max(1, math.ceil(font.getlength(text) / _OVERSAMPLING))
    large = Image.new(
        "L", (width * _OVERSAMPLING, text_height(size_px) * _OVERSAMPLING)
    )
    baseline = round(_ASCENT * size_px * _OVERSAMPLING)
    ink, offset = font.getmask2(text, mode="L", anchor="ls")
    if ink.size[0] and ink.size[1]:
        letters = Image.frombytes("L", ink.size, bytes(ink))
        large.paste(letters, (offset[0], baseline + offset[1]))
    return large.reduce(_OVERSAMPLING)


def fitting(text: str, size_px: int, *, width_px: int) -> str:
    """The text, its end replaced by "…" where it is too wide."""
    for length in range(len(text), 0, -1):
        part = text if length == len(text) else f"{text[:length]}…"
        if text_mask(part, size_px).width <= width_px:
            return part
    return "…"
