"""The neck of every preset, and what passes through it."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from ssd_tf import PRESETS, build_anchors, build_detector
from ssd_tf.models import NECKS, find_parts
from ssd_tf.models.neck import fpn_lite


@pytest.mark.parametrize("neck", NECKS)
@pytest.mark.parametrize("name", sorted(PRESETS))
def test_contract(name, neck, outline):
    """Any neck with any preset: the same anchors, and maps of one depth."""
    config = dataclasses.replace(PRESETS[name], neck=neck)
    model = outline(config)
    num_anchors = len(build_anchors(config))
    assert {key: value.shape for key, value in model.output.items()} == {
        "logits": (None, num_anchors, 21),
        "localisations": (None, num_anchors, 4),
    }
    of_neck = [n for n in (x.name for x in model.layers) if "neck" in n]
    assert bool(of_neck) == (neck != "none")
    # It is trained whatever the backbone is, and is not its part.
    assert not find_parts(config).backbone & set(of_neck)
    depths = {
        layer.input.shape[-1]
        for layer in model.layers
        if "_mbox_" in layer.name
        and not layer.name.endswith("_flat")
        and isinstance(layer, keras.layers.Conv2D)
    }
    if neck == "fpn_lite":
        assert depths == {128}


def pyramid_of(sizes):
    """A pyramid in which every convolution adds up: projections give means.

    Returns:
      model of maps [B, f, f, 1], fine to coarse -> maps [B, f, f, 128].
    """
    inputs = [keras.Input((size, size, 1)) for size in sizes]
    model = keras.Model(inputs, fpn_lite(inputs))
    for layer in model.layers:
        if isinstance(layer, keras.layers.DepthwiseConv2D):
            kernel = np.zeros(layer.kernel.shape, np.float32)
            kernel[1, 1] = 1.0  # the middle
            layer.set_weights([kernel])
        elif layer.name.endswith("_projection"):
            layer.set_weights(
                [np.ones((1, 1, 1, 128)), np.zeros(128, np.float32)]
            )
        elif isinstance(layer, keras.layers.Conv2D):
            layer.set_weights([np.eye(128)[None, None]])
        elif isinstance(layer, keras.layers.BatchNormalization):
            layer.epsilon = 0.0
            # Of 1, too, some processors miss the last digit of 1 / sqrt.
            layer.gamma.assign(1.0 / tf.math.rsqrt(layer.moving_variance.value))
    return model


def test_coarse_maps_are_added_to_finer_ones():
    model = pyramid_of((5, 3, 1))
    fine = np.zeros((1, 5, 5, 1), np.float32)
    fine[0, 0, 4] = 0.25
    middle = np.arange(9, dtype=np.float32).reshape(1, 3, 3, 1) / 4
    coarse = np.float32([[[[0.5]]]])
    found = model([fine, middle, coarse])
    assert [tuple(m.shape) for m in found] == [
        (1, 5, 5, 128),
        (1, 3, 3, 128),
        (1, 1, 1, 128),
    ]
    for values in found:  # all channels are alike
        np.testing.assert_allclose(
            values, np.repeat(values[..., :1], 128, axis=-1)
        )
    # The coarsest is not smoothed; it is seen by all, and ReLU6 cuts none.
    np.testing.assert_allclose(found[2][0, 0, 0, 0], 0.5)
    np.testing.assert_allclose(found[1][..., :1], middle + 0.5)
    index = [0, 0, 1, 1, 2]  # three cells twice, but for one
    expected = (middle + 0.5)[:, index][:, :, index] + fine
    np.testing.assert_allclose(found[0][..., :1], expected, rtol=1e-6)


def test_the_pyramid_is_passed_on_unsmoothed():
    """A smoothed level is seen by its head alone."""
    model = pyramid_of((4, 2, 1))
    maps = [np.full((1, s, s, 1), -1.0, np.float32) for s in (4, 2, 1)]
    found = model(maps)
    assert np.unique(found[2]).tolist() == [-1.0]
    assert np.unique(found[1]).tolist() == [0.0]  # ReLU6 of -2
    maps[0][:] = 5.0
    assert np.unique(model(maps)[0]).tolist() == [3.0]  # 5 - 1 - 1


def test_everything_in_a_neck_is_trained(small_detector, small_network):
    config = dataclasses.replace(small_detector, neck="fpn_lite")
    model = build_detector(config, backbone=small_network)
    variables = [v for v in model.trainable_variables if "neck" in v.path]
    # Two projections with a bias; two convolutions and two normalisations.
    assert len(variables) == 2 * 2 + 2 + 2 * 2
    images = np.random.default_rng(0).uniform(0, 255, (2, 64, 64, 3))
    with tf.GradientTape() as tape:
        outputs = model(images.astype(np.float32), training=True)
        total = sum(tf.reduce_sum(v**2) for v in outputs.values())
    for gradient in tape.gradient(total, [v.value for v in variables]):
        assert np.abs(gradient).max() > 0
