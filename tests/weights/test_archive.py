import io
import struct
import zipfile

import pytest

from ssd_tf.errors import InputError
from ssd_tf.weights import archive
from tests.weights.torch_files import FILES, zip_file


def test_the_contents_are_those_that_python_reads():
    path = FILES / "training.pth"
    entries = archive.find_entries(path.read_bytes())
    with zipfile.ZipFile(path) as theirs:
        assert list(entries) == theirs.namelist()
        for name, content in entries.items():
            assert bytes(content) == theirs.read(name)


def test_a_comment_behind_the_archive_is_passed_over():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        file.writestr("x", b"content")
        file.comment = b"a comment"
    assert bytes(archive.find_entries(stream.getvalue())["x"]) == b"content"


def test_a_compressed_entry_is_refused():
    data = zip_file(bytes(10_000), method=zipfile.ZIP_DEFLATED)
    with pytest.raises(InputError, match="x/data.pkl .* is compressed"):
        archive.find_entries(data)


def test_a_wrong_checksum_is_refused():
    data = zip_file(b"content").replace(b"content", b"c0ntent")
    with pytest.raises(InputError, match="x/data.pkl .* checksum differs"):
        archive.find_entries(data)


def test_entries_that_share_bytes_are_refused():
    """A thousand entries of one megabyte, and one megabyte."""
    content = bytes(1 << 20)
    data = zip_file(content)
    start = data.index(b"PK\x01\x02")
    entry = data[start : data.index(b"PK\x05\x06")]
    entries = b"".join(
        entry.replace(b"data.pkl", b"data%04d" % k) for k in range(1000)
    )
    end = struct.pack(
        "<4s4H2LH", b"PK\x05\x06", 0, 0, 1000, 1000, len(entries), start, 0
    )
    with pytest.raises(InputError, match="damaged or cut short"):
        archive.find_entries(data[:start] + entries + end)


def test_two_entries_of_one_name_are_refused():
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as file:
        file.writestr("x", b"1")
        with pytest.warns(UserWarning, match="Duplicate name"):
            file.writestr("x", b"2")
    with pytest.raises(InputError, match="damaged"):
        archive.find_entries(stream.getvalue())


@pytest.mark.parametrize("data", [b"", b"PK", b"PK\x05\x06", b"PK\x03\x04" * 9])
def test_what_is_no_archive(data):
    with pytest.raises(InputError, match="damaged or cut short"):
        archive.find_entries(data)
