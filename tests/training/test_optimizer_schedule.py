"""Learning rates at literal steps."""

import dataclasses

import pytest

from ssd_tf import TrainConfig
from ssd_tf.training.optimizer import build_schedule


def rate(schedule, step):
    return float(schedule(step))


def train(schedule, **values):
    return dataclasses.replace(
        TrainConfig(learning_rate=1.0), schedule=schedule, **values
    )


@pytest.mark.parametrize(
    "step, expected",
    [
        (0, 1e-3),
        (79_999, 1e-3),
        (80_000, 1e-4),
        (99_999, 1e-4),
        (100_000, 1e-5),
        (119_999, 1e-5),
    ],
)
def test_steps_of_caffe(step, expected):
    schedule = build_schedule(TrainConfig())  # the paper's values on VOC
    assert rate(schedule, step) == pytest.approx(expected, rel=1e-6)


def test_cosine():
    schedule = build_schedule(train("cosine", steps=100))
    assert rate(schedule, 0) == pytest.approx(1.0)
    assert rate(schedule, 50) == pytest.approx(0.505)  # (1 + .01) / 2
    assert rate(schedule, 100) == pytest.approx(0.01)
    # Whoever looks at the rate after the last step gets the last one.
    assert rate(schedule, 120) == pytest.approx(0.01)


def test_warmup_is_linear_and_ends_at_its_step():
    schedule = build_schedule(train("steps", decay_steps=(6,), warmup_steps=4))
    rates = [rate(schedule, step) for step in range(8)]
    assert rates == pytest.approx([0.2, 0.4, 0.6, 0.8, 1.0, 1.0, 0.1, 0.1])


def test_no_decay_steps_is_a_constant_rate():
    schedule = build_schedule(train("steps", decay_steps=()))
    assert [rate(schedule, step) for step in (0, 10**6)] == [1.0, 1.0]
