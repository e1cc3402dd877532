"""SIGKILL at twenty random moments, each time the same command again."""

import json
import pathlib
import random
import signal
import subprocess
import sys

import numpy as np
import pytest

from ssd_tf.training import RunDir
from tests.training.test_loop import checkpoint_of, metrics_of

ROOT = pathlib.Path(__file__).parents[2]
KINDS = ("first step", "step", "save", "evaluation")


@pytest.fixture
def train(shapes_dir):
    """(run_dir, phase, occurrence, share) -> exit status of that training."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.training.killed_program", shapes_dir],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:

        def call(run_dir, *moment):
            process.stdin.write(json.dumps([str(run_dir), *moment]) + "\n")
            process.stdin.flush()
            return int(process.stdout.readline())

        yield call
        process.stdin.close()


def test_twenty_kills_change_nothing(train, tmp_path):
    assert train(tmp_path / "whole", None, 0, 0.0) == 0
    whole = RunDir(tmp_path / "whole")
    reports = [m["step"] for m in metrics_of(whole) if m["kind"] == "training"]
    assert reports == list(range(5, 41, 5))
    rng = random.Random(0)
    num_kills = 0
    for name in ("first", "second"):
        run_dir = RunDir(tmp_path / name)
        kinds = list(KINDS * 2)
        rng.shuffle(kinds)
        for kind in [*kinds, "end", "end"]:
            occurrence = rng.randint(2, 4) if kind == "step" else 1
            moment = kind, occurrence, rng.random()
            assert train(run_dir.path, *moment) == -signal.SIGKILL, moment
            num_kills += 1
        assert train(run_dir.path, None, 0, 0.0) == 0
        assert metrics_of(run_dir) == metrics_of(whole)
        assert run_dir.read_result() == whole.read_result()
        expected, found = checkpoint_of(whole), checkpoint_of(run_dir)
        assert expected.keys() == found.keys()
        for key, value in expected.items():
            np.testing.assert_array_equal(found[key], value, err_msg=key)
        # Nor has a kill left anything behind.
        assert {p.name for p in run_dir.checkpoints.iterdir()} == {
            p.name for p in whole.checkpoints.iterdir()
        }
    assert num_kills == 20
