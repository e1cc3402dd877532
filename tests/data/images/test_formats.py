"""The table of formats against files that Pillow writes."""

import pytest
import tensorflow as tf

from ssd_tf.data.images import FORMATS, SUFFIXES, decode, find_format
from tests.data.annotated import noise


def test_suffixes_in_the_order_of_the_table():
    assert SUFFIXES == (".jpg", ".jpeg", ".png", ".gif", ".bmp", ".webp")


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_begins_as_its_format_alone(name):
    encoded = noise(name)
    begun = [other for other, fmt in FORMATS.items() if fmt.begins(encoded)]
    assert begun == [name]
    assert find_format(encoded) is FORMATS[name]


@pytest.mark.parametrize("name", FORMATS)
def test_begins_in_graph_as_outside(name):
    fmt = FORMATS[name]
    in_graph = tf.function(
        fmt.begins_in_graph, input_signature=[tf.TensorSpec([], tf.string)]
    )
    files = [noise(other) for other in FORMATS]
    starts = [file[:size] for file in files for size in (0, 1, 3, 7, 9, 11)]
    for encoded in (*files, *starts, b"<html>"):
        assert in_graph(encoded).numpy() == fmt.begins(encoded)


@pytest.mark.parametrize("name", FORMATS)
def test_completeness(name):
    fmt, encoded = FORMATS[name], noise(name)
    assert fmt.is_complete(encoded)
    assert fmt.is_complete(encoded + bytes(100))
    cut = encoded[: len(encoded) // 2]
    assert not fmt.is_complete(cut)
    if name in ("JPEG", "PNG", "GIF"):  # the others tell their length
        assert not fmt.is_complete(cut + bytes(len(encoded)))


@pytest.mark.parametrize("encoded", [b"", b"\xff\xd8", b"<html>", b"RIFF"])
def test_no_format(encoded):
    assert find_format(encoded) is None


def test_riff_of_another_kind_is_refused():
    """A sound or a film; Begun like a WebP."""
    encoded = noise("WebP")
    other = encoded[:8] + b"WAVE" + encoded[12:]
    assert find_format(other) is None
    with pytest.raises(tf.errors.InvalidArgumentError):
        decode(other)
