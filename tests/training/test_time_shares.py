"""Shares of the time, by a clock that is set by hand."""

import pytest

from ssd_tf.training.time_shares import (
    DATA,
    EVALUATION,
    SAVING,
    START,
    TimeShares,
)


class Clock:
    now = 100.0

    def __call__(self):
        return self.now

    def run(self, seconds):
        self.now += seconds


def test_shares_of_the_time():
    """What is nested counts once, for the inner; errors do not matter."""
    clock = Clock()
    times = TimeShares(clock)
    clock.run(10)
    for _ in range(2):
        with times.on(DATA):
            clock.run(1)
    with times.on(EVALUATION):
        clock.run(3)
        with pytest.raises(KeyError), times.on(SAVING):
            clock.run(4)
            raise KeyError
        clock.run(1)
    clock.run(20)
    assert times.describe() == (
        "took 40 s: 5.0% waiting for data, 10.0% evaluating, 10.0% saving"
    )


def test_what_is_taken_is_the_time_since():
    clock = Clock()
    times = TimeShares(clock)
    clock.run(10)
    with times.on(DATA):
        clock.run(2)
        assert times.take() == {START: 10, DATA: 2}
        clock.run(1)
        assert times.take() == {DATA: 1}
