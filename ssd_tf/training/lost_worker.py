"""Which worker was lost first, as those that are left agree on it.

The loss of one worker ends all, and to others the end of each looks like its
loss. So a worker that ends notes whom it misses, where no other has: in the
store of TensorFlow's coordination service, which lives in the chief. The chief
ends last. A store that does not answer says that it was the chief.
"""

import re
import socket
import time
from typing import Protocol

import tensorflow as tf
from absl import logging

# There is no public name for the store.
from tensorflow.python.eager import context

from ssd_tf.training.strategy import Cluster

_TASK = re.compile(r"/job:(\w+)/(?:replica:\d+/)?task:(\d+)")
# TensorFlow's heartbeat tells all others within ten seconds, and each then
# ends with the step that it is in.
_LAST_SECONDS = 30.0
_CONNECT_SECONDS = 3.0


class Store(Protocol):
    """Values that all workers see while the chief lives."""

    def put(self, key: str, value: str) -> None:
        """Keeps a value if there is none; ConnectionError without chief."""

    def get(self, key: str, seconds: float) -> str | None:
        """The value, waited for; None if it does not come."""


class CoordinationStore:
    """The store of TensorFlow's coordination service."""

    def __init__(self, chief: str):
        self._chief = chief  # HOST:PORT

    def put(self, key: str, value: str) -> None:
        """Keeps a value if there is none yet."""
        # TensorFlow might wait long for a machine that is off.
        if not answers(self._chief):
            raise ConnectionError(f"{self._chief} does not answer")
        try:
            context.context().set_config_key_value(key, value)
        except tf.errors.AlreadyExistsError:
            pass
        except tf.errors.OpError as error:
            raise ConnectionError(str(error)) from error

    def get(self, key: str, seconds: float) -> str | None:
        """The value, waited for; None if it does not come."""
        milliseconds = max(1, int(1000 * seconds))  # 0 would be for ever
        try:
            return context.context().get_config_key_value(key, milliseconds)
        except tf.errors.OpError:
            return None


def answers(address: str) -> bool:
    """True if somebody listens at HOST:PORT."""
    host, _, port = address.rpartition(":")
    try:
        socket.create_connection(
            (host.strip("[]"), int(port)), timeout=_CONNECT_SECONDS
        ).close()
    except OSError:
        return False
    return True


def missed(message: str, cluster: Cluster) -> int | None:
    """Index of the worker that an error of TensorFlow is about, if any.

    Where it names several, one passed on what it had heard of another: the
    first that does not answer.
    """
    found = []
    for job, task in _TASK.findall(message):
        for index, name in enumerate(cluster.names):
            if name.startswith(f"{job} {task} ") and index != cluster.index:
                found.append(index)
    if len(set(found)) > 1:
        gone = [i for i in found if not answers(cluster.addresses[i])]
        found = gone or found
    return found[0] if found else None


def agree(seen: int, cluster: Cluster, store: Store) -> int:
    """The worker that was lost first, before this one ends.

    Args:
      seen: index of the one that this worker misses.
      cluster: all of them.
      store: what they share.
    """
    try:
        store.put("ssd_tf/lost", str(seen))
    except ConnectionError:
        return 0
    lost = store.get("ssd_tf/lost", _CONNECT_SECONDS)
    if lost is None:
        return 0
    if cluster.index:
        _say_goodbye(cluster.index, store)
    else:
        _wait_for_goodbyes(int(lost), cluster, store)
    return int(lost)


def _say_goodbye(index: int, store: Store) -> None:
    try:
        store.put(f"ssd_tf/ended/{index}", "")
    except ConnectionError:
        pass  # the chief waited no longer


def _wait_for_goodbyes(lost: int, cluster: Cluster, store: Store) -> None:
    until = time.monotonic() + _LAST_SECONDS
    for index, name in enumerate(cluster.names):
        if index in (0, lost):
            continue
        left = until - time.monotonic()
        if store.get(f"ssd_tf/ended/{index}", left) is None:
            logging.warning("no word from %s either", name)
