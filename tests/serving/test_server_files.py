"""Files for the model server: what it reads, and what people changed."""

import errno
import re
import subprocess

import pytest
from google.protobuf import text_format
from tensorflow_serving.config import model_server_config_pb2

from ssd_tf import InputError
from ssd_tf.serving import server_files, warmup


@pytest.fixture
def exports(tmp_path):
    """A folder with the models "cells" and "signs"."""
    for version in ("signs/1", "cells/1", "cells/2", "empty/1"):
        (tmp_path / version).mkdir(parents=True)
        (tmp_path / version / "saved_model.pb").touch()
    (tmp_path / "empty/1/saved_model.pb").unlink()
    (tmp_path / "model.onnx").touch()
    return tmp_path


def models(exports):
    """(name, base_path, platform) as the server reads them."""
    config = text_format.Parse(
        (exports / "serving/models.config").read_text(),
        model_server_config_pb2.ModelServerConfig(),
    )
    return [
        (c.name, c.base_path, c.model_platform)
        for c in config.model_config_list.config
    ]


def test_every_model_is_listed(exports):
    assert server_files.write_server_files(exports) == []
    assert models(exports) == [
        ("cells", "/models/cells", "tensorflow"),
        ("signs", "/models/signs", "tensorflow"),
    ]
    # Others come and go.
    (exports / "signs/1/saved_model.pb").unlink()
    (exports / "empty/1/saved_model.pb").touch()
    assert server_files.write_server_files(exports) == []
    assert [name for name, _, _ in models(exports)] == ["cells", "empty"]


def test_changed_files_are_kept(exports):
    server_files.write_server_files(exports)
    files = sorted((exports / "serving").iterdir())
    assert [file.name for file in files] == [
        "batching_parameters.txt",
        "docker_run.sh",
        "models.config",
    ]
    for file in files:
        file.write_text(file.read_text() + "# mine\n")
    before = [file.read_text() for file in files]
    assert server_files.write_server_files(exports) == []
    (exports / "empty/1/saved_model.pb").touch()
    assert server_files.write_server_files(exports) == ["empty"]
    assert [file.read_text() for file in files] == before


def test_changed_file_in_any_encoding(exports):
    server_files.write_server_files(exports)
    config = exports / "serving/models.config"
    config.write_bytes("# größer\n".encode("latin-1"))
    assert server_files.write_server_files(exports) == ["cells", "signs"]
    assert config.read_bytes() == b"# gr\xf6\xdfer\n"


def test_folder_that_cannot_be_written(exports, monkeypatch):
    def write_text(path, text, encoding):
        assert encoding == "utf-8"
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("pathlib.Path.write_text", write_text)
    with pytest.raises(
        InputError, match="serving cannot be written: No space left on device$"
    ):
        server_files.write_server_files(exports)


def test_batching_parameters(exports):
    server_files.write_server_files(exports)
    text = (exports / "serving/batching_parameters.txt").read_text()
    fields = re.findall(r"^(\w+)(?: { value: (\d+) }|: (\d+))$", text, re.M)
    assert fields == [
        ("max_batch_size", "32", ""),
        ("batch_timeout_micros", "5000", ""),
        ("max_enqueued_batches", "100", ""),
        ("num_batch_threads", "1", ""),
        *(
            ("allowed_batch_sizes", "", size)
            for size in ("1", "2", "4", "8", "16", "32")
        ),
    ]
    assert "# A request of more pictures than max_batch_size is ref" in text
    assert "# The export warms up 1, 2, 4 and 8." in text
    assert warmup.BATCH_SIZES == (1, 2, 4, 8)


def test_docker_run_passes_the_folder_and_its_arguments(
    exports, tmp_path, monkeypatch
):
    """With a `docker` that prints its arguments."""
    server_files.write_server_files(exports)
    docker = tmp_path / "bin/docker"
    docker.parent.mkdir()
    docker.write_text('#!/bin/sh\nprintf "%s\\n" "$@"\n')
    docker.chmod(0o755)
    monkeypatch.setenv("PATH", f"{docker.parent}:/usr/bin:/bin")
    done = subprocess.run(
        [exports / "serving/docker_run.sh", "--enable_batching"],
        capture_output=True,
        text=True,
        check=True,
        cwd="/",
    )
    assert done.stdout.splitlines() == [
        *("run", "--rm", "-p", "8500:8500", "-p", "8501:8501", "--mount"),
        f"type=bind,source={exports},target=/models,readonly",
        "tensorflow/serving",
        "--model_config_file=/models/serving/models.config",
        "--enable_batching",
    ]
