"""The source that reads labels in the form of YOLO."""

import numpy as np
import pytest
from absl import logging

from ssd_tf.data.sources import build_source
from ssd_tf.data.sources.yolo_folder import YoloFolder
from ssd_tf.errors import InputError
from tests.data.other_layouts import add_image, write_text, write_yolo

LINE = "0 0.5 0.5 0.5 0.5"


@pytest.fixture
def pets(tmp_path):
    return write_yolo(tmp_path)


def names(source, split):
    return [raw.image_id for raw in source.raw_images(split)]


def add(root, image, label, *lines):
    add_image(root / image)
    write_text(root / label, *lines or [LINE])


def test_elements(pets):
    source = YoloFolder(pets)
    assert source.class_names == ("cat", "dog")
    assert source.default_splits == source.splits() == ("train", "val")
    a, b = source.dataset("train").as_numpy_iterator()
    expected = [[0.1, 0.1, 0.5, 0.5], [0, 0, 1, 1]]
    np.testing.assert_allclose(a["gt_boxes"], expected, rtol=1e-6)
    assert a["gt_labels"].tolist() == [2, 1]
    assert b["gt_boxes"].shape == (0, 4)
    assert source.dropped_boxes("val") == 1
    source = YoloFolder(pets, ("dog", "cat"))
    first, *_ = source.dataset("train").as_numpy_iterator()
    assert first["gt_labels"].tolist() == [1, 2]


@pytest.mark.parametrize(
    "lines",
    [
        # Ultralytics': from a folder that is elsewhere.
        ("path: ../datasets/pets", "train: images/train", "val: images/val"),
        ("path: /home/me/pets", "train: images/train", "val: [images/val]"),
        # Roboflow's, which begins outside the folder.
        ("train: ../images/train", "val: ../images/val"),
        ("train: /content/pets/images/train/", "val: images\\val"),
        ("train: ./images/train", "val: list_of_val.txt"),
    ],
)
@pytest.mark.parametrize(
    "described", ["names: [cat, dog]", "names: {1: dog, 0: cat}"]
)
def test_descriptions(pets, lines, described):
    write_text(pets / "data.yaml", *lines, described)
    write_text(pets / "list_of_val.txt", "./images/val/c.jpg")
    source = YoloFolder(pets)
    assert names(source, "train") == ["a.jpg", "b.jpg"]
    assert names(source, "val") == ["c.jpg"]
    assert source.class_names == ("cat", "dog")


def test_what_is_in_the_folder_goes_first(tmp_path):
    # The path as it is written is another data set's.
    add(tmp_path, "train/images/other.jpg", "train/labels/other.txt")
    mine = tmp_path / "mine"
    add(mine, "train/images/a.jpg", "train/labels/a.txt")
    write_text(mine / "data.yaml", "train: ../train/images", "names: [cat]")
    assert names(YoloFolder(mine), "train") == ["a.jpg"]


@pytest.mark.parametrize("name", ["no", "yes", "1", "1e3", "null", "~", "x"])
def test_names_that_yaml_takes_for_something_else(pets, name):
    write_text(pets / "data.yaml", "train: images", f"names: [{name}, dog]")
    assert YoloFolder(pets).class_names == (name, "dog")


@pytest.mark.parametrize(
    "image, label",
    [
        ("a.jpg", "a.txt"),
        ("images/a.jpg", "labels/a.txt"),
        ("Images/a.jpg", "labels/a.txt"),
        ("data/images/x/a.jpg", "data/labels/x/a.txt"),
        ("images/a.jpg", "images/a.txt"),
    ],
)
def test_without_description(tmp_path, image, label):
    add(tmp_path, image, label)
    write_text(tmp_path / "classes.txt", "cat", "dog")
    source = build_source("folder", data_dir=str(tmp_path), val_fraction=None)
    assert source.name == "yolo_folder"
    assert source.class_names == ("cat", "dog")
    (raw,) = source.raw_images("all")
    assert [item.class_name for item in raw.objects] == ["cat"]


def test_splits_by_folders_and_by_lists(tmp_path):
    for name in ("train", "valid"):
        add(tmp_path, f"{name}/images/{name}.jpg", f"{name}/labels/{name}.txt")
    write_text(tmp_path / "classes.txt", "cat")
    source = YoloFolder(tmp_path)
    assert source.default_splits == ("train", "valid")
    assert names(source, "valid") == ["valid.jpg"]
    write_text(tmp_path / "train.txt", "/data/darknet/valid/images/valid.jpg")
    write_text(tmp_path / "test.txt", "train/images/train.jpg")
    source = YoloFolder(tmp_path)
    assert names(source, "train") == ["valid.jpg"]
    assert names(source, "test") == ["train.jpg"]


