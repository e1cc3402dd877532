"""What the processes of a training on many machines tell one another.

All goes through TensorFlow's own collective operations, so that no other port
and no shared folder is needed. Each is called by all workers, in one order.
"""

import atexit
import contextlib
import functools
import json
import pathlib
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from ssd_tf.data.shuffling import Share
from ssd_tf.errors import InputError
from ssd_tf.training import lost_worker
from ssd_tf.training.run_dir import RunDir
from ssd_tf.training.strategy import Cluster, is_multi_worker

# Reductions and gathers of this type run on GPUs and on CPUs.
_WORD = np.int64
_LOST = (
    tf.errors.AbortedError,
    tf.errors.CancelledError,
    tf.errors.DeadlineExceededError,
    tf.errors.FailedPreconditionError,
    tf.errors.InternalError,
    tf.errors.UnavailableError,
)


class Workers:
    """The workers of a strategy; of any but multi-worker there is one.

    Attributes:
      share: this worker's part of the data.
      is_chief: True for the one that writes.
    """

    def __init__(self, strategy: tf.distribute.Strategy):
        self._strategy = strategy
        self._cluster = Cluster(("this process",), ("",), 0)
        if is_multi_worker(strategy):
            resolver = strategy.cluster_resolver
            jobs = resolver.cluster_spec().as_dict()
            if jobs:
                self._cluster = Cluster.from_jobs(
                    jobs, resolver.task_type, resolver.task_id
                )
        self.share = Share(self._cluster.index, len(self._cluster.names))
        self.is_chief = self._cluster.index == 0

    @property
    def are_many(self) -> bool:
        """True if there is more than one."""
        return self.share.count > 1

    def run_dir(self, run_dir: RunDir) -> RunDir:
        """The same for the chief; for others one that is removed at the end.

        All do the same with their own, and what the chief does lasts.
        """
        if self.is_chief:
            return run_dir
        folder = tempfile.mkdtemp(prefix="ssd_tf_worker_")
        atexit.register(shutil.rmtree, folder, ignore_errors=True)
        return RunDir(pathlib.Path(folder) / run_dir.path.name)

    def gather(self, value: bytes) -> list[bytes]:
        """The values of all workers, in their order, for all of them."""
        if not self.are_many:
            return [value]
        words = np.frombuffer(
            value + bytes(-len(value) % _WORD().nbytes), _WORD
        )
        message = np.concatenate([[len(value)], words]).astype(_WORD)
        gathered = self._gather_words(message).numpy()
        values: list[bytes] = []
        while len(gathered):
            size = int(gathered[0])
            end = 1 - (-size // _WORD().nbytes)
            values.append(gathered[1:end].tobytes()[:size])
            gathered = gathered[end:]
        return values

    @functools.cached_property
    def _gather_words(self) -> Callable:
        """[n] of each worker -> [sum of n]; `strategy.gather` would be traced
        anew in each call."""
        replicas = self._strategy.num_replicas_in_sync // self.share.count

        def of_replica(message):
            context = tf.distribute.get_replica_context()
            is_first = context.replica_id_in_sync_group % replicas == 0
            mine = message[: tf.where(is_first, tf.size(message), 0)]
            return context.all_gather(mine, axis=0)

        def gather(message):
            results = self._strategy.run(of_replica, args=(message,))
            return self._strategy.experimental_local_results(results)[0]

        spec = tf.TensorSpec([None], tf.as_dtype(_WORD))
        return tf.function(gather, input_signature=[spec], autograph=False)

    def from_chief(self, make: Callable[[], Any]) -> Any:
        """What `make` returns on the chief, a value for JSON, for all.

        Raises:
          InputError: as `make` does there.
        """
        if not self.are_many:
            return make()
        answer: dict[str, Any] = {}
        if self.is_chief:
            answer = _answer(make)
        return _open(json.loads(self.gather(json.dumps(answer).encode())[0]))

    def chief_first(self, make: Callable[[], Any]) -> Any:
        """What `make` returns here, after it was done on the chief.

        For what prepares files that others find ready where they share them.
        """
        made: list[Any] = []
        self.from_chief(lambda: made.append(make()))
        if not made:
            made.append(make())
        return made[0]

    def from_all(self, make: Callable[[], Any]) -> list[Any]:
        """What `make` returns on each worker, values for JSON, for all.

        Raises:
          InputError: as the first of them, and names the worker.
        """
        if not self.are_many:
            return [make()]
        answers = self.gather(json.dumps(_answer(make)).encode())
        named = zip(self._cluster.names, map(json.loads, answers), strict=True)
        return [_open(answer, name=name) for name, answer in named]

    def check_same(self, values: dict[str, Any]) -> None:
        """Raises InputError where workers were started with other values."""
        chief, *others = self.from_all(lambda: values)
        for name, other in zip(self._cluster.names[1:], others, strict=True):
            for key, value in chief.items():
                if other.get(key) != value:
                    raise InputError(
                        f"{name} has {key}={other.get(key)!r}, but "
                        f"{self._cluster.names[0]} has {key}={value!r}; "
                        "expected the same command and data on all"
                    )

    def take_from_chief(self, variables: Sequence) -> None:
        """Gives the variables of all workers the values of the chief's."""
        if not self.are_many:
            return
        # Those of one type are reduced as one.
        by_type: dict[str, list] = {}
        for variable in variables:
            name = tf.as_dtype(variable.dtype).name
            by_type.setdefault(name, []).append(variable)
        for same in by_type.values():
            # Given as arguments, Keras' variables would become tensors.
            take = functools.partial(_take_from_first, self._strategy, same)
            tf.function(take, autograph=False)()

    @contextlib.contextmanager
    def naming_lost(self) -> Iterator[None]:
        """A context in which the loss of a worker is an InputError."""
        try:
            yield
        except _LOST as error:
            missed = lost_worker.missed(str(error), self._cluster)
            if missed is None:
                raise
            names, addresses = self._cluster.names, self._cluster.addresses
            store = lost_worker.CoordinationStore(addresses[0])
            lost = lost_worker.agree(missed, self._cluster, store)
            raise InputError(
                f"{names[lost]} is gone, so {names[self._cluster.index]} ends "
                "too; the same command on all goes on from the last checkpoint"
            ) from error


def _answer(make: Callable[[], Any]) -> dict[str, Any]:
    try:
        return {"value": make()}
    except InputError as error:
        return {"error": str(error)}


def _open(answer: dict[str, Any], *, name: str = "") -> Any:
    if "error" in answer:
        raise InputError(
            f"{name}: {answer['error']}" if name else answer["error"]
        )
    return answer["value"]


def _take_from_first(strategy: tf.distribute.Strategy, variables: Sequence):
    """Gives variables on all replicas the values of the first's."""

    def on_replica():
        context = tf.distribute.get_replica_context()
        is_first = tf.equal(context.replica_id_in_sync_group, 0)
        mine = [
            tf.where(is_first, v, tf.zeros_like(v))  # others add nothing
            for v in map(tf.convert_to_tensor, variables)
        ]
        values = context.all_reduce(tf.distribute.ReduceOp.SUM, mine)
        for variable, value in zip(variables, values, strict=True):
            variable.assign(value)

    strategy.run(on_replica)
