"""Folders written in other layouts, and read again."""

import json

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from ssd_tf.data.sources import build_source
from ssd_tf.data.writers import WRITERS, convert_folder
from ssd_tf.data.writers.facts import to_labelled
from ssd_tf.errors import InputError
from tests.data import coco_files, other_layouts

# Sides that no binary fraction divides.
SIZES = {"a.jpg": (641, 479), "b.png": (333, 999), "c.jpg": (4000, 3001)}


@pytest.fixture(scope="module")
def pets(tmp_path_factory):
    """A COCO folder with every whole number of pixels, and some others."""
    root = tmp_path_factory.mktemp("pets")
    rng = np.random.default_rng(0)
    images, objects = {"train": [], "val": []}, {"train": [], "val": []}
    for number, (name, (width, height)) in enumerate(SIZES.items(), start=5):
        split = "val" if name == "c.jpg" else "train"
        (root / "images").mkdir(exist_ok=True)
        Image.new("RGB", (width, height)).save(root / "images" / name)
        images[split].append(coco_files.image(number, name, width, height))
        for _ in range(0 if name == "b.png" else 200):
            x, y = rng.integers(0, (width - 1, height - 1))
            sides = rng.integers(1, (width - x + 1, height - y + 1))
            box = [*map(int, (x, y, *sides))]
            objects[split].append(coco_files.annotation(1, number, 3, box))
        if name == "a.jpg":
            objects[split].append(
                coco_files.annotation(2, number, 7, [10.25, 3.5, 20.5, 7.75])
            )
    for split in images:
        for number, item in enumerate(objects[split], start=1):
            item["id"] = number
        coco_files.write_json(
            root / f"annotations/instances_{split}.json",
            images[split],
            objects[split],
        )
    return root


def read(folder):
    """Objects in pixels by split and image, with the classes and ids."""
    source = build_source("folder", data_dir=str(folder))
    found = {}
    for split in source.splits():
        for raw in source.images_to_use(split):
            image = to_labelled(raw, raw.read(), raw.image_id)
            key = split, image.name, image.height, image.width, raw.read()
            found[key] = [(o.class_name, o.box) for o in image.objects]
    return source, found


@pytest.mark.parametrize("first", WRITERS)
@pytest.mark.parametrize("second", WRITERS)
def test_round_trips_keep_every_box(pets, tmp_path, first, second):
    source, expected = read(pets)
    for i, name in enumerate((first, second, "coco")):
        done = convert_folder(source, WRITERS[name], tmp_path / str(i))
        assert done.num_images == {"train": 2, "val": 1}
        assert done.num_objects == 401
        assert done.notes == []
        source, found = read(tmp_path / str(i))
        assert found == expected
        assert set(source.class_names) == {"cat", "dog"}


def test_ids_of_categories_and_images_are_kept(pets, tmp_path):
    source, _ = read(pets)
    convert_folder(source, WRITERS["coco"], tmp_path / "coco")
    again, _ = read(tmp_path / "coco")
    assert again.category_ids == source.category_ids == (3, 7)
    assert again.image_ids("train") == {"a.jpg": 5, "b.png": 6}
    convert_folder(source, WRITERS["tfrecord"], tmp_path / "records")
    again, _ = read(tmp_path / "records")
    assert again.category_ids == (3, 7)


@pytest.fixture
def marked(tmp_path):
    """A file of records with a difficult object and a crowd."""
    folder = tmp_path / "marked"
    folder.mkdir()
    other_layouts.add_image(tmp_path / "a.jpg")
    item = other_layouts.example(
        tmp_path / "a.jpg",
        [("cat", 0, 0, 50, 25), ("cat", 0, 0, 100, 50), ("dog", 1, 2, 3, 4)],
        difficult=[1, 0, 0],
        is_crowd=[0, 1, 0],
    )
    for split in ("train", "val"):
        with tf.io.TFRecordWriter(str(folder / f"{split}.record")) as writer:
            writer.write(item.SerializeToString())
    return build_source("folder", data_dir=str(folder))


