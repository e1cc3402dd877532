"""Boxes, names and scores on a picture of any size."""

import math
from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw

from ssd_tf.visualization.colors import WHITE, class_color, ink_on
from ssd_tf.visualization.labels import Area, place_labels
from ssd_tf.visualization.text import text_height, text_mask

# Of the side of a square with as many pixels as the picture.
_LINE_SHARE = 1 / 220
_TEXT_SHARE = 1 / 40
_LEAST_TEXT_PX = 10
# A thin dark rim, so that every colour is seen on every ground.
_RIM = (0, 0, 0, 110)


def draw_boxes(
    image: np.ndarray,
    boxes: np.ndarray,
    labels: np.ndarray,
    class_names: Sequence[str],
    *,
    scores: np.ndarray | None = None,
) -> Image.Image:
    """Draws boxes with names, and scores where given.

    Lines and text grow with the picture, names do not cover one another where
    there is room, and those of the best scores lie on top.

    Args:
      image: [H, W, 3] uint8 RGB.
      boxes: [N, 4] yxyx, normalised to the image.
      labels: [N] int, 1..C; `class_names` begin with that of label 1.
      scores: [N] float.
    """
    picture = Image.fromarray(np.asarray(image, np.uint8)).convert("RGB")
    order = np.arange(len(boxes))
    if scores is not None:
        order = np.argsort(-np.asarray(scores), kind="stable")
    areas = [_inside(boxes[i], picture.size) for i in order]
    seen = [(i, area) for i, area in zip(order, areas) if area is not None]
    line, text_px = _line_and_text_px(picture.size)
    draw = ImageDraw.Draw(picture, "RGBA")  # the rim lets the ground through
    for i, area in reversed(seen):
        _draw_box(draw, area, class_color(int(labels[i])), line=line)
    chips = []
    for i, _ in seen:
        name = class_names[int(labels[i]) - 1]
        text = name if scores is None else f"{name} {scores[i]:.2f}"
        chips.append(_chip(text, text_px, class_color(int(labels[i]))))
    places = place_labels(
        [area for _, area in seen],
        [chip.size for chip in chips],
        picture_size=picture.size,
    )
    for chip, place in reversed(list(zip(chips, places, strict=True))):
        picture.paste(chip, place[:2])
    return picture


def _line_and_text_px(picture_size: tuple[int, int]) -> tuple[int, int]:
    side = math.sqrt(picture_size[0] * picture_size[1])
    line = max(1, round(side * _LINE_SHARE))
    return line, max(_LEAST_TEXT_PX, round(side * _TEXT_SHARE))


def _inside(box: np.ndarray, picture_size: tuple[int, int]) -> Area | None:
    """The pixels of a box in the picture; None if there are none."""
    width, height = picture_size
    box_px = np.asarray(box) * (height, width, height, width)
    inside = np.clip(box_px, 0, (height, width) * 2)
    if not (inside[:2] < inside[2:]).all():
        return None
    ymin, xmin, ymax, xmax = np.rint(inside).astype(int).tolist()
    # A box of less than a pixel is one pixel.
    ymin, xmin = min(ymin, height - 1), min(xmin, width - 1)
    return Area(xmin, ymin, max(xmax, xmin + 1), max(ymax, ymin + 1))


def _draw_box(draw, area: Area, color, *, line: int) -> None:
    # Pillow draws the far edges on the pixels named.
    left, top, right, bottom = area
    right, bottom = right - 1, bottom - 1
    rim = max(1, line // 3)
    for distance in (-rim, line):  # outside, and inside where there is room
        if min(right - left, bottom - top) > 2 * (distance + rim):
            draw.rectangle(
                (
                    *(left + distance, top + distance),
                    *(right - distance, bottom - distance),
                ),
                outline=_RIM,
                width=rim,
            )
    draw.rectangle((left, top, right, bottom), outline=color, width=line)


def _chip(text: str, size_px: int, color) -> Image.Image:
    """A line of text on its class's colour."""
    mask = text_mask(text, size_px)
    margin = max(2, round(0.25 * size_px))
    chip = Image.new(
        "RGB", (mask.width + 2 * margin, text_height(size_px)), color
    )
    chip.paste(ink_on(color), (margin, 0), mask)
    return chip


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
    line, _ = _line_and_text_px(picture.size)
    for i in np.flatnonzero(gclasses > 0):
        ymin, xmin, ymax, xmax = (anchor_boxes[i] * scale).tolist()
        color = class_color(int(gclasses[i]))
        draw.rectangle((xmin, ymin, xmax, ymax), outline=color, width=line)
    for box in gt_boxes:
        ymin, xmin, ymax, xmax = (box * scale).tolist()
        draw.rectangle((xmin, ymin, xmax, ymax), outline=WHITE, width=line + 1)
    return picture
