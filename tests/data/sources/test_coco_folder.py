"""The source that reads annotations in the form of COCO."""

import json

import numpy as np
import pytest
from PIL import Image

from ssd_tf.data.sources.base import RawObject
from ssd_tf.data.sources.coco_folder import CocoFolder
from ssd_tf.data.validation.checks import check_image
from ssd_tf.data.validation.files import inspect_image
from ssd_tf.errors import InputError
from tests.data.coco_files import (
    add_image,
    annotation,
    image,
    write_json,
    write_pets,
)


@pytest.fixture
def pets(tmp_path):
    return write_pets(tmp_path)


def elements(source, split, **kwargs):
    return list(source.dataset(split, **kwargs).as_numpy_iterator())


def test_elements(pets):
    source = CocoFolder(pets)
    assert source.splits() == ("train2017", "val2017")
    assert source.default_splits == ("train2017", "val2017")
    # By id, not in the order of the file.
    assert source.class_names == ("cat", "dog")
    assert source.category_ids == (3, 7)
    assert source.num_examples("train2017") == 2
    assert source.dropped_boxes("train2017") == 0
    b, a = elements(source, "train2017")
    assert (b["image_id"], a["image_id"]) == (b"b.jpg", b"a.jpg")
    assert a["image"] == (pets / "train2017/a.jpg").read_bytes()
    expected = [[0.1, 0.1, 0.5, 0.5], [0, 0, 1, 1], [0.5, 0.5, 1, 1]]
    np.testing.assert_array_equal(a["gt_boxes"], np.array(expected, "f"))
    assert a["gt_labels"].tolist() == [2, 1, 1]
    assert a["gt_is_difficult"].tolist() == [False, False, False]
    assert a["gt_is_crowd"].tolist() == [False, True, False]
    # 500 and 2500 of 5000 square pixels; a quarter, which is the box.
    np.testing.assert_allclose(a["gt_areas"], [0.1, 0.5, 0.25])
    assert b["gt_boxes"].shape == (0, 4)
    assert b["gt_is_crowd"].shape == b["gt_areas"].shape == (0,)


def test_given_classes_keep_their_order(pets):
    source = CocoFolder(pets, ("dog", "cat"))
    assert source.class_names == ("dog", "cat")
    assert source.category_ids == (7, 3)
    assert elements(source, "train2017")[1]["gt_labels"].tolist() == [1, 2, 2]


def test_a_class_without_objects_may_be_left_out(pets):
    source = CocoFolder(pets, ("cat",))
    assert source.category_ids == (3,)
    assert elements(source, "val2017")[0]["gt_labels"].tolist() == [1]


@pytest.mark.parametrize(
    "json_file, image_folder, split",
    [
        ("annotations/instances_val2017.json", "val2017", "val2017"),
        ("annotations/instances_val2017.json", "images/val2017", "val2017"),
        ("annotations/instances_default.json", "images/default", "default"),
        ("annotations/instances_default.json", "images", "default"),
        ("annotations/val.json", "val", "val"),
        ("annotations/val.json", ".", "val"),
        ("valid/_annotations.coco.json", "valid", "valid"),
        ("result.json", "images", "result"),
    ],
)
def test_layouts(tmp_path, json_file, image_folder, split):
    path = add_image(tmp_path / image_folder / "a.jpg")
    write_json(tmp_path / json_file, [image(1, "a.jpg")])
    source = CocoFolder(tmp_path)
    assert source.splits() == (split,)
    (element,) = elements(source, split)
    assert element["image"] == path.read_bytes()


@pytest.mark.parametrize("name", ["images/sub/a.jpg", "images\\sub\\a.jpg"])
def test_file_names_with_folders(tmp_path, name):
    add_image(tmp_path / "images/sub/a.jpg")
    write_json(tmp_path / "result.json", [image("one", name)])
    (element,) = elements(CocoFolder(tmp_path), "result")
    assert element["image_id"] == b"images/sub/a.jpg"


def test_the_image_folder_of_the_split_goes_first(tmp_path):
    for folder, width in (("train", 10), ("images", 20), (".", 30)):
        add_image(tmp_path / folder / "a.jpg", (width, 10))
    write_json(tmp_path / "annotations/train.json", [image(1, "a.jpg")])
    (element,) = elements(CocoFolder(tmp_path), "train")
    assert element["image"] == (tmp_path / "train/a.jpg").read_bytes()


