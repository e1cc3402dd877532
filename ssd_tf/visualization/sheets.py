"""Pictures put together."""

from collections.abc import Sequence

from PIL import Image

from ssd_tf.visualization.text import fitting, text_height, text_mask


def shrink(picture: Image.Image, side_px: int) -> Image.Image:
    """The picture in its own shape, its longer side at most `side_px`."""
    factor = side_px / max(picture.size)
    if factor >= 1:
        return picture
    width, height = (max(1, round(side * factor)) for side in picture.size)
    return picture.resize((width, height), Image.Resampling.LANCZOS)


def side_by_side(
    rows: Sequence[Sequence[Image.Image]],
    titles: Sequence[str],
    *,
    gap: int = 6,
) -> Image.Image:
    """Puts pictures on a grid under a title for each column.

    Pictures keep their size; columns and rows are as large as the largest of
    theirs. `gap` is in pixels.
    """
    columns = range(len(titles))
    widths = [max(row[k].width for row in rows) for k in columns]
    heights = [max(picture.height for picture in row) for row in rows]
    size_px = max(12, round(max(heights) / 24))
    title_height = text_height(size_px) + gap
    sheet_width = sum(widths) + gap * (len(widths) - 1)
    sheet_height = sum(heights) + gap * (len(heights) - 1) + title_height
    sheet = Image.new("RGB", (sheet_width, sheet_height), "white")
    for k, title in enumerate(titles):
        x = sum(widths[:k]) + gap * k
        text = fitting(title, size_px, width_px=widths[k] - gap)
        sheet.paste("black", (x + gap, gap // 2), text_mask(text, size_px))
        for i, row in enumerate(rows):
            y = title_height + sum(heights[:i]) + gap * i
            sheet.paste(row[k], (x, y))
    return sheet
