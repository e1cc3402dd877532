"""Text on pictures, by its ink."""

import numpy as np
import pytest

from ssd_tf.visualization.text import fitting, text_height, text_mask


def columns(text, size_px):
    """Ink of each column of pixels, 0..1."""
    return np.asarray(text_mask(text, size_px)).max(axis=0) / 255


@pytest.mark.parametrize("size_px", [10, 12, 14, 20, 40])
def test_letters_are_kerned(size_px):
    """A pair like "AV" is narrower than its letters; their gap is small."""
    apart = sum(text_mask(c, size_px * 10).width for c in "AV")
    assert text_mask("AV", size_px * 10).width < 0.97 * apart
    # "W B C" in "WBC": no gap wider than a fifth of the letters' height.
    ink = columns("WBC", size_px) > 0.3
    inside = ink[ink.argmax() : len(ink) - ink[::-1].argmax()]
    gaps = "".join("x" if there else " " for there in inside).split("x")
    assert max(map(len, gaps)) <= max(1, round(0.2 * size_px))


def test_a_larger_size_is_the_same_text():
    small, large = (text_mask("WBC 0.75", size).width for size in (12, 48))
    assert large == pytest.approx(4 * small, abs=4)


@pytest.mark.parametrize("text", ["", "gÄy", "größter Hund, 犬", "собака"])
def test_every_line_is_equally_high(text):
    mask = text_mask(text, 20)
    assert mask.height == text_height(20) and mask.width >= 1
    assert (np.asarray(mask).max() > 200) == bool(text)
    # What hangs below the line, and dots above letters, are whole.
    ink = np.asarray(mask)
    assert ink[0].max() == 0 and ink[-1].max() == 0


def test_fitting():
    whole = text_mask("detections", 12).width
    assert fitting("detections", 12, width_px=whole) == "detections"
    shorter = fitting("detections", 12, width_px=whole // 2)
    assert shorter.endswith("…") and "detections".startswith(shorter[:-1])
    assert text_mask(shorter, 12).width <= whole // 2
    assert fitting("detections", 12, width_px=1) == "…"
