"""Pictures of boxes."""

import colorsys
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

# Successive hues by the golden ratio: neighbours in the list of classes are
# far apart on the colour circle.
_HUE_STEP = 0.618034


def class_color(label: int) -> tuple[int, int, int]:
    """A bright R, G, B colour of a class, 0..255; the same every time."""
    rgb = colorsys.hsv_to_rgb((label * _HUE_STEP) % 1.0, 0.85, 0.95)
    return tuple(round(255 * channel) for channel in rgb)  # type: ignore


def draw_boxes(
    image: np.ndarray,
    boxes: np.ndarray,
    labels: np.ndarray,
    class_names: Sequence[str],
    *,
    scores: np.ndarray | None = None,
) -> Image.Image:
    """Draws boxes with names, and scores where given.

    Args:
      image: [H, W, 3] uint8 RGB.
      boxes: [N, 4] yxyx, normalised to the image.
      labels: [N] int, 1..C; `class_names` begin with that of label 1.
      scores: [N] float.
    """
    picture = Image.fromarray(np.asarray(image, np.uint8)).convert("RGB")
    draw = ImageDraw.Draw(picture)
    side = max(picture.size)
    line = max(1, round(side / 250))
    font = ImageFont.load_default(size=max(10, round(side / 45)))
    # Best last, so that its name lies on top.
    order = range(len(boxes)) if scores is None else np.argsort(scores)
    for i in order:
        name = class_names[int(labels[i]) - 1]
        text = name if scores is None else f"{name} {scores[i]:.2f}"
        _draw_box(
            draw,
            np.asarray(boxes[i]) * (picture.size[::-1] * 2),
            text,
            color=class_color(int(labels[i])),
            line=line,
            font=font,
        )
    return picture


def _draw_box(draw, box_px, text, *, color, line, font):
    width, height = draw.im.size
    inside = np.clip(box_px, 0, (height, width) * 2)
    if not (inside[:2] < inside[2:]).all():
        return  # nothing of it is in the image
    ymin, xmin, ymax, xmax = np.rint(inside).astype(int).tolist()
    # Pillow draws the far edges on the pixels named, a box ends before them.
    xmax, ymax = max(xmin, xmax - 1), max(ymin, ymax - 1)
    draw.rectangle((xmin, ymin, xmax, ymax), outline=color, width=line)
    left, top, right, bottom = draw.textbbox((0, 0), text, font=font)
    text_width, text_height = right - left + 3, bottom - top + 3
    # Above the box where there is room, else inside its top edge; moved to
    # the left where it would leave the image.
    y = ymin - text_height if ymin >= text_height else ymin
    x = max(0, min(xmin, width - text_width))
    draw.rectangle((x, y, x + text_width - 1, y + text_height - 1), fill=color)
    ink = "black" if sum(color) > 380 else "white"
    draw.text((x + 1 - left, y + 1 - top), text, fill=ink, font=font)


def draw_assignment(
    image: np.ndarray,
    anchor_boxes: np.ndarray,
    gclasses: np.ndarray,
    gt_boxes: np.ndarray,
) -> Image.Image:
    """Draws the positive anchors in their class's colour, objects in white.

    Args:
      image: [H, W, 3] uint8 RGB.
      anchor_boxes, gt_boxes: [A, 4] and [M, 4] yxyx, normalised to the image.
      gclasses: [A] int, as the target encoder gives them.
    """
    picture = Image.fromarray(np.asarray(image, np.uint8)).convert("RGB")
    draw = ImageDraw.Draw(picture)
    scale = picture.size[::-1] * 2
    for i in np.flatnonzero(gclasses > 0):
        ymin, xmin, ymax, xmax = (anchor_boxes[i] * scale).tolist()
        color = class_color(int(gclasses[i]))
        draw.rectangle((xmin, ymin, xmax, ymax), outline=color)
    for box in gt_boxes:
        ymin, xmin, ymax, xmax = (box * scale).tolist()
        draw.rectangle((xmin, ymin, xmax, ymax), outline="white", width=2)
    return picture


def side_by_side(
    rows: Sequence[Sequence[Image.Image]],
    titles: Sequence[str],
    *,
    gap: int = 6,
) -> Image.Image:
    """Puts pictures of one size on a grid under a title for each column.

    `gap` is in pixels.
    """
    width, height = rows[0][0].size
    font_size = max(12, round(height / 20))
    font = ImageFont.load_default(size=font_size)
    title_height = 2 * gap + font_size
    sheet_width = len(titles) * (width + gap) - gap
    sheet_height = len(rows) * (height + gap) - gap + title_height
    sheet = Image.new("RGB", (sheet_width, sheet_height), "white")
    draw = ImageDraw.Draw(sheet)
    for column, title in enumerate(titles):
        x = column * (width + gap)
        draw.text((x + gap, gap // 2), title, fill="black", font=font)
        for row, pictures in enumerate(rows):
            y = title_height + row * (height + gap)
            sheet.paste(pictures[column], (x, y))
    return sheet
