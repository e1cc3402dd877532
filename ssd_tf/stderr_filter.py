"""Keeps TensorFlow's own chatter off the terminal; for commands only.

TensorFlow writes to file descriptor 2 from C++, while it is imported, when it
first asks for devices, and later. Its `TF_CPP_MIN_LOG_LEVEL` does not reach the
lines from before its logging is set up, and where it is high enough for the
others it hides warnings. So a small process of its own, forked before
TensorFlow comes, reads descriptor 2 and lets everything pass but what is known.

It is a process, not a thread, so that it goes on when this one crashes, and as
C++ may write while it holds Python's lock. Python's `sys.stderr` goes past it,
straight to the terminal, so that progress bars find one there.
"""

import array
import atexit
import fcntl
import io
import mmap
import os
import pathlib
import re
import select
import signal
import sys
import termios
import time
from typing import Any

# "I0000 00:00:1795877848.604179   13612 port.cc:153] ", and an older kind.
_INFORMATIVE = rb"I\d{4} \d\d:\d\d:|\d{4}-\d\d-\d\d \d\d:\d\d:[\d.]+: I "
_NOISE = (
    rb"WARNING: All log messages before absl::InitializeLog\(\) is called",
    # The second line of an informative message about the processor.
    rb"To enable the following instructions: .* rebuild TensorFlow with",
    # Those of one about workers that have not come yet.
    rb"/job:\w+/replica:\d+/task:\d+\s*$",
    rb".*oneDNN supports DT_\w+ only on platforms with AVX-512",
    # Registered twice by TensorFlow's own libraries.
    rb".*Unable to register cu\w+ (?:factory|plugin)",
    rb".*computation placer already registered",
    # The ordinary end of a data set.
    rb".*Local rendezvous is aborting with status: OUT_OF_RANGE: End of seq",
    # Of batches for several devices.
    rb".*Input of GeneratorDatasetOp::Dataset will not be optimized",
    # Of images: who decodes them says which one it is, and why.
    rb".*OP_REQUIRES failed at whole_file_read_ops",
    rb".*jpeg_mem\.cc:\d+\] ",
    rb".*Local rendezvous is aborting with status: (?:INVALID_ARGUMENT"
    rb"|NOT_FOUND|FAILED_PRECONDITION|UNKNOWN)",
    rb"\t \[\[\{\{",
    rb"Premature end of JPEG file",
    rb"Corrupt JPEG data: ",
    rb"JPEG datastream contains no image",
    rb"Input file read error",
    rb"Improper call to JPEG library in state ",
    rb"Bogus Huffman table definition",
    # From the conversion to LiteRT and to ONNX.
    rb".*tf_tfl_flatbuffer_helpers\.cc:\d+\] Ignored ",
    rb".*NodeDef mentions attribute \S+ which is not in the op definition",
)
# Where there is a GPU, it is news if TensorFlow does not find it.
_ABOUT_NO_GPU = (
    rb".*failed call to cuInit",
    rb".*Could not find cuda drivers",
    rb".*Cannot dlopen some GPU libraries",
    rb".*Skipping registering GPU devices",
)
# What may become one of these, if the rest of the line is not there yet.
_BEGINNING = re.compile(
    rb"[IWEF](?:\d|$)|W(?:A|$)|\d{1,4}(?:-|$)|T(?:o(?: (?:e|$)|$)|$)|/(?:j|$)"
)
_DRIVER = pathlib.Path("/proc/driver/nvidia")
_PATIENCE_SECONDS = 1.0


def install() -> None:
    """Begins to filter what this process writes to descriptor 2.

    Does nothing where it cannot, and where TF_CPP_MIN_LOG_LEVEL is set: then
    somebody wants to see what TensorFlow says, or has silenced it.
    """
    if "TF_CPP_MIN_LOG_LEVEL" in os.environ or not hasattr(os, "fork"):
        return
    try:
        terminal = os.dup(2)
    except OSError:  # closed
        return
    busy = mmap.mmap(-1, 1)  # shared with the other process
    reading, writing = os.pipe()
    process = os.fork()
    if not process:
        try:
            os.close(writing)  # or it would wait for itself
            _serve(reading, terminal, busy)
        finally:
            os._exit(0)
    os.close(reading)
    os.dup2(writing, 2)
    os.close(writing)
    before = sys.stderr
    past = _PastFilter(terminal, busy)
    sys.stderr = io.TextIOWrapper(
        io.BufferedWriter(past),
        encoding=before.encoding,
        errors=before.errors,
        line_buffering=True,
    )
    atexit.register(_end, terminal, process)


class _PastFilter(io.FileIO):
    """The terminal, written to once what came before has passed the filter."""

    def __init__(self, terminal: int, busy: mmap.mmap):
        super().__init__(terminal, "w", closefd=False)
        self._busy = busy
        self._waits = True

    def write(self, data: Any) -> int:
        if self._waits:
            end = time.monotonic() + _PATIENCE_SECONDS
            while _num_waiting(2) or self._busy[0]:
                if time.monotonic() > end:
                    self._waits = False  # it was killed
                    break
                time.sleep(0.0002)
        return super().write(data)


def _num_waiting(descriptor: int) -> int:
    """Bytes in a pipe that its reader has not taken; 0 for another file."""
    count = array.array("i", [0])
    try:
        fcntl.ioctl(descriptor, termios.FIONREAD, count)
    except OSError:
        return 0
    return count[0]


def _end(terminal: int, process: int) -> None:
    """Gives descriptor 2 back, and waits until all has passed."""
    sys.stderr.flush()
    os.dup2(terminal, 2)
    end = time.monotonic() + _PATIENCE_SECONDS
    # Longer where a program that was started here has the pipe, too.
    while time.monotonic() < end:
        try:
            if os.waitpid(process, os.WNOHANG)[0]:
                return
        except ChildProcessError:
            return
        time.sleep(0.001)


def _serve(reading: int, terminal: int, busy: mmap.mmap) -> None:
    """The other process: passes lines on until the last writer has gone."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"):
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    # Whoever waits for the end of what this process has open need not wait.
    os.closerange(0, 2)
    patterns = [_INFORMATIVE, *_NOISE]
    if not _DRIVER.exists():
        patterns += _ABOUT_NO_GPU
    sieve = _Sieve(re.compile(b"|".join(patterns)))
    while True:
        select.select([reading], [], [])
        busy[0] = 1
        data = os.read(reading, 1 << 16)
        _write(terminal, sieve.sift(data) if data else sieve.rest)
        busy[0] = 0
        if not data:
            return


class _Sieve:
    """Drops lines that begin with a pattern, however they are cut."""

    def __init__(self, noise: re.Pattern[bytes]):
        self._noise = noise
        self._is_within = False  # a line whose beginning has passed
        self.rest = b""  # the beginning of a line, kept back

    def sift(self, data: bytes) -> bytes:
        """What may pass now."""
        passed = []
        for line in (self.rest + data).splitlines(keepends=True):
            self.rest = b""
            is_whole = line.endswith((b"\n", b"\r"))
            if not self._is_within and not is_whole and _BEGINNING.match(line):
                self.rest = line
            elif self._is_within or not self._noise.match(line):
                passed.append(line)
                self._is_within = not is_whole
        return b"".join(passed)


def _write(terminal: int, data: bytes) -> None:
    try:
        while data:
            data = data[os.write(terminal, data) :]
    except OSError:
        pass  # the terminal has gone; who writes must not hang for it
