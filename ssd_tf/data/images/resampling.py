"""Pixels of a view: resampling, and a colour beyond the image.

A view is a rectangle yxyx relative to the image; see
`ssd_tf.data.augmentation.geometry`.
"""

import functools
from collections.abc import Callable

import numpy as np
import tensorflow as tf

# Relative to an image's side: more than float32 coordinates are wrong by,
# less than any pixel.
_BORDER = 1e-6


def render(image, view, size: int, *, interpolation: str = "bilinear"):
    """Resamples a view [4] of [H, W, 3], with pixel centres aligned.

    Of the whole image, "bilinear" gives what `tf.image.resize` gives. What a
    view shows beyond the image is left to `fill_outside`.

    Returns:
      [size, size, 3] float32, 0..255.
    """
    return INTERPOLATIONS[interpolation](image, view, size)


def _bilinear(image, view, size: int):
    """A third of the time that `ScaleAndTranslate` takes for the same."""
    # `crop_and_resize` interpolates between centres of pixels and gives zeros
    # beyond the outermost ones, where half a pixel of the image is left. With
    # its border repeated, the image ends between two equal centres.
    image = tf.concat([image[:1], image, image[-1:]], axis=0)
    image = tf.concat([image[:, :1], image, image[:, -1:]], axis=1)
    rows, columns = _sample_positions(image, view, size, border=1)  # [S] each
    last = tf.cast(tf.shape(image)[:2] - 1, tf.float32)  # [2]
    # It takes the first and the last sample, in units of the last index.
    ends = tf.stack([rows[0], columns[0], rows[-1], columns[-1]])
    return tf.image.crop_and_resize(
        image[None], (ends / tf.tile(last, [2]))[None], [0], [size, size]
    )[0]


def _nearest(image, view, size: int):
    for axis, positions in enumerate(_sample_positions(image, view, size)):
        index = tf.cast(tf.floor(positions + 0.5), tf.int32)  # [S]
        index = tf.clip_by_value(index, 0, tf.shape(image)[axis] - 1)
        image = tf.gather(image, index, axis=axis)
    return tf.cast(image, tf.float32)


def _sample_positions(image, view, size: int, *, border: int = 0):
    """Rows and columns, [size] float32 each, at which a view is sampled.

    A pixel's centre is at a whole number, its index. `border` pixels on each
    side are no part of the image that the view refers to.
    """
    centres = (tf.range(size, dtype=tf.float32) + 0.5) / size  # [S]
    sides_px = tf.cast(tf.shape(image)[:2] - 2 * border, tf.float32)  # [2]
    return [
        (view[axis] + centres * (view[axis + 2] - view[axis])) * sides_px[axis]
        + (border - 0.5)
        for axis in (0, 1)
    ]


def _with_kernel(image, view, size: int, *, kernel: str, antialias: bool):
    sides_px = tf.cast(tf.shape(image)[:2], tf.float32)  # [2] H, W
    scale = size / ((view[2:] - view[:2]) * sides_px)  # [2]
    pixels = tf.raw_ops.ScaleAndTranslate(
        images=image[None],
        size=[size, size],
        scale=scale,
        translation=-view[:2] * sides_px * scale,
        kernel_type=kernel,
        antialias=antialias,
    )[0]
    # Cubic and Lanczos kernels have negative weights and overshoot at edges.
    return tf.clip_by_value(pixels, 0.0, 255.0)


# Caffe draws from OpenCV's linear, area, nearest, cubic and lanczos4;
# TensorFlow's cubic has a = -0.5 where OpenCV's has -0.75, and lanczos3 is
# the nearest that it has to lanczos4. Only "area" widens its kernel when an
# image is made smaller.
INTERPOLATIONS: dict[str, Callable] = {
    "bilinear": _bilinear,
    "area": functools.partial(_with_kernel, kernel="box", antialias=True),
    "nearest": _nearest,
    "bicubic": functools.partial(
        _with_kernel, kernel="keyscubic", antialias=False
    ),
    "lanczos": functools.partial(
        _with_kernel, kernel="lanczos3", antialias=False
    ),
}


def fill_outside(pixels, view, *, fill_rgb):
    """Colours what `render` made of a view [4] beyond the image.

    `pixels` are those of `render`, [size, size, 3]; so is the result.
    """

    def fill():
        size = pixels.shape[0]
        centres = (tf.range(size, dtype=tf.float32) + 0.5) / size
        source = view[:2] + centres[:, None] * (view[2:] - view[:2])  # [S, 2]
        # A centre on the very border may be one that the resampling left out.
        within = (source > _BORDER) & (source < 1.0 - _BORDER)
        # Rows of bytes: selecting by broadcast triples takes four times longer.
        mask = within[:, :1] & tf.repeat(within[:, 1], 3)  # [S, S * 3]
        canvas = np.tile(np.float32(fill_rgb), (size, size))  # [S, S * 3]
        rows = tf.where(mask, tf.reshape(pixels, canvas.shape), canvas)
        return tf.reshape(rows, pixels.shape)

    leaves = tf.reduce_any((view[:2] < 0.0) | (view[2:] > 1.0))
    return tf.cond(leaves, fill, lambda: pixels)
