"""Traces of some steps."""

import pytest
import tensorflow as tf

from ssd_tf import InputError
from ssd_tf.training import profiling
from ssd_tf.training.profiling import Profile


def traces(folder):
    return list(folder.glob("plugins/profile/*/*.xplane.pb"))


@pytest.fixture
def traced(monkeypatch):
    """The steps that a profiler, which does nothing else, is told."""
    told = []

    class StandIn:
        def start(folder):
            told.append("start")

        def stop():
            told.append("stop")

        class Trace:
            def __init__(self, name, *, step_num, _r):
                self._step = step_num

            def __enter__(self):
                told.append(self._step)

            def __exit__(self, *error):
                pass

    monkeypatch.setattr(tf.profiler, "experimental", StandIn)
    return told


@pytest.mark.parametrize(
    "num_steps, first, last, expected",
    [
        (2, 1, 100, ["start", 11, 12, "stop"]),
        (2, 51, 100, ["start", 61, 62, "stop"]),  # resumed
        (3, 1, 5, ["start", 3, 4, 5, "stop"]),
        (9, 4, 5, ["start", 4, 5, "stop"]),
        (9, 6, 5, []),
        (0, 1, 100, []),
    ],
)
def test_which_steps(tmp_path, traced, num_steps, first, last, expected):
    profile = Profile(tmp_path, num_steps)
    with profile.steps(first, last):
        for step in range(first, last + 1):
            with profile.step(step):
                pass
    assert traced == expected


def test_an_error_ends_the_trace(tmp_path, traced):
    profile = Profile(tmp_path, 3)
    with pytest.raises(KeyError):
        with profile.steps(1, 9), profile.step(7):
            raise KeyError
    assert traced == ["start", 7, "stop"]


def test_trace_of_tensorflow(tmp_path, monkeypatch):
    monkeypatch.setattr(profiling, "_NUM_BEFORE", 1)
    profile = Profile(tmp_path, 2)
    with profile.steps(1, 9):
        for step in range(1, 10):
            with profile.step(step):
                tf.linalg.matmul(tf.ones([9, 9]), tf.ones([9, 9]))
    (trace,) = traces(tmp_path)
    content = trace.read_bytes()
    assert b"MatMul" in content and b"train" in content


def test_a_folder_that_cannot_be_written(tmp_path):
    tf.profiler.experimental.start(str(tmp_path / "other"))
    profile = Profile(tmp_path, 1)
    try:
        with pytest.raises(InputError, match="^--profile: .*profil"):
            with profile.steps(1, 1), profile.step(1):
                pass
    finally:
        tf.profiler.experimental.stop(save=False)
