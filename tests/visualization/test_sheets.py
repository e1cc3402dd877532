"""Pictures put together, by their pixels."""

import numpy as np
import pytest
from PIL import Image

from ssd_tf import visualization

TITLE = 21  # pixels above the pictures: a line of 12 px and a gap


def grid(sizes):
    """A sheet of red and lime over blue and yellow pictures."""
    colours = [["red", "lime"], ["blue", "yellow"]]
    rows = [
        [Image.new("RGB", s, c) for s, c in zip(*row)]
        for row in zip(sizes, colours)
    ]
    return visualization.side_by_side(rows, ("one", "two"))


def test_two_columns():
    """60 x 40 each, 6 pixels apart, under a line of titles."""
    sheet = grid([[(60, 40)] * 2] * 2)
    assert sheet.size == (60 + 6 + 60, TITLE + 40 + 6 + 40)
    assert sheet.getpixel((0, TITLE)) == (255, 0, 0)
    assert sheet.getpixel((59, TITLE + 39)) == (255, 0, 0)
    assert sheet.getpixel((66, TITLE)) == (0, 255, 0)
    assert sheet.getpixel((0, TITLE + 46)) == (0, 0, 255)
    assert sheet.getpixel((125, TITLE + 85)) == (255, 255, 0)
    assert sheet.getpixel((62, 50)) == (255, 255, 255)
    assert sheet.getpixel((30, TITLE + 42)) == (255, 255, 255)
    titles = np.asarray(sheet.convert("L"))[:TITLE]
    assert (titles[:, :60] < 100).any() and (titles[:, 66:] < 100).any()


def test_pictures_keep_their_sizes():
    """Columns and rows are as wide and high as the largest of theirs."""
    sheet = grid([[(60, 40), (50, 30)], [(20, 10), (90, 20)]])
    assert sheet.size == (60 + 6 + 90, TITLE + 40 + 6 + 20)
    assert sheet.getpixel((66 + 49, TITLE + 29)) == (0, 255, 0)
    assert sheet.getpixel((66 + 50, TITLE)) == (255, 255, 255)
    assert sheet.getpixel((19, TITLE + 46 + 9)) == (0, 0, 255)
    assert sheet.getpixel((20, TITLE + 46)) == (255, 255, 255)
    assert sheet.getpixel((155, TITLE + 46 + 19)) == (255, 255, 0)


def test_a_long_title_stays_in_its_column():
    picture = Image.new("RGB", (60, 40), "red")
    sheet = visualization.side_by_side([[picture] * 2], ("w" * 99, "w" * 99))
    gap = np.asarray(sheet.convert("L"))[:TITLE, 57:66]
    assert (gap == 255).all()


@pytest.mark.parametrize(
    "size, side, expected",
    [
        ((400, 300), 200, (200, 150)),
        ((300, 400), 200, (150, 200)),
        ((400, 300), 400, (400, 300)),
        ((4000, 3), 400, (400, 1)),
    ],
)
def test_shrink_keeps_the_shape(size, side, expected):
    assert visualization.shrink(Image.new("RGB", size), side).size == expected
