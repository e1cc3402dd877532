"""Images of a VOC folder as annotated, broken or not."""

import pytest

from ssd_tf.data.sources.base import RawObject
from ssd_tf.data.sources.voc_folder import VocFolder
from ssd_tf.errors import InputError


def test_as_written(root, add_image, add_split):
    box = ("cat", 30, "nan", 20, 60, 0)
    path = add_image(root, "a", box, ("emu", 1.5, 2, 3, 4, 1), size=(200, 0))
    add_split(root, "train", "a")
    source = VocFolder(root, ("cat",))
    assert source.num_raw_images("train") == 1
    (raw,) = source.raw_images("train")
    assert raw.image_id == "a.jpg"
    assert raw.location == f"{root}/Annotations/a.xml"
    assert raw.image_path == str(path)
    assert raw.read() == path.read_bytes()
    assert raw.declared_size is None
    assert repr(raw.objects) == repr(
        (
            RawObject("cat", (float("nan"), 30.0, 60.0, 20.0), "box 1"),
            RawObject("emu", (2.0, 1.5, 4.0, 3.0), "box 2", is_difficult=True),
        )
    )
    assert raw.problems == ()


def test_an_image_that_is_listed_twice_comes_twice(pets, add_split):
    add_split(pets, "train", "a", "b", "a")
    source = VocFolder(pets)
    assert source.num_raw_images("train") == 3
    ids = [raw.image_id for raw in source.raw_images("train")]
    assert ids == ["a.jpg", "b.jpg", "a.jpg"]


def test_broken_annotations_and_missing_images(pets, add_split):
    xml = pets / "Annotations/a.xml"
    # The first object loses its name; the second stays the second.
    xml.write_text(xml.read_text().replace("<name>dog</name>", ""))
    (pets / "Annotations/b.xml").write_text("<annotation>")
    (pets / "JPEGImages/c.jpg").unlink()
    add_split(pets, "train", "a", "b", "c", "d")
    a, b, c, d = VocFolder(pets).raw_images("train")
    assert a.problems == (f"{xml}: object 1 has no <name>",)
    assert [(o.class_name, o.place) for o in a.objects] == [("cat", "box 2")]
    assert b.problems == (
        f"{pets}/Annotations/b.xml: not valid XML: no element found: line 1,"
        " column 12",
    )
    assert b.read() == (pets / "JPEGImages/b.jpg").read_bytes()
    assert c.problems == ()
    assert c.image_path == f"{pets}/JPEGImages/c"
    with pytest.raises(FileNotFoundError, match="JPEGImages/c: image is miss"):
        c.read()
    assert d.problems == (
        f"{pets}/Annotations/d.xml: annotation file is missing",
    )
    assert d.objects == ()


def test_split_without_annotations(pets, add_split):
    add_split(pets, "test", "x", "y")
    source = VocFolder(pets)
    asks = source.num_raw_images, source.num_examples
    for ask in (*asks, lambda split: list(source.raw_images(split))):
        with pytest.raises(InputError) as error:
            ask("test")
        assert str(error.value) == (
            f"{pets}: no image of split 'test' has an annotation"
        )
