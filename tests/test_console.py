"""Running a command as a program."""

import contextlib
import os

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
