"""Running a command as a program."""

import contextlib
import os
import signal

import pytest

from ssd_tf import console


@pytest.mark.parametrize("length", [1, 20_000])
def test_a_reader_that_has_gone(capfd, keep_signals, length):
    """As of `| head -1`.

    Short output shows it at the end only, long output while it is written.
    """

    def main():
        print("x" * length)

    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as output:
        with contextlib.redirect_stdout(output):
            # A shell gives a program that SIGPIPE ended 128 + 13.
            assert console.call(main) == 141
        output.flush()  # as Python does when it ends
    assert capfd.readouterr().err == ""


def test_output_on_a_full_disk(capfd, keep_signals):
    """As of `> file`, by the device that has no room for a byte."""
    with open("/dev/full", "w") as output:
        with contextlib.redirect_stdout(output):
            assert console.call(lambda: print("x")) == 1
        output.flush()
    assert capfd.readouterr().err == (
        "error: standard output: No space left on device\n"
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped(capfd, number):
    before = signal.getsignal(number)
    status = console.call(
        lambda: signal.raise_signal(number), when_stopped="bye"
    )
    assert status == 128 + number
    assert capfd.readouterr() == ("", "bye\n")
    assert signal.getsignal(number) == before
