"""Commands as programs, while they start."""

import pathlib
import signal
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]


def catches_sigterm(process):
    """Whether a program has come to where it handles signals, by Linux."""
    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
    (mask,) = (x for x in status.splitlines() if x.startswith("SigCgt"))
    return int(mask.split()[1], 16) >> (signal.SIGTERM - 1) & 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_stopped_while_tensorflow_is_imported(number, tmp_path):
    """Quietly: nothing has begun, and nobody wants to see 50 lines."""
    process = subprocess.Popen(
        [sys.executable, ROOT / "train.py", f"--run_dir={tmp_path / 'run'}"],
        cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT), "TF_CPP_MIN_LOG_LEVEL": "3"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while not catches_sigterm(process):
        assert process.poll() is None
    process.send_signal(number)
    out, err = process.communicate()
    assert (process.returncode, out) == (128 + number, "")
    assert err == "\nstopped before it began\n"
    assert list(tmp_path.iterdir()) == []
