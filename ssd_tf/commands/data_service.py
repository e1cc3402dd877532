"""Decode and augment training images on other machines.

One process is the dispatcher. Others join it with --dispatcher, and make the
batches of every training that has --data_service=grpc://DISPATCHER:PORT. They
read the files of the data set by the same paths as the training.
"""

import threading

import tensorflow as tf
from absl import flags

from ssd_tf.commands.flag_groups import FlagGroup
from ssd_tf.data import service
from ssd_tf.errors import InputError
from ssd_tf.files import first_line

WHEN_STOPPED = "stopped; trainings that use it wait until it is back"


def define_flags(values: flags.FlagValues) -> None:
    """Declares the flags."""
    group = FlagGroup(values, "data service")
    group.count(
        "port",
        "Port to listen at; 0 takes a free one.",
        5050,
        lower_bound=0,
        upper_bound=65535,
    )
    group.text(
        "dispatcher",
        "grpc://HOST:PORT of the dispatcher to work for (default: be one).",
    )
    group.text(
        "host",
        "With --dispatcher: the name of this machine for trainings.",
        "localhost",
    )


def run(values: flags.FlagValues, arguments: list[str]) -> None:
    """Serves until it is stopped."""
    del arguments  # none
    try:
        server = start(values.port, values.dispatcher, values.host)
    except (RuntimeError, tf.errors.OpError) as error:
        raise InputError(
            f"--port={values.port} cannot be served: {first_line(error)}"
        ) from error
    # Not `server.join`, within which Python hears no signal.
    threading.Event().wait()
    del server


def start(port: int, dispatcher: str | None, host: str):
    """Starts a dispatcher, or a worker of one, and says how it is reached."""
    servers = tf.data.experimental.service
    if not dispatcher:
        server = servers.DispatchServer(servers.DispatcherConfig(port=port))
        print(f"dispatcher: --data_service={server.target}", flush=True)
        return server
    address = service.check_service("dispatcher", dispatcher)
    server = servers.WorkerServer(
        servers.WorkerConfig(
            dispatcher_address=address,
            port=port,
            # TensorFlow puts in the port that it took.
            worker_address=f"{host}:%port%",
        )
    )
    print(f"worker of {dispatcher}", flush=True)
    return server
