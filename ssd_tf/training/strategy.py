"""The devices of a training: one, all of a machine, or many machines."""

import dataclasses
import json
import os
from collections.abc import Callable
from typing import Any, Self

import keras
import tensorflow as tf
from absl import logging

from ssd_tf.errors import InputError
from ssd_tf.files import first_line

_EXPECTED = (
    'expected {"cluster": {"worker": ["HOST:PORT", ...]}, "task": {"type": '
    '"worker", "index": 0}}'
)
# The jobs that train, in the order of their replicas.
_JOBS = ("chief", "worker")


@dataclasses.dataclass(frozen=True)
class Cluster:
    """The processes that train together, and this one's place among them.

    Attributes:
      names: of each, such as "worker 1 (host:port)"; the first is the chief.
      addresses: "host:port" of each.
      index: of this process.
    """

    names: tuple[str, ...]
    addresses: tuple[str, ...]
    index: int

    @classmethod
    def from_jobs(cls, jobs: dict[str, list[str]], job: str, task: int) -> Self:
        """A cluster as TensorFlow describes it."""
        tasks = [(j, k) for j in _JOBS for k in range(len(jobs.get(j, ())))]
        addresses = tuple(jobs[j][k] for j, k in tasks)
        names = tuple(
            f"{j} {k} ({address})"
            for (j, k), address in zip(tasks, addresses, strict=True)
        )
        return cls(names, addresses, tasks.index((job, task)))


def read_cluster(text: str) -> Cluster | None:
    """The cluster that a TF_CONFIG names; None if it names none.

    Raises:
      InputError: it is malformed.
    """
    if not text.strip():
        return None
    try:
        config = json.loads(text)
    except (RecursionError, ValueError) as error:
        raise _malformed(f"is no JSON: {error}") from None
    if not isinstance(config, dict):
        raise _malformed(f"is {text!r}")
    jobs, task = config.get("cluster"), config.get("task")
    if not jobs:
        return None  # for one machine, as TensorFlow takes it
    _check_jobs(jobs)
    if not isinstance(task, dict):
        raise _malformed(f"has task={json.dumps(task)}")
    job, index = task.get("type"), task.get("index")
    if job not in jobs:
        raise _malformed(
            f"has a task of type {json.dumps(job)}, but a cluster of "
            f"{', '.join(jobs)}"
        )
    if type(index) is not int or not 0 <= index < len(jobs[job]):
        raise _malformed(
            f"has the task {job} {json.dumps(index)}, but a cluster of "
            f"{len(jobs[job])} {job}s, 0..{len(jobs[job]) - 1}"
        )
    return Cluster.from_jobs(jobs, str(job), index)


def _check_jobs(jobs: Any) -> None:
    if not isinstance(jobs, dict):
        raise _malformed(f"has cluster={json.dumps(jobs)}")
    seen: set[str] = set()
    for job, addresses in jobs.items():
        if job not in _JOBS:
            raise _malformed(
                f"has a job {job!r}, but here only {' and '.join(_JOBS)} train"
            )
        if not isinstance(addresses, list):
            raise _malformed(f"has {job}={json.dumps(addresses)}")
        for address in addresses:
            host, _, port = str(address).rpartition(":")
            if not host or not port.isascii() or not port.isdigit():
                raise _malformed(f"has {job} {json.dumps(address)}")
            if address in seen:
                raise _malformed(f"names {address} twice")
            seen.add(address)
    if len(jobs.get("chief", ())) > 1:
        raise _malformed(f"has {len(jobs['chief'])} chiefs")


def _malformed(fault: str) -> InputError:
    return InputError(f"TF_CONFIG {fault}; {_EXPECTED}")


def _one_device() -> tf.distribute.Strategy:
    return tf.distribute.get_strategy()


def _mirrored() -> tf.distribute.Strategy:
    return tf.distribute.MirroredStrategy()


def _multi_worker() -> tf.distribute.Strategy:
    cluster = read_cluster(os.environ.get("TF_CONFIG", ""))
    if cluster is None:
        raise InputError(
            "a training on many machines needs the environment variable "
            f"TF_CONFIG, which names no cluster; {_EXPECTED}"
        )
    others = [n for i, n in enumerate(cluster.names) if i != cluster.index]
    logging.info(
        "%s of %d, waiting for %s",
        *(cluster.names[cluster.index], len(cluster.names)),
        ", ".join(others) or "nobody",
    )
    try:
        return tf.distribute.MultiWorkerMirroredStrategy()
    except RuntimeError as error:
        if "program startup" not in str(error):
            raise
        raise InputError(
            f"TF_CONFIG names {len(cluster.names)} workers, but TensorFlow has "
            "computed something before they were known; call "
            "ssd_tf.training.build_strategy() first of all, and give its "
            "result to TrainingRun"
        ) from error
    except tf.errors.OpError as error:
        raise InputError(
            f"{cluster.names[cluster.index]} cannot join the others: "
            f"{first_line(error)}"
        ) from error


def _auto() -> tf.distribute.Strategy:
    cluster = read_cluster(os.environ.get("TF_CONFIG", ""))
    if cluster is not None and len(cluster.names) > 1:
        return _multi_worker()
    if len(tf.config.list_logical_devices("GPU")) > 1:
        return _mirrored()
    return _one_device()


STRATEGIES: dict[str, Callable[[], tf.distribute.Strategy]] = {
    "auto": _auto,
    "one_device": _one_device,
    "mirrored": _mirrored,
    "multi_worker": _multi_worker,
}


def build_strategy(name: str = "auto") -> tf.distribute.Strategy:
    """The devices to train on.

    Before anything else is computed: TensorFlow cannot join other machines
    later.

    Args:
      name: a key of `STRATEGIES`. "auto" takes the machines that the
        environment variable TF_CONFIG names, or else all GPUs of this one, or
        the one device there is.

    Raises:
      InputError: TF_CONFIG is malformed, or TensorFlow has begun to compute.
    """
    return STRATEGIES[name]()


def check_batch_size(batch_size: int, strategy: tf.distribute.Strategy) -> None:
    """Raises InputError for a batch that cannot be shared out.

    One machine shares out any batch of at least one image for each device.
    """
    replicas = strategy.num_replicas_in_sync
    if batch_size < replicas:
        raise InputError(
            f"a batch of {batch_size} images cannot be shared out to "
            f"{replicas} devices; give --batch_size={replicas} or more, or "
            "--strategy=one_device"
        )
    if is_multi_worker(strategy) and batch_size % replicas:
        raise InputError(
            f"a batch of {batch_size} images cannot be shared out evenly to "
            f"the {replicas} devices of all workers; expected a multiple of "
            f"{replicas}, such as --batch_size="
            f"{-(-batch_size // replicas) * replicas}"
        )


def is_multi_worker(strategy: tf.distribute.Strategy) -> bool:
    """True where several processes may train together."""
    return isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)


def average_statistics(
    model: keras.Model, replicas: tf.distribute.ReplicaContext
) -> None:
    """Gives each replica the mean of the moving statistics of all.

    Else each would keep its own, and the first's would be the model's.
    """
    if replicas.num_replicas_in_sync == 1:
        return
    moving = [v for v in model.non_trainable_variables if "float" in v.dtype]
    means = replicas.all_reduce(
        tf.distribute.ReduceOp.MEAN, [tf.convert_to_tensor(v) for v in moving]
    )
    for variable, mean in zip(moving, means, strict=True):
        variable.assign(mean)
