"""Drawing of the pictures of the synthetic data set `shapes`."""

from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

_MIN_IMAGE_PX, _MAX_IMAGE_PX = 240, 360
_MAX_OBJECTS = 6
# Longer side of an object, as a part of the shorter side of the image.
_MIN_SIDE, _MAX_SIDE = 0.12, 0.6
_MIN_SIDE_PX = 32
# What must stay visible of an object, of its area and of each side.
_MIN_VISIBLE_AREA, _MIN_VISIBLE_SIDE = 0.65, 0.7
_MAX_ROTATION_DEG = 20.0
_MAX_STRETCH = 1.2
# Least distance in RGB between an object and what is under it or covers it.
_MIN_CONTRAST = 130.0
_NUM_ATTEMPTS = 10
_SUPERSAMPLING = 2


class Drawing(NamedTuple):
    """A picture and its objects."""

    image: np.ndarray  # [H, W, 3] uint8
    boxes: np.ndarray  # [M, 4] float32 yxyx, normalised
    labels: list[int]  # [M], zero-based


class _Placed(NamedTuple):
    label: int
    colour: np.ndarray  # [3]
    top: int
    left: int
    alpha: np.ndarray  # [h, w] 0..1, coverage of each pixel, tight

    @property
    def mask(self) -> np.ndarray:
        """[h, w] bool: the pixels that count as the object's."""
        return self.alpha >= 0.5

    @property
    def window(self) -> tuple[slice, slice]:
        """Where in the picture the mask lies."""
        height, width = self.alpha.shape
        return (
            slice(self.top, self.top + height),
            slice(self.left, self.left + width),
        )


def _regular(num_corners: int, *, radii: tuple[float, ...] = (1.0,)):
    """Corners [N, 2] xy around the origin, the first on top."""
    angle = np.arange(num_corners) * (2 * np.pi / num_corners)
    radius = np.resize(radii, num_corners)
    return np.stack([np.sin(angle), -np.cos(angle)], 1) * radius[:, None]


_OUTLINES = {
    "circle": _regular(48),
    "square": np.array([(-1.0, -1.0), (1, -1), (1, 1), (-1, 1)]),
    "star": _regular(10, radii=(1.0, 0.42)),
    "triangle": _regular(3),
}
CLASS_NAMES = tuple(_OUTLINES)


def draw(rng: np.random.Generator) -> Drawing:
    """Draws a picture of 1 to 6 objects with all its random choices."""
    height, width = rng.integers(_MIN_IMAGE_PX, _MAX_IMAGE_PX, 2, endpoint=True)
    canvas = _background(rng, height, width)  # [H, W, 3] float32
    owner = np.full((height, width), -1, np.int8)  # index of what is on top
    placed: list[_Placed] = []
    sides = _random_sides(rng, min(height, width))
    # Large ones first, lest they hide the small ones.
    for side_px in sorted(sides, reverse=True):
        for _ in range(_NUM_ATTEMPTS):
            item = _propose(rng, side_px, canvas)
            if item and _is_clear(item, owner, placed):
                _paint(rng, item, canvas, owner, index=len(placed))
                placed.append(item)
                break
    image = np.clip(canvas, 0, 255).astype(np.uint8)
    boxes_px = [_visible_box(owner, i) for i in range(len(placed))]
    return Drawing(
        image=image,
        boxes=np.divide(boxes_px, [height, width] * 2).astype(np.float32),
        labels=[item.label for item in placed],
    )


def _random_sides(rng, image_side_px: int) -> np.ndarray:
    """Sides in pixels of the objects to place, small ones as often as large."""
    smallest_px = max(_MIN_SIDE_PX, _MIN_SIDE * image_side_px)
    logarithms = rng.uniform(
        np.log(smallest_px),
        np.log(_MAX_SIDE * image_side_px),
        rng.integers(1, _MAX_OBJECTS, endpoint=True),
    )
    return np.exp(logarithms)


def _propose(rng, side_px: float, canvas: np.ndarray) -> _Placed | None:
    """A random object in a random place, if it stands out on the canvas."""
    label = int(rng.integers(len(CLASS_NAMES)))
    alpha = _coverage(rng, _OUTLINES[CLASS_NAMES[label]], side_px)
    height, width = alpha.shape
    item = _Placed(
        label=label,
        colour=rng.uniform(0, 255, 3),
        top=int(rng.integers(canvas.shape[0] - height + 1)),
        left=int(rng.integers(canvas.shape[1] - width + 1)),
        alpha=alpha,
    )
    under = canvas[item.window][item.mask].mean(axis=0)  # [3]
    contrast = np.linalg.norm(under - item.colour)
    return item if contrast >= _MIN_CONTRAST else None


