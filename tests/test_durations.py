"""Lengths of time in words."""

import pytest

from ssd_tf.durations import duration


@pytest.mark.parametrize(
    "seconds, expected",
    [
        (0, "0 s"),
        (8, "8 s"),
        (0.25, "0.2 s"),
        (9.94, "9.9 s"),
        (9.96, "10 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (491.6, "8 min 12 s"),
        (3599.4, "59 min 59 s"),
        (3599.9, "1 h 00 min"),
        (7260, "2 h 01 min"),
        (100 * 3600 + 61, "100 h 01 min"),
    ],
)
def test_duration(seconds, expected):
    assert duration(seconds) == expected