@pytest.mark.parametrize(
    "names, expected",
    [
        (("train2017", "val2017"), ("train2017", "val2017")),
        (("test", "train", "valid"), ("train", "valid")),
        (("train", "train_extra", "val"), ("train", "val")),
        (("training", "validation"), ("training", "validation")),
        # Those who ask for them are told which there are.
        (("default",), ("train", "val")),
        (("train_a", "train_b", "val_a", "val_b"), ("train", "val")),
    ],
)
def test_default_splits(tmp_path, names, expected):
    for name in names:
        write_json(tmp_path / f"annotations/{name}.json", [])
    assert CocoFolder(tmp_path).default_splits == expected


def test_union_takes_each_image_once(pets, caplog):
    write_json(
        pets / "annotations/instances_all.json",
        [image(1, "train2017/a.jpg"), image(2, "val2017/c.jpg")],
    )
    source = CocoFolder(pets)
    ids = [e["image_id"] for e in elements(source, "val2017+all")]
    assert ids == [b"c.jpg", b"train2017/a.jpg"]
    assert caplog.messages == [
        f"{pets}: split val2017+all: 1 images listed more than once are taken"
        " once"
    ]


def test_skip_reads_no_image(pets):
    source = CocoFolder(pets)
    dataset = source.dataset("train2017", skip=1)
    (pets / "train2017/b.jpg").unlink()  # the first of the split
    assert [e["image_id"] for e in dataset.as_numpy_iterator()] == [b"a.jpg"]


def test_unusable_boxes_are_dropped_and_named(tmp_path, caplog):
    add_image(tmp_path / "train/a.jpg")
    boxes = [
        [10, 10, 0, 10],
        [30, 10, -10, 10],
        [float("nan"), 10, 10, 10],
        [100, 0, 20, 50],  # outside
        [-50, -10, 100, 70],  # leaves the image: clipped
        [10, 10, 1e40, 10],
    ]
    path = write_json(
        tmp_path / "annotations/train.json",
        [image(5, "a.jpg")],
        [
            annotation(i, 5, 3, box, area=50, iscrowd=i % 2)
            for i, box in enumerate(boxes)
        ],
    )
    source = CocoFolder(tmp_path)
    (element,) = elements(source, "train")
    assert element["gt_boxes"].tolist() == [[0.0, 0.0, 1.0, 0.5]]
    assert element["gt_is_crowd"].tolist() == [False]
    np.testing.assert_allclose(element["gt_areas"], [0.01])
    assert source.dropped_boxes("train") == 5
    values = [
        "0: xmin=10 ymin=10 xmax=10 ymax=20",
        "1: xmin=30 ymin=10 xmax=20 ymax=20",
        "2: xmin=nan ymin=10 xmax=nan ymax=20",
        "3: xmin=100 ymin=0 xmax=120 ymax=50",
        "5: xmin=10 ymin=10 xmax=1e+40 ymax=20",
    ]
    assert caplog.messages == [
        *(
            f"{path}: image 5: annotation {number}: dropped a box of class cat,"
            f" no area inside the image: {box}, image 100x50"
            for number, box in (value.split(": ") for value in values)
        ),
        f"{tmp_path}: split train: dropped 5 of 6 boxes",
    ]


@pytest.mark.parametrize(
    "area", [None, 0, -3, "much", float("nan"), float("inf")]
)
def test_area_that_cannot_be_used_is_that_of_the_box(tmp_path, area):
    add_image(tmp_path / "a.jpg")
    item = annotation(1, 1, 3, [0, 0, 50, 25], area=area)
    write_json(tmp_path / "train.json", [image(1, "a.jpg")], [item])
    (element,) = elements(CocoFolder(tmp_path), "train")
    assert element["gt_areas"].tolist() == [0.25]


@pytest.mark.parametrize("size", [(None, None), (0, 0), (50, 25), ("", "")])
def test_size_of_the_image_where_that_of_the_file_is_wrong(
    tmp_path, size, caplog
):
    add_image(tmp_path / "a.jpg")
    path = write_json(
        tmp_path / "train.json",
        [image(1, "a.jpg", *size)],
        [annotation(1, 1, 3, [50, 25, 50, 25], area=500)],
    )
    (element,) = elements(CocoFolder(tmp_path), "train")
    assert element["gt_boxes"].tolist() == [[0.5, 0.5, 1.0, 1.0]]
    np.testing.assert_allclose(element["gt_areas"], [0.1])
    told = "50x25" if size == (50, 25) else "0x0"
    assert caplog.messages == [
        f"{path}: image 1: size {told} replaced by that of the image, 100x50"
    ]


