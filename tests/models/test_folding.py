"""Frozen normalisation within convolutions: the same numbers."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from ssd_tf.models import fold_frozen, mobile

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
    folded = fold_frozen(model)
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
    folded = fold_frozen(model)
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


def test_a_convolution_with_two_readers_is_left_alone():
    inputs = keras.Input((3, 3, 2))
    x = keras.layers.Conv2D(2, 1, use_bias=False, name="shared")(inputs)
    y = keras.layers.BatchNormalization(name="shared_bn")(x)
    model = keras.Model(inputs, keras.layers.Add()([x, y]))
    freeze(model, "shared")
    assert fold_frozen(model) is model


def test_nothing_frozen_is_the_model_itself(model):
    assert fold_frozen(model) is model
