"""The servers that the command starts."""

import socket

import pytest
import tensorflow as tf

from ssd_tf.commands import data_service


def test_dispatcher_and_worker(capsys):
    dispatcher = data_service.start(0, None, "localhost")
    printed = capsys.readouterr().out
    assert printed == f"dispatcher: --data_service={dispatcher.target}\n"
    worker = data_service.start(0, dispatcher.target, "localhost")
    assert capsys.readouterr().out == f"worker of {dispatcher.target}\n"
    dataset = tf.data.Dataset.range(4).apply(
        tf.data.experimental.service.distribute(
            processing_mode="distributed_epoch", service=dispatcher.target
        )
    )
    assert list(dataset.as_numpy_iterator()) == [0, 1, 2, 3]
    del worker


@pytest.mark.parametrize(
    "flags, message",
    [
        (["--dispatcher=a"], "--dispatcher=a is no address; expected grpc://"),
        (
            ["--dispatcher=grpc://localhost:1"],
            "--dispatcher=grpc://localhost:1 does not answer",
        ),
        (["--port=70000"], "--port=70000 is out of range; expected"),
    ],
)
def test_errors(script, flags, message):
    status, out, err = script("data_service", *flags)
    assert (status, out, len(err)) == (1, "", 1)
    assert message in err[0]


def test_port_that_is_taken(script):
    with socket.create_server(("0.0.0.0", 0)) as taken:
        port = taken.getsockname()[1]
        status, out, err = script("data_service", f"--port={port}")
    assert (status, out) == (1, "")
    assert err[-1].startswith(f"error: --port={port} cannot be served: ")
