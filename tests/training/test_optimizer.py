"""Optimisers against Caffe's rule."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from ssd_tf import TrainConfig
from ssd_tf.models.layers import L2Norm
from ssd_tf.training.optimizer import (
    adjust_gradients,
    build_optimizer,
)

SGD = TrainConfig(
    optimizer="sgd",
    learning_rate=0.1,
    schedule="steps",
    decay_steps=(),
    momentum=0.9,
    weight_decay=0.0,
)


def variables_of_layers():
    """One weight of each kind, by the last part of its path."""
    inputs = keras.Input((1, 1, 1))
    x = keras.layers.Conv2D(1, 1, name="conv")(inputs)
    x = keras.layers.DepthwiseConv2D(1, use_bias=False, name="depthwise")(x)
    x = keras.layers.BatchNormalization(name="bn")(x)
    model = keras.Model(inputs, L2Norm(name="norm")(x))
    for variable in model.trainable_variables:
        variable.assign(np.full(variable.shape, 2.0))
    return {v.path: v for v in model.trainable_variables}


def values(variables):
    return {path: float(np.ravel(v)[0]) for path, v in variables.items()}


def apply(optimizer, variables, gradients, train):
    """One optimiser step with a gradient for each variable."""
    gradients = [
        tf.fill(v.shape, float(g))
        for g, v in zip(gradients, variables, strict=True)
    ]
    adjusted, _ = adjust_gradients(
        gradients,
        variables,
        train,
        tf.distribute.get_replica_context(),
        norm=tf.linalg.global_norm(gradients),
    )
    optimizer.apply(adjusted, variables)
    return adjusted


@pytest.mark.parametrize("name, scale", [("adamw", 2.0), ("sgd", 1.98)])
def test_decay_is_for_kernels_and_in_caffe_for_the_scale(name, scale):
    variables = variables_of_layers()
    train = dataclasses.replace(SGD, optimizer=name, weight_decay=0.1)
    optimizer = build_optimizer(train, list(variables.values()))
    apply(optimizer, list(variables.values()), [0.0] * 6, train)
    assert values(variables) == {
        "conv/kernel": pytest.approx(1.98),  # 2 (1 - .1 * .1)
        "conv/bias": 2.0,
        "depthwise/kernel": pytest.approx(1.98),
        "bn/gamma": 2.0,
        "bn/beta": 2.0,
        "norm/scale": pytest.approx(scale),
    }


def test_adam_is_that_of_keras():
    """One operation in place of a dozen: the same weights after ten steps."""
    rng = np.random.default_rng(0)
    start = rng.normal(size=[3, 4]).astype("f")
    gradients = rng.normal(size=[10, 3, 4]) * [1e-6, 1e-3, 1.0, 1e3]
    train = dataclasses.replace(
        SGD, optimizer="adamw", weight_decay=0.1, learning_rate=0.01
    )
    moved = []
    for build in (
        lambda v: build_optimizer(train, [v]),
        lambda v: keras.optimizers.AdamW(0.01, weight_decay=0.1),
    ):
        kernel = keras.Variable(start, name="kernel")
        optimizer = build(kernel)
        for gradient in gradients:
            optimizer.apply([tf.constant(gradient, tf.float32)], [kernel])
        moved.append(keras.ops.convert_to_numpy(kernel) - start)
    assert np.abs(moved[1]).min() > 1e-4
    np.testing.assert_allclose(*moved, rtol=0, atol=1e-6)


def test_two_steps_of_caffe_s_sgd():
    """v = m v + lr (g + decay w); w = w - v; the rate drops in between."""
    kernel = keras.Variable([1.0], name="kernel")
    train = dataclasses.replace(SGD, weight_decay=0.1, decay_steps=(1,))
    optimizer = build_optimizer(train, [kernel])
    apply(optimizer, [kernel], [0.5], train)  # v = .1 (.5 + .1)
    assert float(kernel[0]) == pytest.approx(0.94)
    apply(optimizer, [kernel], [0.5], train)  # v = .054 + .01 (.5 + .094)
    assert float(kernel[0]) == pytest.approx(0.94 - 0.05994)


def test_biases_learn_at_a_multiple():
    variables = variables_of_layers()
    train = dataclasses.replace(SGD, bias_lr_multiplier=2.0)
    optimizer = build_optimizer(train, list(variables.values()))
    apply(optimizer, list(variables.values()), [1.0] * 6, train)
    assert values(variables) == {
        "conv/kernel": pytest.approx(1.9),
        "conv/bias": pytest.approx(1.8),
        "depthwise/kernel": pytest.approx(1.9),
        "bn/gamma": pytest.approx(1.9),
        "bn/beta": pytest.approx(1.9),
        "norm/scale": pytest.approx(1.9),
    }


def clipped(clip_norm, gradients, weight_decay=0.0):
    variables = [keras.Variable([1.0], name="kernel") for _ in gradients]
    train = dataclasses.replace(
        SGD, gradient_clip_norm=clip_norm, weight_decay=weight_decay
    )
    optimizer = build_optimizer(train, variables)
    return [float(g[0]) for g in apply(optimizer, variables, gradients, train)]


def test_clipping_is_by_the_global_norm():
    assert clipped(1.0, [3.0, -4.0]) == pytest.approx([0.6, -0.8])
    assert clipped(6.0, [3.0, -4.0]) == pytest.approx([3.0, -4.0])
    assert clipped(0.0, [30.0, -40.0]) == pytest.approx([30.0, -40.0])


def test_decay_is_not_clipped():
    assert clipped(1.0, [3.0, 4.0], weight_decay=0.5) == pytest.approx(
        [0.6 + 0.5, 0.8 + 0.5]
    )


@pytest.mark.parametrize("name", ["adamw", "sgd"])
def test_the_backbone_moves_at_its_own_rate(name):
    """A tenth of the step of the others, and a tenth of their decay."""
    train = dataclasses.replace(
        SGD, optimizer=name, weight_decay=0.1, backbone_lr_multiplier=0.1
    )
    moved = []
    for of_backbone in ([], ["conv/kernel", "conv/bias"]):
        variables = variables_of_layers()
        before = values(variables)
        every = list(variables.values())
        optimizer = build_optimizer(
            train, every, of_backbone=[variables[p] for p in of_backbone]
        )
        for _ in range(2):
            apply(optimizer, every, [3.0] * len(every), train)
        after = values(variables)
        moved.append({path: after[path] - before[path] for path in after})
    plain, slowed = moved
    for path, change in plain.items():
        factor = 0.1 if path.startswith("conv/") else 1.0
        assert change != 0.0
        # L2 and decay see a weight that has moved less.
        assert slowed[path] == pytest.approx(factor * change, rel=0.02)