def test_exif_rotation_turns_the_size(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # shown turned by 90 degrees: 50 x 100
    Image.new("RGB", (100, 50)).save(tmp_path / "a.jpg", exif=exif)
    write_json(
        tmp_path / "train.json",
        [image(1, "a.jpg", None, None)],
        [annotation(1, 1, 3, [25, 50, 25, 50])],
    )
    (element,) = elements(CocoFolder(tmp_path), "train")
    assert element["gt_boxes"].tolist() == [[0.5, 0.5, 1.0, 1.0]]


def test_no_header_is_read_without_need(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(b"not an image")
    write_json(
        tmp_path / "train.json",
        [image(1, "a.jpg")],
        # The sum is 100.00000000000001.
        [annotation(1, 1, 3, [99.9, 25, 0.10000000000000853, 25])],
    )
    (element,) = elements(CocoFolder(tmp_path), "train")
    assert element["image"] == b"not an image"


def test_polygons_and_odd_encodings(tmp_path):
    add_image(tmp_path / "a.jpg")
    item = annotation(1, 1, 3, [0, 0, 9, 9], segmentation=[[0, 0, 9, 9, 0, 9]])
    content = {
        "images": [image(1, "a.jpg")],
        "annotations": [item],
        "categories": [{"id": 3, "name": "Kätzchen"}],
    }
    text = json.dumps(content, ensure_ascii=False)
    (tmp_path / "train.json").write_bytes(text.encode("utf-8-sig"))
    (tmp_path / "val.json").write_bytes(text.encode("utf-16"))
    source = CocoFolder(tmp_path)
    assert source.class_names == ("Kätzchen",)
    assert len(elements(source, "train")[0]["gt_labels"]) == 1
    assert len(elements(source, "val")[0]["gt_labels"]) == 1


def test_raw_images(pets):
    path = pets / "annotations/instances_train2017.json"
    content = json.loads(path.read_text())
    content["annotations"] += [
        annotation(5, 10, 4, [1, 2, -3, 4]),
        annotation(6, 20, 3, [1, 2, 3]),
        annotation(7, 99, 3, [1, 2, 3, 4]),
    ]
    content["images"] += [image(40, "lost.jpg", None)]
    path.write_text(json.dumps(content))
    source = CocoFolder(pets)
    assert source.num_raw_images("train2017+val2017") == 4
    b, a, lost, c = source.raw_images("train2017+val2017")
    assert (b.image_id, b.location) == ("b.jpg", f"{path}: image 20")
    assert b.objects == []
    assert b.problems == (
        f"{path}: annotation 7: image_id 99 is not among the images",
        f"{path}: image 20: annotation 6 has the bbox [1, 2, 3], expected four"
        " numbers",
    )
    assert a.image_path == f"{pets}/train2017/a.jpg"
    assert a.read() == (pets / "train2017/a.jpg").read_bytes()
    assert a.declared_size == (50, 100)
    assert a.problems == ()
    assert a.objects == [
        RawObject("dog", (5, 10, 25, 50), "annotation 1", area=500),
        RawObject(
            "cat", (0, 0, 50, 100), "annotation 2", is_crowd=True, area=2500
        ),
        RawObject("cat", (25, 50, 50, 100), "annotation 3"),
        RawObject("category 4", (2, 1, 6, -2), "annotation 5"),
    ]
    assert lost.declared_size is None
    with pytest.raises(FileNotFoundError) as error:
        lost.read()
    assert str(error.value) == (
        f"{path}: image 40: file 'lost.jpg' is missing; looked in"
        f" {pets}/train2017, {pets}"
    )
    assert c.image_id == "c.jpg"
    with pytest.raises(InputError):
        source.num_examples("train2017")


@pytest.mark.parametrize(
    "number", [10**400, -(10**400)], ids=["large", "small"]
)
def test_numbers_beyond_the_range_of_floats(tmp_path, number):
    add_image(tmp_path / "a.jpg")
    too_large = [
        annotation(1, 1, 3, [number, 2, 3, 4]),
        annotation(2, 1, 3, [number, 2, -number, 4]),
    ]
    good = annotation(3, 1, 3, [10, 5, 50, 25], area=number)
    path = write_json(
        tmp_path / "train.json", [image(1, "a.jpg")], [*too_large, good]
    )
    source = CocoFolder(tmp_path)
    (raw,) = source.raw_images("train")
    lines = [str(p) for p in check_image(raw, inspect_image(raw), None)]
    assert [line.partition(" (")[0] for line in lines] == [
        f"{path}: image 1: annotation 1",
        f"{path}: image 1: annotation 2",
    ]
    assert all(line.endswith("dropped [not_finite]") for line in lines)
    assert source.dropped_boxes("train") == 2
    (example,) = source.dataset("train").as_numpy_iterator()
    np.testing.assert_allclose(example["gt_boxes"], [[0.1, 0.1, 0.6, 0.6]])
    np.testing.assert_allclose(example["gt_areas"], [0.25])
