"""Backgrounds of the synthetic data set `shapes`."""

import numpy as np
from PIL import Image


def background(
    rng: np.random.Generator, height_px: int, width_px: int
) -> np.ndarray:
    """A base colour with two textures of random strength on it.

    Returns:
      [H, W, 3] float32, about 0..255.
    """
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
