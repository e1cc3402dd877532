"""What a command's descriptor 2 lets through, in processes of their own."""

import os
import pathlib
import pty
import signal
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]
BEGIN = """
import os, signal, subprocess, sys
from ssd_tf import stderr_filter
stderr_filter.install()
def cpp(text):  # as C++ does
    os.write(2, text.encode())
"""
NOISE = (
    "WARNING: All log messages before absl::InitializeLog() is called are "
    "written to STDERR\n"
    "I0000 00:00:1795877848.604179   13612 port.cc:153] oneDNN custom "
    "operations are on.\n"
    "I0000 00:00:1795877848.673675   13612 cpu_feature_guard.cc:227] This "
    "TensorFlow binary is optimized to use available CPU instructions.\n"
    "To enable the following instructions: AVX2 FMA, in other operations, "
    "rebuild TensorFlow with the appropriate compiler flags.\n"
    "2026-11-28 14:57:28.604179: I tensorflow/core/util/port.cc:153] oneDNN\n"
    "E0000 00:00:1795877860.037864   13612 util.cc:131] oneDNN supports "
    "DT_UINT8 only on platforms with AVX-512. Falling back.\n"
    "I0000 00:00:1795881591.342298   22310 coordination_service.cc:505] "
    "Example stragglers:\n/job:worker/replica:0/task:1\n"
)
WARNING = "W0000 00:00:1795878141.192169 20941 alloc.cc:4] Memory is low.\n"
ERROR = "E0000 00:00:1795878141.192169 20941 io.cc:4] The disk is full.\n"


def start(program, **keywords):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("TF_CPP_MIN_LOG_LEVEL", None)
    return subprocess.Popen(
        [sys.executable, "-c", BEGIN + program],
        env={**environment, **keywords.pop("env", {})},
        text=True,
        **keywords,
    )


def run(program, **keywords):
    """Exit status, stdout and stderr."""
    process = start(
        program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **keywords
    )
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def test_noise_is_dropped_and_the_order_kept():
    program = f"""
for k in range(200):
    cpp({NOISE!r} + f"C++ {{k}}\\n")
    print("Python", k, file=sys.stderr)
cpp({WARNING!r}); print("out"); cpp({ERROR!r})
"""
    numbers = "".join(f"C++ {k}\nPython {k}\n" for k in range(200))
    assert run(program) == (0, "out\n", numbers + WARNING + ERROR)


def test_it_is_shown_to_who_wants_to_see_it():
    program = f"cpp({NOISE!r})"
    env = {"TF_CPP_MIN_LOG_LEVEL": "0"}
    assert run(program, env=env)[2] == NOISE
    assert run(program)[2] == ""


@pytest.mark.parametrize("has_gpu", [False, True])
def test_a_gpu_that_is_not_found(tmp_path, has_gpu):
    """News where there is one."""
    line = "E0000 00:00:1.9 1 cuda_platform.cc:52] failed call to cuInit: ...\n"
    driver = tmp_path if has_gpu else tmp_path / "none"
    program = f"""
os.dup2(os.open("err", os.O_WRONLY | os.O_CREAT), 2)
import pathlib
stderr_filter._DRIVER = pathlib.Path({str(driver)!r})
stderr_filter.install()
cpp({line!r})
"""
    assert run(program, cwd=tmp_path) == (0, "", "")
    assert (tmp_path / "err").read_text() == (line if has_gpu else "")


def test_nothing_is_lost_in_a_crash():
    text = "".join(f"{k} {'x' * 500}\n" for k in range(100))
    program = f"cpp({NOISE!r} + {text!r} + 'F0000 00:00 dead'); os.abort()"
    status, _, err = run(program)
    assert status == -signal.SIGABRT
    assert err == text + "F0000 00:00 dead"


def test_more_than_a_pipe_holds():
    """In lines that are cut anywhere; C++ may hold Python's lock meanwhile."""
    program = f"""
data = ({NOISE!r} + {WARNING!r}).encode() * 3000
import ctypes
write = ctypes.PyDLL(None).write  # keeps the lock
while data:
    data = data[write(2, data, len(data)):]
"""
    assert run(program) == (0, "", WARNING * 3000)


def test_ctrl_c_and_the_end_of_a_group():
    """What is written while all of the group are interrupted comes through."""
    program = """
def stop(*_):
    cpp("stopping\\n")
    print("stopped", file=sys.stderr)
    sys.exit(130)
signal.signal(signal.SIGINT, stop)
print("ready", flush=True)
while True:
    signal.pause()
"""
    process = start(
        program,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    assert process.stdout.readline() == "ready\n"
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "stopping\nstopped\n")
    with pytest.raises(ProcessLookupError):  # nothing is left of the group
        os.killpg(process.pid, signal.SIGINT)


def test_python_finds_the_terminal():
    """Progress bars ask for it and for its width."""
    program = """
print(sys.stderr.isatty(), os.get_terminal_size(sys.stderr.fileno()).columns)
sys.stderr.write("50%\\r")
cpp("C++\\n")
subprocess.run(["sh", "-c", "echo child >&2"])
"""
    ours, theirs = pty.openpty()
    os.set_blocking(ours, True)
    process = start(program, stdout=subprocess.PIPE, stderr=theirs)
    out, _ = process.communicate(timeout=60)
    os.close(theirs)
    assert (process.returncode, out.split()[0]) == (0, "True")
    assert os.read(ours, 1000) == b"50%\rC++\r\nchild\r\n"
    os.close(ours)


def test_a_closed_descriptor():
    process = subprocess.run(
        ["sh", "-c", 'exec "$0" -c "$1" 2>&-', sys.executable, BEGIN],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    assert process.returncode == 0


def test_the_package_alone_filters_nothing():
    """And brings nothing: a command has its turn before TensorFlow."""
    program = """
before = sys.stderr
import ssd_tf
assert "tensorflow" not in sys.modules
assert ssd_tf.PRESETS["ssd300_tiny"] and ssd_tf.matchers.MATCHERS
assert set(ssd_tf.__all__) <= set(dir(ssd_tf))
assert all(hasattr(ssd_tf, name) for name in ssd_tf.__all__)
assert not hasattr(ssd_tf, "nothing_of_this_name")
assert sys.stderr is before
"""
    done = subprocess.run(
        [sys.executable, "-c", "import sys" + program],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "TF_CPP_MIN_LOG_LEVEL": "0",
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "oneDNN" in done.stderr
