"""Ctrl-C and SIGTERM: the first asks the process to stop, the second leaves.

Python runs its own handlers between two lines only, so not while TensorFlow
computes. A thread that the signals wake up does what cannot wait.
"""

import contextlib
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)
# `timeout` and other programs send one to a process and again to its group.
_SAME_WITHIN_SECONDS = 0.3


class Stopped(KeyboardInterrupt):
    """A signal has asked the process to stop.

    Attributes:
      number: of the signal; a program ends with the status 128 + number.
    """

    def __init__(self, number: int, line: str = "stopped"):
        super().__init__(line)
        self.number = number


class Interrupts:
    """What the signals of a process do; from `handled`.

    Attributes:
      line: makes the last line before the process ends.
    """

    def __init__(self) -> None:
        self.line: Callable[[], str] = lambda: "stopped"
        self._asked = 0
        self._waits = False
        self._finishing = threading.Lock()

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """A context in which a first signal waits for `check`."""
        with self._waits_is(True):
            yield

    @contextlib.contextmanager
    def at_once(self) -> Iterator[None]:
        """A context within `waiting` that a first signal ends."""
        with self._waits_is(False):
            self.check()
            yield

    @contextlib.contextmanager
    def finishing(self) -> Iterator[None]:
        """A context that no signal ends, not the second either."""
        with self._waits_is(True), self._finishing:
            yield
        if not self._waits:
            self.check()

    def check(self) -> None:
        """Raises Stopped once a signal has come."""
        if self._asked:
            raise Stopped(self._asked, self.line())

    @contextlib.contextmanager
    def _waits_is(self, waits: bool) -> Iterator[None]:
        before, self._waits = self._waits, waits
        try:
            yield
        finally:
            self._waits = before

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Python's handler of the signals."""
        del frame
        is_first, self._asked = not self._asked, self._asked or number
        if is_first and not self._waits:
            self.check()

    def watch(self, receiver: socket.socket) -> None:
        """Reads the numbers of the signals that come, until the end."""
        first_at = None
        while number := receiver.recv(1):
            if number[0] not in SIGNALS:
                continue
            now = time.monotonic()
            if first_at is None:
                first_at = now
                if self._waits:
                    _tell("stopping after this step; once more leaves at once")
            elif now - first_at > _SAME_WITHIN_SECONDS:
                with self._finishing:
                    leave(number[0], self.line())


def leave_on_signals(line: str) -> None:
    """From now on the first signal ends the process, with nothing but a line.

    For the time in which nothing is begun or all is done.
    """
    for number in SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda number, frame: leave(number, line))


def leave(number: int, line: str = "") -> None:
    """Ends the process as a signal asks, with nothing but a line."""
    if line:
        _tell(line)
    os._exit(128 + number)


@contextlib.contextmanager
def handled() -> Iterator[Interrupts]:
    """A context in which signals are handled; within another, that one's.

    In another thread than the main one there is nothing to handle.
    """
    for number in SIGNALS:
        active = getattr(signal.getsignal(number), "__self__", None)
        if isinstance(active, Interrupts):
            yield active
            return
    interrupts = Interrupts()
    if threading.current_thread() is not threading.main_thread():
        yield interrupts
        return
    sender, receiver = socket.socketpair()
    sender.setblocking(False)
    watcher = threading.Thread(
        target=interrupts.watch, args=(receiver,), daemon=True
    )
    watcher.start()
    before_fd = signal.set_wakeup_fd(sender.fileno(), warn_on_full_buffer=False)
    before = {
        number: signal.signal(number, interrupts.handle)
        for number in SIGNALS
        # What a shell starts in the background ignores Ctrl-C.
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield interrupts
    finally:
        for number, handler in before.items():
            # None stands for one that was not installed from Python.
            signal.signal(number, handler or signal.SIG_DFL)
        signal.set_wakeup_fd(before_fd)
        sender.close()
        watcher.join()
        receiver.close()


def _tell(line: str) -> None:
    # Past Python's own lock, which another thread may hold.
    try:
        descriptor = sys.stderr.fileno()
    except (AttributeError, OSError, ValueError):
        descriptor = 2
    with contextlib.suppress(OSError):
        os.write(descriptor, f"\n{line}\n".encode())
