"""Training on several machines: processes that meet on the loopback."""

import json
import os
import pathlib
import socket
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf

from ssd_tf.training import RunDir, TrainingRun
from tests import conftest
from tests.training.test_loop import checkpoint_of, metrics_of

ROOT = pathlib.Path(__file__).parents[2]


def free_ports(count):
    """Ports of the loopback that nobody listens at."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


@pytest.fixture
def work(tmp_path, shapes_dir):
    """(folder of the run, arguments of each worker) -> status, out, err."""

    def run(run_dir, *arguments):
        addresses = [f"127.0.0.1:{p}" for p in free_ports(len(arguments))]
        processes = []
        for index, own in enumerate(arguments):
            config = {
                "cluster": {"worker": addresses},
                "task": {"type": "worker", "index": index},
            }
            own = {"data_dir": shapes_dir, "run_dir": str(run_dir), **own}
            processes.append(
                subprocess.Popen(
                    [sys.executable, "-m", "tests.training.worker_program"]
                    + [json.dumps(own)],
                    cwd=ROOT,
                    env={**os.environ, "TF_CONFIG": json.dumps(config)},
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
        ends = [process.communicate() for process in processes]
        statuses = [process.returncode for process in processes]
        return [(s, *end) for s, end in zip(statuses, ends, strict=True)]

    return run


def assert_same(found, expected):
    """Figures to 1e-5; all else, and what they are called, is equal."""
    tf.nest.assert_same_structure(found, expected)
    for one, other in zip(
        tf.nest.flatten(found), tf.nest.flatten(expected), strict=True
    ):
        if isinstance(other, float):
            other = pytest.approx(other, rel=1e-5)
        assert one == other


def test_workers_are_one_machine(
    work, tmp_path, shapes_source, two_devices, small_network
):
    """Three train, one is killed; two go on and end as one machine does."""
    goes_on = {"until": [2, None], "dies_at": 0}
    ends = work(
        tmp_path / "run", goes_on, goes_on, {"until": [2, None], "dies_at": 3}
    )
    for status, out, err in ends[:2]:
        assert (status, out) == (1, "begins at step 0\n"), err
        last = err.splitlines()[-1]
        assert last.startswith("error: worker 2 (127.0.0.1:"), err
        assert "is gone, so worker" in last
    assert ends[2][:2] == (-9, "begins at step 0\n")

    resumed = work(tmp_path / "run", *[{"until": [None], "dies_at": 0}] * 2)
    for status, out, err in resumed:
        assert (status, out) == (0, "begins at step 2\nends at step 4\n"), err

    run_dirs = [RunDir(tmp_path / name) for name in ("run", "machine")]
    run = TrainingRun(
        conftest.SMALL_DETECTOR,
        conftest.TRAIN_OF_WORKERS,
        shapes_source,
        run_dirs[1],
        strategy=two_devices,
        backbone=small_network,
    )
    for stop in (2, None):
        run.train(until=stop)
    found, expected = map(metrics_of, run_dirs)
    assert [m["step"] for m in found] == [4, 4]
    for one, other in zip(found, expected, strict=True):
        assert_same(one, other)
    found, expected = map(checkpoint_of, run_dirs)
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        if isinstance(value, bytes):  # losses that are not reported yet
            assert found[name] == value == b"[]"
            continue
        np.testing.assert_allclose(
            found[name], value, rtol=1e-5, atol=1e-5, err_msg=name
        )