@pytest.mark.parametrize(
    "layout, marks, notes",
    [
        (
            "voc",
            ["cat difficult", "cat difficult", "dog"],
            [
                "2 crowds are written as difficult objects: the layout has no"
                " mark for them"
            ],
        ),
        (
            "coco",
            ["cat", "cat crowd", "dog"],
            [
                "2 difficult objects are written without that mark, which the"
                " layout has not"
            ],
        ),
        (
            "yolo",
            ["cat", "dog"],
            [
                "2 difficult objects are written without that mark, which the"
                " layout has not",
                "2 crowds are left out: the layout has no mark for them",
            ],
        ),
        ("tfrecord", ["cat difficult", "cat crowd", "dog"], []),
    ],
)
def test_marks_of_objects(marked, tmp_path, layout, marks, notes):
    done = convert_folder(marked, WRITERS[layout], tmp_path / layout)
    assert done.notes == notes
    source = build_source("folder", data_dir=str(tmp_path / layout))
    (raw,) = source.raw_images("train")
    assert [
        o.class_name + " difficult" * o.is_difficult + " crowd" * o.is_crowd
        for o in raw.objects
    ] == marks


def test_names_that_meet(tmp_path):
    root = tmp_path / "pets"
    for path in ("x/a.jpg", "y/a.jpg", "x/A.png", "z/a.png"):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (len(path) + ord(path[0]), 50)).save(root / path)
    names = ["x/a.jpg", "y/a.jpg", "x/A.png", "z/a.png"]
    for split in ("train", "val"):
        coco_files.write_json(
            root / f"{split}.json",
            [coco_files.image(i, name, None) for i, name in enumerate(names)],
            [coco_files.annotation(1, 0, 3, [1, 2, 3, 4])],
        )
    source = build_source("coco_folder", data_dir=str(root))
    done = convert_folder(source, WRITERS["voc"], tmp_path / "voc")
    assert done.num_images == {"train": 4, "val": 4}
    assert done.num_objects == 1
    images = sorted(p.name for p in (tmp_path / "voc/JPEGImages").iterdir())
    assert images == ["a.jpg", "x_A.png", "y_a.jpg", "z_a.png"]
    for written, name in (("y_a.jpg", "y/a.jpg"), ("x_A.png", "x/A.png")):
        encoded = (tmp_path / "voc/JPEGImages" / written).read_bytes()
        assert encoded == (root / name).read_bytes()
    assert (tmp_path / "voc/ImageSets/Main/val.txt").read_text() == (
        "a\ny_a\nx_A\nz_a\n"
    )


def test_splits_that_repeat_and_classes_without_objects(pets, tmp_path):
    copy = tmp_path / "copy"
    convert_folder(read(pets)[0], WRITERS["voc"], copy)
    for name in ("trainval", "small"):
        (copy / f"ImageSets/Main/{name}.txt").write_text("a\n")
    (copy / "ImageSets/Main/extra.txt").write_text("a\nlost\n")
    source = build_source(
        "voc_folder", data_dir=str(copy), class_names=("cat", "dog", "emu")
    )
    done = convert_folder(source, WRITERS["voc"], tmp_path / "again")
    assert done.num_images == {"train": 2, "val": 1}
    assert done.notes == [
        "split 'extra' is not written: "
        f"{copy}/Annotations/lost.xml: annotation file is missing",
        "split 'small' is not written: it repeats images of train, val",
        "split 'trainval' is not written: it repeats images of train, val",
        "VOC names no class without objects: emu",
    ]


def test_a_folder_without_splits_gets_them(tmp_path):
    root = tmp_path / "flat"
    other_layouts.write_cats(root, 12)
    source = build_source("folder", data_dir=str(root), val_fraction=0.5)
    convert_folder(source, WRITERS["yolo"], tmp_path / "yolo")
    again = build_source("folder", data_dir=str(tmp_path / "yolo"))
    for split in ("train", "val"):
        assert {raw.image_id for raw in again.raw_images(split)} == {
            raw.image_id for raw in source.raw_images(split)
        }


def test_nothing_is_overwritten_and_nothing_half_is_left(pets, tmp_path):
    source, _ = read(pets)
    (tmp_path / "there").mkdir()
    with pytest.raises(InputError) as error:
        convert_folder(source, WRITERS["voc"], tmp_path / "there")
    assert str(error.value) == (
        f"{tmp_path}/there exists already; expected a folder that is not there"
    )
    broken = tmp_path / "broken"
    convert_folder(source, WRITERS["coco"], broken)
    path = broken / "annotations/instances_val.json"
    content = json.loads(path.read_text())
    content["annotations"][-1]["bbox"][0] = float("nan")
    path.write_text(json.dumps(content))
    asked = ("a coordinate is not finite", None), ("is missing", "a.jpg")
    for fault, lost in asked:
        if lost:
            (broken / "images" / lost).unlink()
        source = build_source("folder", data_dir=str(broken))
        with pytest.raises(InputError, match=fault):
            convert_folder(source, WRITERS["yolo"], tmp_path / "out")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["broken", "there"]
