"""Data are known again, and what has changed is named."""

import shutil

import pytest
from PIL import Image

from ssd_tf.data import data_record
from ssd_tf.data.sources.voc_folder import VocFolder
from tests.data.toy_source import ToySource, to_example

CLASSES = ("cat", "dog", "emu")


@pytest.fixture
def record(pets):
    """The record of the folder as it is now."""
    return lambda: data_record.make_record(
        VocFolder(pets, CLASSES), ["train", "val"]
    )


def rewrite(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_the_same_data(pets, record, tmp_path):
    before = record()
    assert data_record.is_known(before)
    assert before["splits"]["train"]["images"] == 2
    assert data_record.differences(before, record()) == []
    # Elsewhere, in another order, with images written anew.
    (pets / "ImageSets/Main/train.txt").write_text("a\nb\n")
    Image.new("RGB", (100, 50), "red").save(pets / "JPEGImages/a.jpg")
    assert data_record.differences(before, record()) == []


def add(pets):
    for folder, suffix in (("Annotations", "xml"), ("JPEGImages", "jpg")):
        shutil.copy(
            pets / folder / f"a.{suffix}", pets / folder / f"n.{suffix}"
        )
    (pets / "ImageSets/Main/train.txt").write_text("b\na\nn\n")


CHANGES = {
    "split 'train': 2 images then, 3 now; 1 new (n.jpg)": add,
    "split 'train': 2 images then, 1 now; 1 gone (a.jpg)": lambda pets: (
        pets / "ImageSets/Main/train.txt"
    ).write_text("b\n"),
    "split 'train': 2 images then, 2 now; 1 with other objects (a.jpg)": (
        lambda pets: rewrite(
            pets / "Annotations/a.xml", "<xmax>50</xmax>", "<xmax>51</xmax>"
        )
    ),
    "split 'train': 2 images then, 2 now; 1 with other objects (a.jpg) ": (
        lambda pets: rewrite(
            pets / "Annotations/a.xml", "<name>dog</name>", "<name>emu</name>"
        )
    ),
    "split 'val': 1 image then, 1 now; 1 with other objects (c.jpg)": (
        lambda pets: rewrite(
            pets / "Annotations/c.xml",
            "<difficult>0</difficult>",
            "<difficult>1</difficult>",
        )
    ),
}


@pytest.mark.parametrize("line", CHANGES)
def test_changed_data(pets, record, line):
    before = record()
    CHANGES[line](pets)
    assert data_record.differences(before, record()) == [line.strip()]


def test_a_renamed_image_is_new_and_gone(pets, record):
    before = record()
    (pets / "Annotations/a.xml").rename(pets / "Annotations/z.xml")
    (pets / "JPEGImages/a.jpg").rename(pets / "JPEGImages/z.jpg")
    (pets / "ImageSets/Main/train.txt").write_text("b\nz\n")
    assert data_record.differences(before, record()) == [
        "split 'train': 2 images then, 2 now; 1 new (z.jpg); 1 gone (a.jpg)"
    ]


def test_a_file_that_is_missing_is_no_other_data(pets, record):
    before = record()
    (pets / "JPEGImages/a.jpg").unlink()
    without = record()
    assert data_record.differences(before, without) == []
    assert data_record.differences(without, before) == []


def test_a_source_without_names_is_known_by_its_number():
    one = ToySource([to_example(b"", "a")])
    two = ToySource([to_example(b"", "a"), to_example(b"", "b")])
    records = [data_record.make_record(s, ["train"]) for s in (one, two)]
    assert data_record.differences(*records) == [
        "split 'train': 1 image then, 2 now"
    ]
    assert not data_record.is_known({})
