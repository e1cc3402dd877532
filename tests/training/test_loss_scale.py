"""The scale of the loss over steps that overflow, and those left out."""

import dataclasses
import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from ssd_tf import TrainConfig
from ssd_tf.config import PRECISIONS
from ssd_tf.training import loss_scale
from ssd_tf.training.loss_scale import LossScale, apply_where, build_loss_scale
from ssd_tf.training.optimizer import build_optimizer


def test_only_float16_is_scaled():
    scaled = [
        precision
        for precision in PRECISIONS
        if build_loss_scale(TrainConfig(precision=precision))
    ]
    assert scaled == ["mixed_float16"]


def test_scaling_rounds_nothing():
    scale = LossScale()
    values = [tf.constant([0.1, -3e-7]), tf.constant(1e3)]
    scaled = [scale.scaled(value) for value in values]
    assert float(scaled[1]) == 1e3 * 32768
    for value, same in zip(values, scale.unscaled(scaled), strict=True):
        np.testing.assert_array_equal(same, value)


def test_scale_falls_after_an_overflow_and_rises_after_many_steps(monkeypatch):
    monkeypatch.setattr(loss_scale, "_GROWTH_STEPS", 3)
    scale = LossScale()
    update = tf.function(scale.update)
    inf = math.inf
    # Norms of gradients, and the scale afterwards.
    outcomes = [
        *((1.0, 2**15), (inf, 2**14), (math.nan, 2**13)),
        *((1.0, 2**13), (1.0, 2**13), (1.0, 2**14)),  # three good steps
        *((1.0, 2**14), (1.0, 2**14), (inf, 2**13)),  # counted anew
        *((1.0, 2**13), (1.0, 2**13), (1.0, 2**14)),
    ]
    for norm, expected in outcomes:
        left_out = update(tf.constant(2.0), tf.constant(norm))
        assert bool(left_out) == (not math.isfinite(norm))
        assert float(scale.scale) == expected


def test_scale_is_bounded(monkeypatch):
    monkeypatch.setattr(loss_scale, "_GROWTH_STEPS", 1)
    scale = LossScale()
    for _ in range(12):
        scale.update(tf.constant(2.0), tf.constant(1.0))
    assert float(scale.scale) == 2**24


@pytest.mark.parametrize(
    "loss, first_scale", [(math.nan, 8.0), (math.inf, 8.0), (2.0, 1.0)]
)
def test_what_no_scale_mends_is_no_overflow(loss, first_scale):
    scale = LossScale()
    scale.scale.assign(first_scale)
    assert not scale.update(tf.constant(loss), tf.constant(math.inf))
    assert float(scale.scale) == first_scale


SGD = TrainConfig(
    optimizer="sgd", learning_rate=0.5, schedule="steps", decay_steps=()
)


@pytest.mark.parametrize("train", [SGD, dataclasses.replace(SGD, momentum=0.0)])
@pytest.mark.parametrize("num_replicas", [1, 2])
def test_step_is_left_out_in_all_replicas(num_replicas, train, two_devices):
    strategy = (
        two_devices if num_replicas == 2 else tf.distribute.get_strategy()
    )
    with strategy.scope():
        kernel = keras.Variable([1.0], name="kernel")
        optimizer = build_optimizer(train, [kernel])

    @tf.function
    def step(gradient):
        def replica_step():
            replicas = tf.distribute.get_replica_context()
            # Only the last replica's own share is bad.
            is_last = replicas.replica_id_in_sync_group == num_replicas - 1
            own = tf.where(is_last, gradient, tf.zeros_like(gradient))
            norm = replicas.all_reduce(tf.distribute.ReduceOp.SUM, own[0])
            apply_where(tf.math.is_finite(norm), optimizer, [own], [kernel])

        strategy.run(replica_step)

    def value():
        return keras.ops.convert_to_numpy(kernel)[0]

    step(tf.constant([math.inf]))
    assert value() == 1.0
    step(tf.constant([math.nan]))
    assert value() == 1.0
    assert optimizer.iterations.numpy() == 2  # their batches are used up
    step(tf.constant([1.0]))
    assert value() == 0.5
    assert optimizer.iterations.numpy() == 3
