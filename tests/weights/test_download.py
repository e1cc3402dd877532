"""Published weights, fetched from files of this machine."""

import dataclasses
import hashlib
import pathlib

import pytest
import tensorflow as tf

from ssd_tf.errors import InputError
from ssd_tf.weights import download
from ssd_tf.weights.published import PUBLISHED

NAME = "voc/vgg_ssd300@lufficc"
BY_HAND = "voc/ssd300@caffe"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """The folder of Keras, in which nothing is yet."""
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    return tmp_path / "models"


@pytest.fixture
def publish(tmp_path, monkeypatch):
    """(content, sha256) -> the file that NAME is fetched from."""

    def call(content=b"weights", **changes):
        path = tmp_path / "published.pth"
        path.write_bytes(content)
        entry = dataclasses.replace(
            PUBLISHED[NAME], url=path.as_uri(), **changes
        )
        monkeypatch.setitem(PUBLISHED, NAME, entry)
        return path

    return call


@pytest.mark.parametrize("num_digits", [0, 8, 64])
def test_a_name_is_fetched_once_and_checked(publish, folder, num_digits):
    digits = hashlib.sha256(b"weights").hexdigest()[:num_digits]
    source = publish(sha256=digits)
    path = download.locate(NAME)
    assert path == folder / "vgg_ssd300_voc0712.pth"
    assert path.read_bytes() == b"weights"
    assert [p.name for p in folder.iterdir()] == [path.name]
    source.unlink()
    assert download.locate(NAME) == path


def test_another_file_than_published_is_not_kept(publish, folder):
    source = publish(sha256="01234567")
    with pytest.raises(InputError) as caught:
        download.locate(NAME)
    found = hashlib.sha256(b"weights").hexdigest()[:8]
    assert str(caught.value) == (
        f"what {source.as_uri()} sent is damaged or another file: its SHA-256 "
        f"begins with {found}, expected 01234567"
    )
    assert list(folder.iterdir()) == []


def test_a_damaged_file_put_there_by_hand_stays(publish, folder):
    publish(sha256="01234567")
    folder.mkdir()
    path = folder / "vgg_ssd300_voc0712.pth"
    path.write_bytes(b"half")
    with pytest.raises(InputError) as caught:
        download.locate(NAME)
    assert str(caught.value).startswith(
        f"{path} (delete it to fetch it again) is damaged or another file"
    )
    assert path.read_bytes() == b"half"


def test_without_a_network_it_says_what_to_put_where(publish, folder):
    source = publish()
    source.unlink()
    with pytest.raises(InputError) as caught:
        download.locate(NAME)
    message = str(caught.value)
    assert message.startswith(f"{NAME} could not be fetched (URL fetch failure")
    assert message.endswith(
        "; where there is no network, take vgg_ssd300_voc0712.pth from "
        f"{source.as_uri()} and put it into {folder}, or give the file itself"
    )
    assert message.isprintable()
    assert list(folder.iterdir()) == []


def test_what_is_put_there_by_hand_is_taken(folder):
    published = PUBLISHED[BY_HAND]
    with pytest.raises(InputError) as caught:
        download.locate(BY_HAND)
    assert str(caught.value) == (
        f"{BY_HAND} is to be fetched by hand: take {published.file} from "
        f"{published.url} and put it into {folder}, or give the file itself"
    )
    folder.mkdir()
    (folder / published.file).write_bytes(b"weights")
    assert download.locate(BY_HAND) == folder / published.file


def test_a_checkpoint_of_several_files_is_taken(folder):
    name = "voc/ssd_300_vgg@ssd_tensorflow"
    prefix = folder / PUBLISHED[name].file
    tf.train.Checkpoint(kernel=tf.Variable([1.0])).write(str(prefix))
    assert download.locate(name) == prefix
    assert download.locate(str(prefix)) == prefix


def test_files_are_told_apart_where_they_are_kept():
    files = [entry.file for entry in PUBLISHED.values()]
    assert len(set(files)) == len(files)


def test_unknown_names(tmp_path):
    assert download.locate(str(tmp_path)) == pathlib.Path(tmp_path)
    with pytest.raises(InputError) as caught:
        download.locate("coco/ssd300_vgg16@torchvison")
    assert str(caught.value) == (
        "coco/ssd300_vgg16@torchvison is neither a file nor the name of "
        "published weights, did you mean coco/ssd300_vgg16@torchvision?; "
        "`python -m ssd_tf weights` lists them"
    )