def test_images_without_labels_have_no_objects(pets, caplog):
    logging.set_verbosity(logging.INFO)
    (pets / "labels/train/b.txt").unlink()
    assert YoloFolder(pets).num_examples("train") == 2
    assert caplog.messages == [
        f"{pets}: split train: 1 of 2 images have no label file and so no"
        f" objects, such as {pets}/images/train/b.jpg"
    ]
    (pets / "labels/train/a.txt").unlink()
    with pytest.raises(InputError) as error:
        YoloFolder(pets).num_examples("train")
    assert str(error.value) == (
        f"{pets}: no image of split 'train' has labels; those of"
        f" {pets}/images/train/a.jpg would be {pets}/labels/train/a.txt"
    )


def test_a_split_that_is_not_there(pets):
    write_text(
        pets / "data.yaml",
        *("train: images/train", "val: ../valid/images", "names: [cat, dog]"),
    )
    source = build_source("yolo_folder", data_dir=str(pets))
    assert source.num_examples("train") == 2
    with pytest.raises(InputError) as error:
        source.num_examples("val")
    assert str(error.value) == (
        f"{pets}/data.yaml: val: ../valid/images is not there; looked for it"
        f" from {pets}"
    )


def test_unknown_class_and_missing_image(pets):
    write_text(pets / "labels/val/c.txt", LINE, "2 0.5 0.5 0.5 0.5")
    with pytest.raises(InputError) as error:
        YoloFolder(pets).num_examples("val")
    assert str(error.value) == (
        f"{pets}/labels/val/c.txt: line 2: unknown 'class 2'; known, from 0"
        " on: cat, dog"
    )
    write_text(pets / "list.txt", "images/val/d.jpg")
    write_text(pets / "labels/val/d.txt", LINE)
    write_text(pets / "data.yaml", "val: list.txt", "names: [cat]")
    (file,) = YoloFolder(pets).image_files("val")
    assert file.missing == f"{pets}/images/val/d.jpg: image is missing"


@pytest.mark.parametrize(
    "text, fault",
    [
        ("names: [", "not valid YAML: "),
        ("just text", "expected names, train and val; found none"),
        ("train: x\nnames: cat", "names must be a list of names"),
        ("train: x\nnames: [[a]]", "names must be a list of names"),
        (
            "train: x\nnames: {1: cat, 2: dog}",
            "names must be numbered 0, 1, ...; got 1, 2",
        ),
        ("train: x\nnames: [' ']", "a class has no name"),
        (
            "train: {a: b}\nnames: [cat]",
            "train must be a folder, a list or several",
        ),
    ],
)
def test_broken_descriptions(pets, text, fault):
    (pets / "data.yaml").write_text(text)
    for dataset in ("yolo_folder", "folder"):
        with pytest.raises(InputError) as error:
            build_source(dataset, data_dir=str(pets))
        assert str(error.value).startswith(f"{pets}/data.yaml: {fault}")
        assert "\n" not in str(error.value)


def test_classes_that_nothing_names(pets):
    (pets / "data.yaml").unlink()
    with pytest.raises(InputError) as error:
        YoloFolder(pets)
    assert str(error.value) == (
        f"{pets}: the names of the classes are unknown; expected data.yaml or"
        " classes.txt, or --class_names=NAME,... in the order of their numbers"
    )
    assert YoloFolder(pets, ("cat", "dog")).num_examples("train") == 2


def test_classes_that_it_has_not(pets):
    with pytest.raises(InputError) as error:
        YoloFolder(pets, ("cat", "emu"))
    assert str(error.value) == (
        f"{pets}/data.yaml: class_names asks for 'emu'; the names are cat, dog"
    )


def test_two_descriptions(pets):
    for name in ("one.yaml", "two.yaml"):
        write_text(pets / name, "train: images/train", "names: [cat]")
    assert YoloFolder(pets).class_names == ("cat", "dog")  # data.yaml's
    (pets / "data.yaml").unlink()
    with pytest.raises(InputError) as error:
        YoloFolder(pets)
    assert str(error.value) == (
        f"{pets}: it could be described by one.yaml or two.yaml; expected one"
        " such file"
    )
