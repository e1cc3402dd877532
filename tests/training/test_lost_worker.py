"""Who was lost first: the same answer from all, in every order of events."""

import itertools
import logging
import socket
import threading

import pytest

from ssd_tf.training import lost_worker
from ssd_tf.training.strategy import Cluster

FOUR = ("a:1", "b:2", "c:3", "d:4")


def cluster_of(addresses, index):
    return Cluster.from_jobs({"worker": list(addresses)}, "worker", index)


class SharedStore:
    """The store of the coordination service, until the chief is gone."""

    def __init__(self):
        self.values = {}
        self.chief_lives = True
        self._changed = threading.Condition()

    def put(self, key, value):
        with self._changed:
            if not self.chief_lives:
                raise ConnectionError("a:1 does not answer")
            self.values.setdefault(key, value)
            self._changed.notify_all()

    def wait_for(self, key, seconds):
        with self._changed:
            return self._changed.wait_for(lambda: key in self.values, seconds)

    def get(self, key, seconds):
        self.wait_for(key, seconds)
        return self.values.get(key) if self.chief_lives else None


@pytest.mark.parametrize("dead", range(4))
@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_all_agree_in_every_order(dead, order):
    """Each misses the one that ended before it, the first the dead one."""
    survivors = [i for i in range(4) if i != dead]
    store, answers = SharedStore(), {}
    store.chief_lives = dead != 0

    def end(index, seen):
        lost = lost_worker.agree(seen, cluster_of(FOUR, index), store)
        answers[index] = lost, set(answers)
        if index == 0:
            store.chief_lives = False

    seen, chief = dead, None
    for place in order:
        index = survivors[place]
        if index == 0:
            chief = threading.Thread(target=end, args=(0, seen))
            chief.start()
            # It tells whom it misses before it waits for the others.
            assert store.wait_for("ssd_tf/lost", 60)
        else:
            end(index, seen)
        seen = index
    if chief is not None:
        chief.join()
        assert answers[0][1] == set(survivors) - {0}  # as the last
    assert {lost for lost, _ in answers.values()} == {dead}
    assert set(answers) == set(survivors)


def test_the_chief_does_not_wait_for_ever(monkeypatch, caplog):
    """A second one was lost as well."""
    monkeypatch.setattr(lost_worker, "_LAST_SECONDS", 0.01)
    store = SharedStore()
    assert lost_worker.agree(2, cluster_of(FOUR[:3], 1), store) == 2
    with caplog.at_level(logging.WARNING, logger="absl"):
        assert lost_worker.agree(2, cluster_of(FOUR[:3], 0), store) == 2
        assert caplog.messages == []
        assert lost_worker.agree(2, cluster_of(FOUR, 0), store) == 2
    assert caplog.messages == ["no word from worker 3 (d:4) either"]


@pytest.fixture
def addresses():
    """Three at which somebody listens, and one at which nobody does."""
    sockets = [socket.socket() for _ in range(4)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    for one in sockets[:3]:
        one.listen()
    yield [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]
    for one in sockets:
        one.close()


_FROM = "remote target /job:worker/replica:0/task:{} while calling RecvBuf:\n"
PASSED_ON = (
    f"failed to connect to all addresses\n{_FROM}The error could be from a "
    f"previous operation. Restart your program to reset.\n{_FROM}"
)


@pytest.mark.parametrize(
    "message, index",
    [
        ("Error reported from /job:worker/task:2: heartbeats", 2),
        ("remote target /job:worker/replica:0/task:0 while", 0),
        ("/job:worker/task:1 misses /job:worker/replica:0/task:2", 2),
        ("{{node allgather}} was cancelled", None),
        ("/job:worker/task:1 was cancelled", None),  # this one
        ("/job:worker/task:7 and /job:ps/task:0", None),
        # One that lives has passed on what it heard, in either order.
        (PASSED_ON.format(0, 3), 3),
        (PASSED_ON.format(3, 0), 3),
        # All answer: one that is stopped, say. As TensorFlow tells it.
        (PASSED_ON.format(2, 0), 2),
    ],
)
def test_whom_an_error_is_about(addresses, message, index):
    assert lost_worker.missed(message, cluster_of(addresses, 1)) == index


def test_store_of_a_chief_that_is_gone(addresses):
    """TensorFlow is not asked, which might wait for it."""
    store = lost_worker.CoordinationStore(addresses[3])
    with pytest.raises(ConnectionError, match="does not answer"):
        store.put("key", "value")
    assert lost_worker.agree(2, cluster_of(addresses, 1), store) == 0
