"""Training batches from other machines, by the service of `tf.data`.

Each batch is made whole by one worker of the service, from its number alone, so
that it has the same images and the same augmentation as one made here. With one
worker the batches come in order too.
"""

import socket
from collections.abc import Callable

import tensorflow as tf

from ssd_tf.data.shuffling import check_random_access
from ssd_tf.errors import InputError

_PROTOCOL = "grpc://"
_CONNECT_TIMEOUT_S = 10
# Batches that a worker of the service makes at once.
_AT_ONCE = 2


def check_service(flag: str, address: str) -> str:
    """Returns HOST:PORT of an address that a flag names.

    Raises:
      InputError: it is no grpc://HOST:PORT, or nobody answers there.
    """
    host, _, port = address.removeprefix(_PROTOCOL).rpartition(":")
    if (
        not address.startswith(_PROTOCOL)
        or not host
        or not (port.isascii() and port.isdigit() and int(port) < 2**16)
    ):
        raise InputError(
            f"--{flag}={address} is no address; expected grpc://HOST:PORT"
        )
    # TensorFlow's client tries for an hour without a word.
    try:
        socket.create_connection(
            (host, int(port)), timeout=_CONNECT_TIMEOUT_S
        ).close()
    except OSError as error:
        raise InputError(
            f"--{flag}={address} does not answer ({error}); start it with "
            "`python -m ssd_tf data_service`"
        ) from error
    return f"{host}:{port}"


def check_source(source) -> None:
    """Raises InputError for a source of which single batches cannot be read."""
    check_random_access(source, "--data_service")
    if getattr(source, "is_read_here_only", False):
        raise InputError(
            "--data_service cannot read files of records; convert them with "
            "`python -m ssd_tf convert_data --to=coco`"
        )


def distribute(
    address: str, make_batch: Callable, *, start_step: int
) -> tf.data.Dataset:
    """The batches from `start_step` on, made by the workers of a service.

    Args:
      address: grpc://HOST:PORT of its dispatcher.
      make_batch: (step, int64 scalar) -> `tf.data.Dataset` of one batch.
      start_step: the first step.

    Raises:
      InputError: nobody answers there.
    """
    check_service("data_service", address)
    # The service can deal out a range. Of `Dataset.counter` each worker would
    # count its own, and all make the same batches.
    steps = tf.data.Dataset.range(start_step, tf.int64.max)
    batches = steps.interleave(
        make_batch,
        cycle_length=_AT_ONCE,
        num_parallel_calls=_AT_ONCE,
        deterministic=True,
    )
    servers = tf.data.experimental.service
    return batches.apply(
        servers.distribute(
            # Each worker asks for the next steps: none is made twice.
            processing_mode=servers.ShardingPolicy.DYNAMIC,
            service=address,
        )
    )
