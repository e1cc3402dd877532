"""Colour distortion, recovered from pixels and redone with `colorsys`."""

import colorsys

import numpy as np
import pytest
import tensorflow as tf

from ssd_tf.data.augmentation import photometric

# Two grays give contrast and brightness, as nothing else changes a gray and
# nothing clips; a dull colour gives saturation and hue; the rest saturates.
PIXELS = np.array(
    [[100] * 3, [120] * 3, [110, 104, 98], [250, 90, 30], [20, 60, 255]],
    np.float32,
)
COUNT = 2000


def distort_all(count=COUNT, strength=1.0):
    seeds = tf.stack([tf.range(count), tf.fill([count], 7)], axis=1)
    dataset = tf.data.Dataset.from_tensor_slices(seeds).map(
        lambda seed: photometric.distort(
            tf.constant(PIXELS)[None], seed, strength=strength
        )[0]
    )
    return next(dataset.batch(count).as_numpy_iterator())  # [count, 5, 3]


def recover(pixels):
    """What happened to PIXELS: brightness, contrast, saturation, hue."""
    pixels = pixels.astype(np.float64)
    contrast = (pixels[1, 0] - pixels[0, 0]) / 20
    brightness = pixels[0, 0] / contrast - 100
    before = (PIXELS[2] + brightness) * contrast / 255
    hue0, saturation0, _ = colorsys.rgb_to_hsv(*before)
    hue1, saturation1, _ = colorsys.rgb_to_hsv(*(pixels[2] / 255))
    hue = ((hue1 - hue0 + 0.5) % 1 - 0.5) * 360
    return brightness, contrast, saturation1 / saturation0, hue


@pytest.fixture(scope="module")
def distorted():
    return distort_all()


@pytest.fixture(scope="module")
def recovered(distorted):
    return np.array([recover(pixels) for pixels in distorted])


def test_each_happens_to_half_within_its_range(recovered):
    neutral = np.array([0, 1, 1, 0])
    tolerance = np.array([1e-3, 1e-4, 2e-3, 0.2])
    happened = np.abs(recovered - neutral) > tolerance  # [COUNT, 4]
    # Four sigma, and what is drawn but too small to be seen.
    assert (np.abs(happened.mean(axis=0) - 0.5) < 0.053).all()
    correlation = np.corrcoef(happened.T) - np.eye(4)
    assert np.abs(correlation).max() < 0.1
    lows, highs = (-32, 0.5, 0.5, -36), (32, 1.5, 1.5, 36)
    for i, (low, high) in enumerate(zip(lows, highs)):
        values = np.sort(recovered[happened[:, i], i])
        rank = np.arange(len(values)) / len(values)
        gap = np.abs((values - low) / (high - low) - rank).max()
        assert gap < 2.2 / np.sqrt(len(values))  # uniform
        assert values[0] >= low - tolerance[i]
        assert values[-1] <= high + tolerance[i]


def test_strength_narrows_the_ranges():
    values = np.array([recover(p) for p in distort_all(300, strength=0.5)])
    np.testing.assert_allclose(values.min(axis=0), [-16, 0.75, 0.75, -18], 0.1)
    np.testing.assert_allclose(values.max(axis=0), [16, 1.25, 1.25, 18], 0.1)


def by_hand(pixel, brightness, contrast, saturation, hue, *, contrast_last):
    """One pixel through the four steps, by colorsys, clipped after each."""
    pixel = np.clip(pixel + brightness, 0, 255)
    if not contrast_last:
        pixel = np.clip(pixel * contrast, 0, 255)
    h, s, v = colorsys.rgb_to_hsv(*(pixel / 255))
    h, s = (h + hue / 360) % 1, min(s * saturation, 1.0)
    pixel = np.clip(np.array(colorsys.hsv_to_rgb(h, s, v)) * 255, 0, 255)
    return np.clip(pixel * contrast, 0, 255) if contrast_last else pixel


def test_equals_hsv_by_hand_in_one_of_both_orders(distorted, recovered):
    num_last = num_told_apart = 0
    for pixels, values in zip(distorted[:800], recovered):
        errors = []
        for contrast_last in (False, True):
            expected = [
                by_hand(p.astype(float), *values, contrast_last=contrast_last)
                for p in PIXELS
            ]
            errors.append(np.abs(pixels - expected).max())
        assert min(errors) < 0.5
        if max(errors) > 3:
            num_told_apart += 1
            num_last += errors[1] < errors[0]
    assert num_told_apart > 100
    share = num_last / num_told_apart
    assert abs(share - 0.5) < 4 * 0.5 / np.sqrt(num_told_apart)


def test_saturates(distorted):
    assert distorted.min() >= 0 and distorted.max() <= 255
    # Contrast 1.5 and brightness both reach the ends of the range.
    assert (distorted[:, 4, 2] == 255).mean() > 0.2
    assert (distorted[:, 4, 0] == 0).mean() > 0.1


def test_seed_decides():
    image = tf.constant(PIXELS)[None]
    one = photometric.distort(image, [0, 1])
    np.testing.assert_array_equal(one, photometric.distort(image, [0, 1]))
    others = [photometric.distort(image, [0, i]) for i in range(2, 8)]
    assert len({other.numpy().tobytes() for other in others}) > 3


def test_strength_zero_changes_nothing():
    np.testing.assert_allclose(
        distort_all(20, strength=0.0), [PIXELS] * 20, atol=1e-3
    )


@pytest.mark.parametrize("factor", [0.5, 1.0, 1.5])
@pytest.mark.parametrize("turns", [-0.1, 0.0, 0.07, 0.5])
def test_saturation_and_hue_are_those_of_tensorflow(factor, turns):
    rng = np.random.default_rng(0)
    image = rng.uniform(0, 255, (20, 30, 3)).astype(np.float32)
    # where hue is ambiguous or undefined
    image[0] = rng.choice([0.0, 100.0, 255.0], (30, 3))
    expected = tf.image.adjust_saturation(image, factor)
    expected = tf.image.adjust_hue(expected, turns)
    found = photometric.adjust_saturation_and_hue(
        tf.constant(image), tf.constant(factor), tf.constant(turns)
    )
    np.testing.assert_allclose(found, expected, atol=2e-3)
