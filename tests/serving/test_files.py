"""Writing a model file."""

import pytest

from ssd_tf import InputError
from ssd_tf.serving.files import check_new_file, write_new_file


def test_nothing_half_written_is_left(tmp_path):
    path = check_new_file(tmp_path / "deep/model.onnx", ".onnx")
    with pytest.raises(TypeError):
        write_new_file(path, "no bytes")
    assert list(path.parent.iterdir()) == []
    write_new_file(path, b"first")
    assert path.stat().st_mode & 0o777 == 0o644
    # One that came while the export went on.
    with pytest.raises(InputError, match="model.onnx exists already; expected"):
        write_new_file(path, b"second")
    assert path.read_bytes() == b"first"
    assert list(path.parent.iterdir()) == [path]


def test_folder_that_went_away(tmp_path):
    with pytest.raises(InputError, match="cannot be written: No such file"):
        write_new_file(tmp_path / "no/model.onnx", b"")
