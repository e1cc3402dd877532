"""Views of an image: the pixels that they show."""

import numpy as np
import pytest
import tensorflow as tf

from ssd_tf.data.images import resampling

WHOLE = np.array([0, 0, 1, 1], np.float32)


def noise(height, width):
    rng = np.random.default_rng(height * width)
    return rng.integers(0, 256, (height, width, 3), np.uint8)


@pytest.mark.parametrize(
    "shape",
    [(75, 100), (10, 13), (1, 1), (1, 90), (90, 1), (64, 64), (63, 65)],
)
def test_whole_image_is_what_resize_gives(shape):
    image = noise(*shape)
    rendered = resampling.render(image, tf.constant(WHOLE), 64)
    assert rendered.dtype == tf.float32
    resized = tf.image.resize(image, [64, 64])
    np.testing.assert_allclose(rendered, resized, atol=0.01)


def test_a_view_of_whole_pixels_is_a_slice():
    image = noise(10, 20)
    view = tf.constant([0.2, 0.1, 0.6, 0.3])
    np.testing.assert_allclose(
        resampling.render(image, view, 4), image[2:6, 2:6], atol=1e-2
    )


def test_outside_is_filled():
    image = np.full((4, 4, 3), 100, np.uint8)
    view = tf.constant([-0.5, -1.0, 1.5, 1.0])
    fill = (1.0, 2.0, 3.0)
    pixels = resampling.render(image, view, 16)
    pixels = resampling.fill_outside(pixels, view, fill_rgb=fill).numpy()
    expected = np.tile(np.float32(fill), (16, 16, 1))
    expected[4:12, 8:16] = 100
    np.testing.assert_allclose(pixels, expected, atol=1e-4)


def test_nothing_dark_between_image_and_fill():
    fill = (255.0, 255.0, 255.0)
    rng = np.random.default_rng(0)
    image = np.full((37, 53, 3), 255, np.uint8)
    for ratio, y, x in rng.uniform((1, 0, 0), (4, 1, 1), (100, 3)):
        top, left = -y * (ratio - 1), -x * (ratio - 1)
        view = tf.constant([top, left, top + ratio, left + ratio], tf.float32)
        pixels = resampling.render(image, view, 31)
        pixels = resampling.fill_outside(pixels, view, fill_rgb=fill)
        assert tf.reduce_min(pixels) > 254.9


def test_interpolations_by_hand():
    image = noise(8, 8)
    floats = image.astype(np.float32)
    whole = tf.constant(WHOLE)

    def render(size, name):
        return resampling.render(image, whole, size, interpolation=name).numpy()

    for name in resampling.INTERPOLATIONS:
        same = render(8, name)
        np.testing.assert_allclose(same, floats, atol=1e-2)
    nearest = floats.repeat(3, axis=0).repeat(3, axis=1)
    np.testing.assert_allclose(render(24, "nearest"), nearest)
    area = floats.reshape(4, 2, 4, 2, 3).mean(axis=(1, 3))
    np.testing.assert_allclose(render(4, "area"), area, atol=1e-3)
    results = [render(20, name) for name in resampling.INTERPOLATIONS]
    for i, one in enumerate(results):
        assert one.min() >= 0 and one.max() <= 255
        differs = [np.abs(one - other).max() > 1 for other in results[:i]]
        # Area and nearest are one where an image is enlarged.
        assert differs.count(False) <= 1


def test_cubic_by_hand():
    """Keys' kernel, a = -1/2, half-way between pixels: -1, 9, 9, -1 of 16."""
    row = np.array([0, 0, 100, 200, 0, 0, 0, 0], np.uint8)
    image = np.tile(row[None, :, None], (8, 1, 3))
    view = tf.constant([0.0, 0.0625, 1.0, 1.0625])  # half a pixel to the right
    pixels = resampling.render(image, view, 8, interpolation="bicubic")
    expected = [43.75, 168.75, 106.25]  # 700 / 16, 2700 / 16, 1700 / 16
    np.testing.assert_allclose(pixels[3, 1:4, 0], expected, atol=0.01)


@pytest.mark.parametrize("size", [1, 7, 40])
def test_bilinear_is_that_of_tensorflow_s_general_resampler(size):
    image = noise(23, 31)
    rng = np.random.default_rng(size)
    for _ in range(20):
        low, high = np.sort(rng.uniform(0, 1, (2, 2)), axis=0)
        view = np.float32([*low, *high])
        scale = size / ((high - low) * (23, 31))
        expected = tf.raw_ops.ScaleAndTranslate(
            images=image[None],
            size=[size, size],
            scale=np.float32(scale),
            translation=np.float32(-low * (23, 31) * scale),
            kernel_type="triangle",
            antialias=False,
        )[0]
        rendered = resampling.render(image, tf.constant(view), size)
        np.testing.assert_allclose(rendered, expected, atol=0.05)


def test_nearest_by_hand():
    image = noise(4, 4)
    view = tf.constant([0.0, 0.25, 0.5, 1.0])  # rows 0..2, columns 1..4
    rendered = resampling.render(image, view, 3, interpolation="nearest")
    # centres at rows 1/3, 1, 5/3 and columns 1.5, 2.5, 3.5
    np.testing.assert_array_equal(rendered, image[[0, 1, 1]][:, [1, 2, 3]])


@pytest.mark.parametrize("name", resampling.INTERPOLATIONS)
def test_renders_in_a_dataset_as_eagerly(name):
    image = noise(9, 12)
    view = tf.constant([-0.2, 0.1, 0.7, 1.4])

    def render(pixels):
        return resampling.render(pixels, view, 8, interpolation=name)

    data = tf.data.Dataset.from_tensors(image).map(render)
    np.testing.assert_allclose(next(iter(data)), render(image), atol=1e-3)
