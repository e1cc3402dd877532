"""What is written beside its place, and what a kill leaves of it."""

import os
import pathlib
import subprocess
import sys

import pytest

from ssd_tf.unfinished import sweep, unfinished_folder

ROOT = pathlib.Path(__file__).parents[1]
_PROGRAM = """
import pathlib, sys
from ssd_tf.unfinished import unfinished_folder

with unfinished_folder(pathlib.Path(sys.argv[1])) as folder:
    (folder / "half").write_text("half")
    print(folder.name, flush=True)
    sys.stdin.readline()
"""


def test_leftovers_of_a_kill_are_swept(tmp_path):
    """Not while the process lives, and then by the next one."""
    program = subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, str(tmp_path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    with program:
        name = program.stdout.readline().strip()
        sweep(tmp_path)
        assert os.listdir(tmp_path) == [name]
        program.kill()
    (tmp_path / "mine").mkdir()
    with unfinished_folder(tmp_path) as folder:
        assert set(os.listdir(tmp_path)) == {"mine", folder.name}
        folder.rename(tmp_path / "whole")
    assert set(os.listdir(tmp_path)) == {"mine", "whole"}


def test_nothing_is_left_of_an_error(tmp_path):
    with pytest.raises(TypeError):
        with unfinished_folder(tmp_path) as folder:
            (folder / "half").write_text("half")
            raise TypeError
    assert os.listdir(tmp_path) == []
