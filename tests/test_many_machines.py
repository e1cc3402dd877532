"""docs/many_machines.md against the code."""

import json
import math
import pathlib
import re
import subprocess

import keras
import pytest

import ssd_tf
from ssd_tf.training.strategy import read_cluster

PAGE = pathlib.Path(ssd_tf.__file__).parents[1] / "docs/many_machines.md"
TEXT = PAGE.read_text(encoding="utf-8")


def test_cluster_by_hand():
    text = re.search(r"export TF_CONFIG='(.*)'", TEXT)[1]
    cluster = read_cluster(text)
    assert cluster.addresses == ("host0:2222", "host1:2222")
    assert cluster.index == 0


@pytest.mark.parametrize("index", [0, 3])
def test_cluster_of_the_manifest(index):
    """The shell lines up to the training, as a pod's shell runs them."""
    lines = re.search(r"- \|\n(.*?) +exec ", TEXT, re.DOTALL)[1]
    environment = dict(re.findall(r"- name: (\w+)\n +value: (\S+)", TEXT))
    environment = {k: v.strip('"') for k, v in environment.items()}
    ran = subprocess.run(
        ["sh", "-c", f'{lines}\nprintf %s "$TF_CONFIG"'],
        env={
            "PATH": "/usr/bin:/bin",
            "JOB_COMPLETION_INDEX": str(index),
            **environment,
        },
        capture_output=True,
        text=True,
        check=True,
    )
    cluster = read_cluster(ran.stdout)
    assert cluster.addresses == tuple(f"ssd-{i}.ssd:2222" for i in range(4))
    assert cluster.index == index
    json.loads(ran.stdout)


@pytest.fixture(scope="module")
def num_parameters():
    """Trainable ones of tiny and VGG, of 20 classes."""
    counts = []
    for name in ("ssd300_tiny", "ssd300_vgg16"):
        with keras.StatelessScope(initialize_variables=False):
            model = ssd_tf.build_detector(ssd_tf.PRESETS[name])
        counts.append(sum(math.prod(v.shape) for v in model.trainable_weights))
    return counts


def test_what_the_network_carries(num_parameters):
    for count in num_parameters:
        assert f"{count:,}" in TEXT
    rows = re.findall(r"^\| (\d+ .*) \|$", TEXT, re.MULTILINE)
    assert [int(row.split()[0]) for row in rows] == [1, 2, 4, 8, 16, 32, 64]
    for row in rows:
        workers, *found = map(float, row.split(" | "))
        expected = []
        for count in num_parameters:
            sent = 2 * (workers - 1) / workers * count * 4  # bytes
            expected.append(sent / 1e6)
            expected += [sent * 8 / 1e6 / rate for rate in (1, 10, 100)]
        assert found == pytest.approx(expected, abs=0.051)