def _coverage(rng, outline: np.ndarray, side_px: float) -> np.ndarray:
    """[h, w] 0..1: an outline stretched, turned and scaled to `side_px`."""
    angle = np.deg2rad(rng.uniform(-_MAX_ROTATION_DEG, _MAX_ROTATION_DEG))
    stretch = np.exp(rng.uniform(-1, 1) * np.log(_MAX_STRETCH))
    turn = np.array(
        [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    )
    points = (outline * [stretch, 1.0]) @ turn.T  # [N, 2] xy
    points -= points.min(axis=0)
    points *= side_px / points.max()
    width, height = np.ceil(points.max(axis=0)).astype(int) + 1
    scale = _SUPERSAMPLING
    large = Image.new("L", (width * scale, height * scale))
    corners = [(x, y) for x, y in (points * scale).tolist()]
    ImageDraw.Draw(large).polygon(corners, fill=255)
    small = large.resize((width, height), Image.Resampling.BOX)
    alpha = np.asarray(small, np.float32) / 255.0
    return alpha[_extent(alpha >= 0.5)]


def _extent(mask: np.ndarray) -> tuple[slice, slice]:
    """The smallest window [H, W] -> rows, columns with all that is True."""
    rows = np.flatnonzero(mask.any(axis=1))
    columns = np.flatnonzero(mask.any(axis=0))
    return slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)


def _is_clear(item: _Placed, owner: np.ndarray, placed: list[_Placed]) -> bool:
    """True if `item` differs in colour from all it covers, and leaves enough.

    `owner` [H, W] holds the index in `placed` of what is on top, or -1.
    """
    after = owner.copy()
    after[item.window][item.mask] = len(placed)
    for index in np.unique(owner[item.window][item.mask]).tolist():
        if index < 0:
            continue
        other = placed[index]
        if np.linalg.norm(other.colour - item.colour) < _MIN_CONTRAST:
            return False
        visible = after[other.window] == index  # [h, w]
        if visible.sum() < _MIN_VISIBLE_AREA * other.mask.sum():
            return False
        rows, columns = _extent(visible)
        height, width = visible.shape
        if (
            rows.stop - rows.start < _MIN_VISIBLE_SIDE * height
            or columns.stop - columns.start < _MIN_VISIBLE_SIDE * width
        ):
            return False
    return True


def _paint(rng, item: _Placed, canvas, owner, *, index: int) -> None:
    """Paints an object, lit from a side, and notes that it is on top."""
    height, width = item.alpha.shape
    light = np.linspace(-1, 1, height)[:, None] * rng.uniform(-15, 15)
    light = light + np.linspace(-1, 1, width) * rng.uniform(-15, 15)  # [h, w]
    fill = (item.colour + light[..., None]).astype(np.float32)  # [h, w, 3]
    alpha = item.alpha[..., None]
    window = canvas[item.window]
    window[:] = window * (1 - alpha) + fill * alpha
    owner[item.window][item.mask] = index


def _visible_box(owner: np.ndarray, index: int) -> tuple[int, int, int, int]:
    """The yxyx pixel box of what is seen of an object."""
    rows, columns = _extent(owner == index)
    return rows.start, columns.start, rows.stop, columns.stop


def _background(rng, height_px: int, width_px: int) -> np.ndarray:
    """A base colour with two textures of random strength on it, [H, W, 3]."""
    canvas = np.empty((height_px, width_px, 3), np.float32)
    # A dull colour: objects are of any colour, and stand out.
    canvas[:] = rng.uniform(60, 195) + rng.uniform(-25, 25, 3)
    for i in rng.choice(len(_TEXTURES), 2, replace=False):
        texture = _TEXTURES[i](rng, height_px, width_px)  # [H, W, 3 or 1]
        canvas += rng.uniform(5, 25) * texture
    return canvas


def _gradient(rng, height_px, width_px):
    _, ramp = _rotated_grid(rng, height_px, width_px)
    ramp = 2 * (ramp - ramp.min()) / np.ptp(ramp) - 1
    return ramp[..., None] * rng.uniform(-1, 1, 3).astype(np.float32)


def _stripes(rng, height_px, width_px):
    _, x = _rotated_grid(rng, height_px, width_px)
    period_px = rng.uniform(8, 40)
    return np.sin(x * (2 * np.pi / period_px))[..., None]


def _blobs(rng, height_px, width_px):
    return _smooth_noise(rng, height_px, width_px, cell_px=rng.uniform(30, 90))


def _grain(rng, height_px, width_px):
    return _smooth_noise(rng, height_px, width_px, cell_px=rng.uniform(2, 5))


_TEXTURES = (_gradient, _stripes, _blobs, _grain)


def _rotated_grid(rng, height_px, width_px):
    """Coordinates y, x in pixels, each [H, W], in a random direction."""
    y = np.arange(height_px, dtype=np.float32)[:, None]
    x = np.arange(width_px, dtype=np.float32)
    angle = rng.uniform(0, 2 * np.pi)
    cos, sin = np.float32(np.cos(angle)), np.float32(np.sin(angle))
    return cos * y - sin * x, sin * y + cos * x


def _smooth_noise(rng, height_px, width_px, *, cell_px):
    """[H, W, 3] noise in -1..1 that is smooth over cells of `cell_px`."""
    rows, columns = int(height_px / cell_px) + 2, int(width_px / cell_px) + 2
    coarse = rng.integers(0, 256, (rows, columns, 3), np.uint8)
    fine = Image.fromarray(coarse).resize(
        (width_px, height_px), Image.Resampling.BICUBIC
    )
    return np.asarray(fine, np.float32) / 127.5 - 1.0
