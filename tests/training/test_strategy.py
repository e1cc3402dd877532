"""The devices of a training, and what TF_CONFIG may say."""

import json

import pytest
import tensorflow as tf

from ssd_tf import InputError
from ssd_tf.training import strategy

TWO = {"worker": ["a:1", "b:2"]}


def config_of(cluster, **task):
    return json.dumps({"cluster": cluster, "task": task})


def test_the_first_is_the_chief():
    text = config_of(
        {"worker": ["b:2", "c:3"], "chief": ["a:1"]}, type="worker", index=1
    )
    cluster = strategy.read_cluster(text)
    assert cluster.addresses == ("a:1", "b:2", "c:3")
    assert cluster.names[0] == "chief 0 (a:1)"
    assert cluster.names[cluster.index] == "worker 1 (c:3)"


@pytest.mark.parametrize("text", ["", " ", "{}", '{"cluster": {}}'])
def test_no_cluster(text):
    assert strategy.read_cluster(text) is None


@pytest.mark.parametrize(
    "text, message",
    [
        ("{", "is no JSON: Expecting"),
        ("[" * 100_000, "is no JSON: "),
        ("[]", r"is '\[\]'; expected {"),
        ('{"cluster": 3}', "has cluster=3; expected"),
        (config_of({"worker": "a:1"}), 'has worker="a:1"; expected'),
        (config_of({"worker": [7]}), "has worker 7; expected"),
        (config_of({"worker": ["a"]}), 'has worker "a"; expected'),
        (config_of({"worker": ["a:x"]}), 'has worker "a:x"; expected'),
        (config_of({"worker": ["a:1", "a:1"]}), "names a:1 twice"),
        (config_of({"ps": ["a:1"]}), "has a job 'ps', but here only chief and"),
        (config_of({"chief": ["a:1", "b:1"]}), "has 2 chiefs"),
        ('{"cluster": {"worker": ["a:1"]}}', "has task=null; expected"),
        (
            config_of(TWO, type="chief", index=0),
            'has a task of type "chief", b',
        ),
        (config_of(TWO, type="worker"), "has the task worker null, but"),
        (
            config_of(TWO, type="worker", index="0"),
            'has the task worker "0", but',
        ),
        (
            config_of(TWO, type="worker", index=2),
            "has the task worker 2, .* 0..1; exp",
        ),
        (config_of(TWO, type="worker", index=-1), "has the task worker -1,"),
    ],
)
def test_malformed_cluster(monkeypatch, text, message):
    monkeypatch.setenv("TF_CONFIG", text)
    for name in ("auto", "multi_worker"):
        with pytest.raises(InputError, match=f"TF_CONFIG {message}") as caught:
            strategy.build_strategy(name)
        assert "\n" not in str(caught.value)


def test_multi_worker_needs_a_cluster(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    with pytest.raises(InputError, match="names no cluster; expected"):
        strategy.build_strategy("multi_worker")
    assert strategy.build_strategy() is tf.distribute.get_strategy()


def test_too_late_for_a_cluster(monkeypatch):
    """TensorFlow has computed in this process."""
    tf.constant(1) + 1
    monkeypatch.setenv("TF_CONFIG", config_of(TWO, type="worker", index=0))
    with pytest.raises(InputError, match="TF_CONFIG names 2 workers, but Tens"):
        strategy.build_strategy()


@pytest.mark.parametrize("batch_size", [1, 2, 3])
def test_a_batch_has_an_image_for_each_device(two_devices, batch_size):
    if batch_size == 1:
        with pytest.raises(InputError, match="batch of 1 images .* 2 devices"):
            strategy.check_batch_size(batch_size, two_devices)
    else:
        strategy.check_batch_size(batch_size, two_devices)


def test_workers_share_a_batch_evenly():
    class ThreeWorkers(tf.distribute.MultiWorkerMirroredStrategy):
        """Only what is asked; a real one needs three processes."""

        num_replicas_in_sync = 3

        def __init__(self):
            pass

    workers = ThreeWorkers()
    strategy.check_batch_size(6, workers)
    with pytest.raises(InputError, match="batch of 7 .* --batch_size=9"):
        strategy.check_batch_size(7, workers)
