"""Photometric distortion with Caffe's values.

Source: weiliu89/caffe, im_transforms.cpp, ApplyDistort, with the values of
examples/ssd/ssd_pascal.py. Each distortion happens with probability one half
and saturates at 0 and 255; contrast comes second or last, as often. Two
things differ: pixels stay float32, where Caffe rounds after each step, and
hue wraps, where OpenCV's 8 bits saturate below red.
"""

import tensorflow as tf

_BRIGHTNESS = 32.0
_CONTRAST = (0.5, 1.5)
_SATURATION = (0.5, 1.5)
# 18 units of OpenCV's 8-bit hue, which are 2 degrees each, in turns.
_HUE_TURNS = 36.0 / 360.0
_PROBABILITY = 0.5


def distort(image, seed, *, strength=1.0):
    """Distorts brightness, contrast, saturation and hue.

    Args:
      image: [H, W, 3] float32 RGB, 0..255.
      seed: [2] int32.
      strength: fraction of Caffe's ranges; 1 is the paper's.

    Returns:
      [H, W, 3] float32 RGB, 0..255.
    """
    coins, amounts = tf.unstack(
        tf.random.stateless_uniform([2, 5], seed), axis=0
    )
    amounts = (2.0 * amounts - 1.0) * strength  # [5], -strength..strength
    happens = coins < _PROBABILITY
    contrast_last = coins[4] < 0.5

    def contrast(pixels):
        return _clip(pixels * _factor(amounts[1], _CONTRAST))

    image = _maybe(
        happens[0], lambda x: _clip(x + amounts[0] * _BRIGHTNESS), image
    )
    image = _maybe(happens[1] & ~contrast_last, contrast, image)
    image = _maybe(
        happens[2],
        lambda x: _clip(
            tf.image.adjust_saturation(x, _factor(amounts[2], _SATURATION))
        ),
        image,
    )
    image = _maybe(
        happens[3],
        lambda x: _clip(tf.image.adjust_hue(x, amounts[3] * _HUE_TURNS)),
        image,
    )
    return _maybe(happens[1] & contrast_last, contrast, image)


def _factor(amount, bounds):
    """Maps -1..1 to the bounds of a factor."""
    low, high = bounds
    return (low + high) / 2 + amount * (high - low) / 2


def _maybe(condition, function, image):
    return tf.cond(condition, lambda: function(image), lambda: image)


def _clip(image):
    return tf.clip_by_value(image, 0.0, 255.0)
