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
    """Distorts brightness, contrast, saturation and hue of [H, W, 3] 0..255.

    `strength` is a fraction of Caffe's ranges; 1 is the paper's.
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
        happens[2] | happens[3],
        lambda x: adjust_saturation_and_hue(
            x,
            tf.where(happens[2], _factor(amounts[2], _SATURATION), 1.0),
            tf.where(happens[3], amounts[3] * _HUE_TURNS, 0.0),
        ),
        image,
    )
    return _maybe(happens[1] & contrast_last, contrast, image)


def adjust_saturation_and_hue(image, factor, turns):
    """Does what `tf.image.adjust_saturation`, then `adjust_hue` do.

    It takes a quarter of their time.

    A channel is as bright as the brightest one while the hue is within a
    sixth of a turn of its own, as dark as the darkest one beyond a third, and
    linear in between.

    Args:
      image: [H, W, 3] float32 RGB, 0..255.
      factor: of the saturation, which stops at 1.
      turns: added to the hue; -0.5..0.5.
    """
    # Planes: TensorFlow is slow along an axis of three.
    red, green, blue = tf.unstack(tf.transpose(image, [2, 0, 1]))  # [H, W]
    brightest = tf.maximum(tf.maximum(red, green), blue)
    chroma = brightest - tf.minimum(tf.minimum(red, green), blue)
    is_red = tf.cast(brightest == red, tf.float32)
    is_green = tf.cast(brightest == green, tf.float32) * (1.0 - is_red)
    is_blue = 1.0 - is_red - is_green
    per_chroma = tf.math.reciprocal_no_nan(chroma)
    hue = (  # in sixths of a turn, -1..5
        is_red * ((green - blue) * per_chroma)
        + is_green * ((blue - red) * per_chroma + 2.0)
        + is_blue * ((red - green) * per_chroma + 4.0)
    )
    chroma = tf.minimum(chroma * factor, brightest)
    planes = []
    for own_hue in (0.0, 2.0, 4.0):
        distance = tf.abs(hue + (6.0 * turns - own_hue))
        distance = tf.minimum(distance, tf.abs(6.0 - distance))  # 0..3
        share = tf.clip_by_value(distance - 1.0, 0.0, 1.0)
        planes.append(brightest - chroma * share)
    return tf.transpose(tf.stack(planes), [1, 2, 0])


def _factor(amount, bounds):
    """Maps -1..1 to the bounds of a factor."""
    low, high = bounds
    return (low + high) / 2 + amount * (high - low) / 2


def _maybe(condition, function, image):
    return tf.cond(condition, lambda: function(image), lambda: image)


def _clip(image):
    return tf.clip_by_value(image, 0.0, 255.0)
