"""Errors of the VOC folder source about a folder that it cannot use."""

import pytest

from ssd_tf.data.sources.voc_folder import VocFolder
from ssd_tf.errors import InputError


def message(error):
    assert "\n" not in str(error.value)
    return str(error.value)


def test_unknown_class(pets):
    source = VocFolder(pets, ("cat", "dog"))
    with pytest.raises(InputError) as error:
        source.num_examples("val")
    assert message(error) == (
        f"{pets}/Annotations/c.xml: unknown class 'emu'; known: cat, dog"
    )


def test_image_whose_header_is_needed_and_unreadable(
    root, add_image, add_split
):
    path = add_image(root, "a", ("cat", 50, 25, 100, 50, 0), size=None)
    path.write_bytes(b"not an image")
    add_split(root, "train", "a")
    source = VocFolder(root)
    (example,) = source.dataset("train")
    assert example["image"] == b"not an image"
    assert example["gt_boxes"].shape == (0, 4)  # which nobody could place
    assert source.dropped_boxes("train") == 0
    assert source.object_digests("train") == {"a.jpg": ""}


def test_missing_folder(tmp_path):
    with pytest.raises(InputError) as error:
        VocFolder(tmp_path / "no")
    assert message(error) == f"{tmp_path}/no: folder is missing"


def test_folder_without_annotations(tmp_path):
    with pytest.raises(InputError) as error:
        VocFolder(tmp_path)
    assert message(error) == (
        f"{tmp_path}: no .xml file is there; expected a folder with VOC's XML"
        " files and the images"
    )


@pytest.mark.parametrize("split", ["trian", "train+trian"])
def test_missing_split(pets, split):
    with pytest.raises(InputError) as error:
        VocFolder(pets).dataset(split)
    assert message(error) == (
        f"{pets}/ImageSets/Main/trian.txt: split 'trian' is missing; found:"
        " train, val"
    )


def test_empty_split(pets, add_split):
    add_split(pets, "test", "", " ")
    with pytest.raises(InputError) as error:
        VocFolder(pets).dataset("test")
    path = pets / "ImageSets/Main/test.txt"
    assert message(error) == f"{path}: split 'test' lists no image"


def test_missing_image(pets):
    (pets / "JPEGImages/a.jpg").unlink()
    source = VocFolder(pets, ("cat", "dog"))
    (missing,) = [f.missing for f in source.image_files("train") if f.missing]
    assert missing == (
        f"{pets}/JPEGImages/a: image is missing, expected one of .jpg, .jpeg,"
        " .png, .gif, .bmp, .webp"
    )


def test_missing_annotation(pets):
    (pets / "Annotations/a.xml").unlink()
    source = VocFolder(pets)  # the other splits remain usable
    assert source.num_examples("val") == 1
    with pytest.raises(InputError) as error:
        source.dataset("train")
    path = pets / "Annotations/a.xml"
    assert message(error) == f"{path}: annotation file is missing"


def test_broken_annotation_while_classes_are_found(pets):
    path = pets / "Annotations/a.xml"
    path.write_text("<annotation>")
    # The classes, and so the indices, may change with the repair.
    source = VocFolder(pets)
    with pytest.raises(InputError) as error:
        source.class_names
    start = f"{path}: not valid XML: "
    assert message(error).startswith(start)
    with pytest.raises(InputError) as error:
        source.num_examples("val")
    assert message(error).startswith(start)
    # The split is refused also where the classes are given.
    source = VocFolder(pets, ("cat", "dog", "emu"))
    assert source.num_examples("val") == 1
    with pytest.raises(InputError) as error:
        source.num_examples("train")
    assert message(error).startswith(start)


def test_split_that_is_no_text(pets):
    path = pets / "ImageSets/Main/train.txt"
    path.write_bytes(b"a\xff\n")
    with pytest.raises(InputError) as error:
        VocFolder(pets)
    assert message(error).startswith(f"{path}: not UTF-8 text: ")


def test_no_objects_at_all(root, add_image, add_split):
    add_image(root, "a")
    add_split(root, "train", "a")
    with pytest.raises(InputError) as error:
        VocFolder(root)
    assert message(error) == (
        f"{root}: no object in any annotation of the splits train"
    )


@pytest.mark.parametrize(
    "line, image_id",
    [
        ("a cat", "a cat"),
        ("a cat 1", "a cat 1"),
        ("b 1", "b"),
        ("b\t-1", "b"),
        ("1", "1"),
    ],
)
def test_line_without_annotation(pets, add_split, line, image_id):
    add_split(pets, "train", line, "a")
    (pets / "Annotations/b.xml").unlink()
    with pytest.raises(InputError) as error:
        VocFolder(pets).num_examples("train")
    assert message(error) == (
        f"{pets}/Annotations/{image_id}.xml: annotation file is missing"
    )
