"""Normalisation in fewer operations: the same numbers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ssd_tf.models import mobile
from ssd_tf.training.trained_model import trained_model

STYLE = mobile.Style(activation="relu6")


@pytest.fixture
def model():
    """A block with every kind of convolution, and statistics of its own."""
    keras.utils.set_random_seed(0)
    inputs = keras.Input((9, 9, 4))
    x = mobile.conv_bn(inputs, 4, 3, name="first", style=STYLE, strides=2)
    x, _ = mobile.inverted_residual(x, 4, expanded=8, name="block", style=STYLE)
    x = keras.layers.Conv2D(3, 1, name="biased")(x)
    x = keras.layers.BatchNormalization(name="biased_bn")(x)
    x = keras.layers.Conv2D(3, 1, activation="relu", name="curved")(x)
    x = keras.layers.BatchNormalization(name="curved_bn")(x)
    model = keras.Model(inputs, x)
    rng = np.random.default_rng(0)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.set_weights(
                [rng.uniform(0.5, 2, w.shape) for w in layer.get_weights()]
            )
    bias = model.get_layer("biased").bias
    bias.assign(rng.uniform(-1, 1, bias.shape))
    return model


def freeze(model, *names):
    for name in names:
        model.get_layer(f"{name}_bn").trainable = False


FROZEN = (
    *("first", "block_expand", "block_depthwise", "block_project"),
    *("biased", "curved"),
)


def gradients_of(model, variables):
    images = tf.random.stateless_uniform([2, 9, 9, 4], [1, 2])
    with tf.GradientTape() as tape:
        outputs = model(images, training=True)
        total = tf.reduce_sum(outputs * tf.cast(outputs > 0, tf.float32))
    return outputs, tape.gradient(total, [v.value for v in variables])


def test_outputs_and_gradients_are_the_same(model):
    freeze(model, *FROZEN)
    folded = trained_model(model)
    variables = model.trainable_variables
    assert len(variables) == 8  # 6 kernels, 2 biases
    outputs, gradients = gradients_of(model, variables)
    found, found_gradients = gradients_of(folded, variables)
    np.testing.assert_allclose(found, outputs, rtol=1e-4, atol=1e-4)
    for ours, theirs in zip(found_gradients, gradients, strict=True):
        assert np.abs(theirs).max() > 0
        np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-3)


def test_only_what_is_frozen_and_linear_is_folded(model):
    freeze(model, "first", "curved")
    folded = trained_model(model)
    names = [layer.name for layer in folded.layers]
    assert "first_folded" in names and "first_bn" not in names
    # ReLU stands between this one and its convolution.
    assert "curved" in names and "curved_bn" in names
    assert sum(name.endswith("_folded") for name in names) == 1
    variables = {v.path for v in folded.variables}
    assert variables == {v.path for v in model.variables}
    # The others still take the batch's statistics.
    before = model.get_layer("biased_bn").get_weights()[2]
    folded(np.ones([1, 9, 9, 4], "f"), training=True)
    assert (model.get_layer("biased_bn").get_weights()[2] != before).any()


def test_trained_normalisation_is_that_of_keras():
    """Outputs, gradients of pixels too, and moving statistics."""
    inputs = keras.Input((5, 7, 6))
    norm = keras.layers.BatchNormalization(epsilon=1e-2, momentum=0.9)
    model = keras.Model(inputs, norm(inputs))
    rng = np.random.default_rng(0)
    start = [rng.uniform(0.5, 2, w.shape) for w in model.get_weights()]
    pixels = tf.constant(rng.normal(3, 2, [4, 5, 7, 6]), tf.float32)
    upstream = tf.constant(rng.normal(size=[4, 5, 7, 6]), tf.float32)
    results = []
    for candidate in (model, trained_model(model)):
        model.set_weights(start)
        with tf.GradientTape() as tape:
            tape.watch(pixels)
            outputs = candidate(pixels, training=True)
        weights = [v.value for v in model.trainable_variables]
        gradients = tape.gradient(outputs, [pixels, *weights], upstream)
        results.append([outputs, *gradients, *model.get_weights()])
    assert np.abs(results[0][-1] - start[-1]).min() > 0.01  # moved
    for theirs, ours in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


def test_the_variance_of_two_pixels_is_that_of_keras():
    """TensorFlow's own would be twice as large."""
    inputs = keras.Input((1, 1, 3))
    model = keras.Model(inputs, keras.layers.BatchNormalization()(inputs))
    start = model.get_weights()
    pixels = np.array([[0, 1, 2], [3, 5, 9]], "f").reshape([2, 1, 1, 3])
    found = []
    for candidate in (model, trained_model(model)):
        model.set_weights(start)
        candidate(pixels, training=True)
        found.append(model.get_weights())
    for theirs, ours in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    np.testing.assert_allclose(
        found[1][3], 0.99 + 0.01 * pixels.var(axis=(0, 1, 2)), rtol=1e-6
    )


def test_a_single_pixel_has_no_variance():
    inputs = keras.Input((1, 1, 3))
    model = keras.Model(inputs, keras.layers.BatchNormalization()(inputs))
    trained_model(model)(np.ones([1, 1, 1, 3], "f"), training=True)
    np.testing.assert_allclose(model.get_weights()[3], 0.99, rtol=1e-6)


def test_a_convolution_with_two_readers_is_left_alone():
    inputs = keras.Input((3, 3, 2))
    x = keras.layers.Conv2D(2, 1, use_bias=False, name="shared")(inputs)
    y = keras.layers.BatchNormalization(name="shared_bn")(x)
    model = keras.Model(inputs, keras.layers.Add()([x, y]))
    freeze(model, "shared")
    assert trained_model(model) is model


def test_statistics_of_all_replicas_are_left_to_keras():
    inputs = keras.Input((3, 3, 2))
    norm = keras.layers.BatchNormalization()
    model = keras.Model(inputs, norm(inputs))
    norm.synchronized = True
    assert trained_model(model) is model
