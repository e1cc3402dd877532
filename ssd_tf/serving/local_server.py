"""A web application served from this process until a signal comes."""

import contextlib
import logging
import os
import socket
import threading
from collections.abc import Callable

from ssd_tf.errors import InputError
from ssd_tf.files import first_line
from ssd_tf.serving.files import require

_SECONDS_TO_END = 5.0


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens already: from now on the port is ours.

    Args:
      host: name or address.
      port: 0 takes any that is free.

    Raises:
      InputError: there is no such address, or the port is taken.
    """
    what = f"--host={host} --port={port}"
    try:
        (family, _, _, _, address), *_ = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (OSError, UnicodeError) as error:
        raise InputError(f"{what}: {first_line(error)}") from error
    try:
        return socket.create_server(address[:2], family=family)
    except OSError as error:
        # Python's own text says the address once more.
        why = os.strerror(error.errno) if error.errno else first_line(error)
        raise InputError(f"{what}: {why}") from error


def address(listener: socket.socket) -> str:
    """What to open in a browser on this machine."""
    host, port = listener.getsockname()[:2]
    # For every address of the machine, that which it has for itself.
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def serve(
    app, listener: socket.socket, *, extra: str, when_ready: Callable[[], None]
) -> None:
    """Serves until an exception, which a signal raises, comes to this thread.

    Args:
      app: ASGI application.
      listener: from `listen`.
      extra: the extra that brings uvicorn.
      when_ready: called before the first request is answered.

    Raises:
      InputError: uvicorn is not installed.
    """
    uvicorn = require("uvicorn", extra=extra, purpose="serving")
    server = uvicorn.Server(
        uvicorn.Config(app, log_level="error", access_log=False)
    )
    # In a thread it leaves the signals alone.
    thread = threading.Thread(
        target=server.run, kwargs={"sockets": [listener]}, daemon=True
    )
    thread.start()
    try:
        when_ready()
        thread.join()
    finally:
        # A page that is open holds a connection; it is cut, without a word.
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        server.should_exit = server.force_exit = True
        with contextlib.suppress(KeyboardInterrupt):
            thread.join(_SECONDS_TO_END)
