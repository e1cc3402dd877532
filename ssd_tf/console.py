"""Running a command as a program: logging, one-line errors, a clean stop."""

import errno
import logging as python_logging
import os
import pathlib
import signal
import sys
from collections.abc import Callable

import tensorflow as tf
from absl import flags, logging

from ssd_tf import interrupts
from ssd_tf.errors import InputError

# Of writing to a disk that is full, in one way or another.
_NO_ROOM = (errno.EDQUOT, errno.EFBIG, errno.ENOSPC)


def call(main: Callable[[], None], *, when_stopped: str = "stopped") -> int:
    """Calls `main` as a program; returns its exit status.

    Errors about the user's input become one line and status 1. Ctrl-C and
    SIGTERM end with a last line, `when_stopped` where `main` sets no other,
    and the status 130 or 143.
    """
    logging.set_verbosity(logging.INFO)
    logging.use_absl_handler()
    if not flags.FLAGS.is_parsed():  # commands have flags of their own
        flags.FLAGS.mark_as_parsed()
    logging.get_absl_handler().setFormatter(
        python_logging.Formatter("%(message)s")
    )
    logging.get_absl_logger().addFilter(_is_for_the_user)
    tf.get_logger().setLevel("WARNING")
    with interrupts.handled() as signals:
        signals.line = lambda: when_stopped
        try:
            main()
            sys.stdout.flush()  # a reader that has gone shows here at last
        except BrokenPipeError:
            # Python would else complain when it writes the rest at its end.
            _write_nowhere()
            return 128 + signal.SIGPIPE
        except InputError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
        except OSError as error:
            if error.errno not in _NO_ROOM:
                raise
            where = error.filename or "standard output"
            print(f"error: {where}: {error.strerror}", file=sys.stderr)
            _write_nowhere()
            return 1
        except KeyboardInterrupt as error:
            print(signals.line(), file=sys.stderr)
            return 128 + getattr(error, "number", signal.SIGINT)
    return 0


def _write_nowhere() -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)


def _is_for_the_user(record: python_logging.LogRecord) -> bool:
    """False for the informative messages of TensorFlow and its data sets."""
    # .../site-packages/tensorflow, which begins tensorflow_datasets too.
    library = os.path.dirname(tf.__file__)
    return record.levelno >= python_logging.WARNING or not (
        record.pathname.startswith(library)
    )


def make_folder(flag: str, path: str | None) -> pathlib.Path | None:
    """Makes the folder that a flag names, if it names one.

    Raises:
      InputError: it cannot be made.
    """
    if not path:
        return None
    folder = pathlib.Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"--{flag}={folder} cannot be made: {error.strerror}"
        ) from error
    return folder


def bar_interval() -> float:
    """Seconds between redraws of a progress bar; long where a file takes it."""
    return 0.2 if sys.stderr.isatty() else 15.0


def sibling(command: str) -> str:
    """Command line that starts another command: by its script in a script."""
    if pathlib.Path(sys.argv[0]).name in ("train.py", "export.py"):
        return f"python {command}.py"
    return f"python -m ssd_tf {command}"
