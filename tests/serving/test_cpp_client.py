"""examples/cpp/detect.cc, built against the installed TensorFlow, and run.

The compiler comes with the system: apt-get install g++. `.ci/run` installs it
and then insists on it.
"""

import os
import pathlib
import shutil
import subprocess

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

SOURCE = pathlib.Path(__file__).parents[2] / "examples/cpp/detect.cc"
COMPILER = shutil.which("g++")

pytestmark = pytest.mark.skipif(
    COMPILER is None and "REQUIRE_GXX" not in os.environ,
    reason="no C++ compiler here: apt-get install g++",
)


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """Arguments -> the finished process; it is built once."""
    assert COMPILER, "REQUIRE_GXX is set, and there is no g++"
    path = tmp_path_factory.mktemp("cpp") / "detect"
    libraries = tf.sysconfig.get_lib()
    subprocess.run(
        # -w: of the warnings all are about TensorFlow's headers.
        [COMPILER, SOURCE, "-O0", "-w", "-o", path]
        + tf.sysconfig.get_compile_flags()
        + ["-Wl,--no-as-needed", "-l:libtensorflow_cc.so.2"]
        + tf.sysconfig.get_link_flags()
        + [f"-Wl,-rpath,{libraries}"],
        check=True,
    )

    def run(*arguments):
        return subprocess.run(
            [path, *map(str, arguments)],
            env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "2"},
            capture_output=True,
            text=True,
        )

    return run


@pytest.fixture
def jpeg(tmp_path, pictures):
    path = tmp_path / "picture.jpg"
    path.write_bytes(pictures[0])
    with Image.open(path) as image:
        assert image.format == "JPEG"
    return path


def read(stdout):
    """Names, and rows of score and box."""
    lines = [line.split(" ", 5) for line in stdout.splitlines()]
    rows = [[float(value) for value in line[:5]] for line in lines]
    return [line[5] for line in lines], np.array(rows)


def test_detections_are_those_of_python(program, small_export, jpeg):
    done = program(small_export, jpeg, 0.1)
    assert done.returncode == 0, done.stderr
    names, rows = read(done.stdout)
    loaded = tf.saved_model.load(str(small_export))
    outputs = loaded.signatures["serving_default"](
        input_tensor=tf.constant([jpeg.read_bytes()])
    )
    outputs = {name: value.numpy()[0] for name, value in outputs.items()}
    count = int((outputs["detection_scores"] >= 0.1).sum())
    assert len(names) == count > 0
    assert names == [
        name.decode() for name in outputs["detection_class_names"][:count]
    ]
    expected = np.column_stack(
        [outputs["detection_scores"], outputs["detection_boxes"]]
    )
    np.testing.assert_allclose(rows, expected[:count], atol=1e-6)
    best = program(small_export, jpeg, rows[0, 0]).stdout.splitlines()
    assert best == done.stdout.splitlines()[: len(best)] and best


def test_errors(program, small_export, jpeg, tmp_path):
    text = tmp_path / "text.jpg"
    text.write_text("not an image")
    for arguments, where in (
        ((tmp_path / "none", jpeg), tmp_path / "none"),
        ((small_export, tmp_path / "none.jpg"), tmp_path / "none.jpg"),
        ((small_export, tmp_path), tmp_path),
        ((small_export, text), text),
    ):
        done = program(*arguments)
        assert (done.returncode, done.stdout) == (1, "")
        # TensorFlow's own lines may come before.
        assert f"\nerror: {where}: " in "\n" + done.stderr
    done = program(small_export)
    assert done.returncode == 2
    assert "usage: detect EXPORT_DIR/VERSION IMAGE" in done.stderr
