"""The address of a local server."""

import socket

import pytest

from ssd_tf.errors import InputError
from ssd_tf.serving import local_server


@pytest.mark.parametrize(
    "host, beginning",
    [
        ("127.0.0.1", "http://127.0.0.1:"),
        ("localhost", "http://"),
        ("0.0.0.0", "http://127.0.0.1:"),
    ],
)
def test_any_free_port(host, beginning):
    with local_server.listen(host, 0) as listener:
        url = local_server.address(listener)
        assert url.startswith(beginning)
        port = int(url.rpartition(":")[2])
        assert 0 < port == listener.getsockname()[1]
        # It answers already.
        socket.create_connection(("127.0.0.1", port)).close()


def test_ipv6_has_brackets():
    class Listener:
        def __init__(self, host):
            self.host = host

        def getsockname(self):
            return (self.host, 7860, 0, 0)

    assert local_server.address(Listener("::1")) == "http://[::1]:7860"
    assert local_server.address(Listener("::")) == "http://[::1]:7860"


def test_a_taken_port():
    with local_server.listen("127.0.0.1", 0) as listener:
        port = listener.getsockname()[1]
        with pytest.raises(InputError) as caught:
            local_server.listen("127.0.0.1", port)
    message = f"--host=127.0.0.1 --port={port}: Address already in use"
    assert str(caught.value) == message


@pytest.mark.parametrize(
    "host, message",
    [
        # Of TEST-NET-1: no machine has it.
        ("192.0.2.1", "Cannot assign requested address"),
        ("no host", ""),
        ("x" * 70, ""),
    ],
)
def test_no_such_address(host, message):
    with pytest.raises(InputError) as caught:
        local_server.listen(host, 7860)
    text = str(caught.value)
    assert text.startswith(f"--host={host} --port=7860: ")
    assert text.endswith(message) and "\n" not in text
