"""Ctrl-C and SIGTERM, sent to programs."""

import pathlib
import signal
import subprocess
import sys

import pytest

from ssd_tf import interrupts

ROOT = pathlib.Path(__file__).parents[1]
_BEGINNING = """
import hashlib, signal, sys, time
from ssd_tf import interrupts

interrupts._SAME_WITHIN_SECONDS = 0.0

def busy():
    # In C, so that Python runs no handler.
    hashlib.pbkdf2_hmac("sha256", b"", b"", 2_000_000_000)

with interrupts.handled() as signals:
    signals.line = lambda: "the last line"
"""


@pytest.fixture
def begin():
    """Lines within `handled` -> a program that has printed "begins"."""
    programs = []

    def start(lines):
        text = "".join(f"    {line}\n" for line in lines.strip().split("\n"))
        program = subprocess.Popen(
            [sys.executable, "-c", _BEGINNING + text],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        programs.append(program)
        assert program.stdout.readline() == "begins\n"
        return program

    yield start
    for program in programs:
        program.kill()
        program.communicate()


def wait_for_note(program):
    assert program.stderr.readline() == "\n"
    assert program.stderr.readline() == (
        "stopping after this step; once more leaves at once\n"
    )


WAITING = """
try:
    with signals.waiting():
        print("begins", flush=True)
        sys.stdin.readline()
        print("step done", flush=True)
        signals.check()
        print("not here")
except interrupts.Stopped as stopped:
    print(stopped, stopped.number)
"""


@pytest.mark.parametrize("number", interrupts.SIGNALS)
def test_the_first_waits(begin, number):
    program = begin(WAITING)
    program.send_signal(number)
    wait_for_note(program)
    out, err = program.communicate("\n")
    assert out == f"step done\nthe last line {int(number)}\n"
    assert (program.returncode, err) == (0, "")


BUSY = """
with signals.waiting():
    print("begins", flush=True)
    busy()
"""


@pytest.mark.parametrize("number", interrupts.SIGNALS)
def test_the_second_leaves_at_once(begin, number):
    """Also while Python cannot run a handler."""
    program = begin(BUSY)
    program.send_signal(number)
    wait_for_note(program)
    program.send_signal(number)
    out, err = program.communicate()
    assert (program.returncode, out) == (128 + number, "")
    assert err == "\nthe last line\n"


FINISHING = """
with signals.waiting(), signals.finishing():
    print("begins", flush=True)
    sys.stdin.readline()
    print("saved", flush=True)
"""


def test_what_has_begun_finishes(begin):
    program = begin(FINISHING)
    program.send_signal(signal.SIGINT)
    wait_for_note(program)
    program.send_signal(signal.SIGINT)
    # Were it to leave, nobody would read this.
    out, err = program.communicate("\n")
    assert out.splitlines()[0] == "saved"
    assert (program.returncode, err) == (130, "\nthe last line\n")


AT_ONCE = """
with signals.waiting():
    try:
        with signals.at_once():
            print("begins", flush=True)
            time.sleep(1000)
    except interrupts.Stopped as stopped:
        print(stopped.number)
"""


def test_what_need_not_finish_does_not(begin):
    program = begin(AT_ONCE)
    program.send_signal(signal.SIGTERM)
    out, err = program.communicate()
    assert (program.returncode, out, err) == (0, "15\n", "")


def test_one_that_came_before_is_not_forgotten():
    with interrupts.handled() as signals, signals.waiting():
        signal.raise_signal(signal.SIGTERM)
        with pytest.raises(interrupts.Stopped):
            with signals.at_once():
                pytest.fail("begun")


def test_two_at_once_are_one(begin):
    """As `timeout` sends them, to the process and to its group."""
    program = begin("interrupts._SAME_WITHIN_SECONDS = 1000.0" + WAITING)
    program.send_signal(signal.SIGTERM)
    wait_for_note(program)
    program.send_signal(signal.SIGTERM)
    out, err = program.communicate("\n")
    assert out == "step done\nthe last line 15\n"
    assert (program.returncode, err) == (0, "")


def test_handlers_are_put_back_and_shared():
    before = [signal.getsignal(number) for number in interrupts.SIGNALS]
    with interrupts.handled() as outer:
        with interrupts.handled() as inner:
            assert inner is outer
        assert signal.getsignal(signal.SIGINT) == outer.handle
    after = [signal.getsignal(number) for number in interrupts.SIGNALS]
    assert after == before
