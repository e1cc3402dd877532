"""Reading with one clear error, writing whole or not at all."""

import json
import os

import pytest

from ssd_tf import InputError, files


@pytest.mark.parametrize(
    "content, message",
    [
        (b'{"a": ', "is not valid JSON: "),
        (b"\xff\xfe\xfa", "is not valid JSON: "),
        (b"[" * 100_000, "is not valid JSON: "),
        (None, "cannot be read: Is a directory"),
    ],
)
def test_json_that_cannot_be_read(tmp_path, content, message):
    path = tmp_path / "x.json"
    path.mkdir() if content is None else path.write_bytes(content)
    with pytest.raises(InputError, match=f"x.json {message}[^\n]*$"):
        files.read_json(path)


def test_json_is_read_as_it_was_written(tmp_path):
    value = {"a": [1, 2.5, None], "é": "ü"}
    files.write_json(tmp_path / "x.json", value)
    assert files.read_json(tmp_path / "x.json") == value
    assert json.loads((tmp_path / "x.json").read_bytes()) == value
    assert os.listdir(tmp_path) == ["x.json"]


@pytest.mark.parametrize("error", [KeyboardInterrupt(), TypeError("a bug")])
def test_nothing_half_written_is_left(tmp_path, error):
    path = tmp_path / "x.jpg"
    path.write_text("old")
    with pytest.raises(type(error)):
        with files.written_whole(path) as temporary:
            assert temporary.suffix == ".jpg"  # tells Pillow the format
            temporary.write_text("new, of which a half")
            raise error
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["x.jpg"]


def test_folder_that_is_not_there(tmp_path):
    with pytest.raises(
        InputError, match="no/x.json cannot be written: No such file[^\n]*$"
    ):
        files.write_json(tmp_path / "no/x.json", {})
