"""Errors of the COCO folder source about a folder that it cannot use."""

import json

import pytest

from ssd_tf.data.sources.coco_folder import CocoFolder
from ssd_tf.errors import InputError
from tests.data.coco_files import (
    CATEGORIES,
    add_image,
    annotation,
    image,
    write_json,
    write_pets,
)

GOOD = annotation(9, 1, 3, [1, 2, 3, 4])


def message(error):
    assert "\n" not in str(error.value)
    return str(error.value)


@pytest.fixture
def pets(tmp_path):
    return write_pets(tmp_path)


@pytest.fixture
def split(tmp_path):
    """(images, annotations, categories) -> what the folder raises."""
    path = tmp_path / "train.json"
    add_image(tmp_path / "a.jpg")

    def ask(images, annotations=(GOOD,), categories=CATEGORIES):
        write_json(path, images, annotations, categories)
        with pytest.raises(InputError) as error:
            CocoFolder(tmp_path).num_examples("train")
        text = message(error)
        assert text.startswith(f"{path}: ")
        return text.removeprefix(f"{path}: ")

    return ask


def test_missing_folder(tmp_path):
    with pytest.raises(InputError) as error:
        CocoFolder(tmp_path / "no")
    assert message(error) == f"{tmp_path}/no: folder is missing"


def test_folder_without_annotations(tmp_path):
    with pytest.raises(InputError) as error:
        CocoFolder(tmp_path)
    assert message(error) == (
        f"{tmp_path}: no annotations; a COCO folder has one of"
        " annotations/instances_<split>.json, annotations/<split>.json,"
        " <split>/_annotations.coco.json, <split>.json"
    )


@pytest.mark.parametrize("name", ["a\nb", "a\x7fb", "a\u2028b", "a\ud800b"])
def test_control_characters_in_a_class_name(split, name):
    fault = f"the class name {name!r} has a line break or another control"
    told = split([], categories=[{"id": 3, "name": name}])
    assert told.startswith(f"category 3: {fault}")
    with pytest.raises(InputError) as error:
        CocoFolder("unused", ("cat", name))
    assert message(error).startswith(f"class_names: {fault}")


def test_deep_json(tmp_path):
    path = tmp_path / "train.json"
    path.write_text("[" * 100_000)
    with pytest.raises(InputError) as error:
        CocoFolder(tmp_path)
    assert message(error) == f"{path}: not usable JSON: nested too deep"


@pytest.mark.parametrize("name", ["val", "train2017+val"])
def test_missing_split(pets, name):
    source = CocoFolder(pets)
    asks = source.num_examples, source.dataset, source.num_raw_images
    for ask in (*asks, lambda name: list(source.raw_images(name))):
        with pytest.raises(InputError) as error:
            ask(name)
        assert message(error) == (
            f"{pets}: split 'val' is missing; found: train2017, val2017"
        )


def test_class_that_is_no_category(pets):
    with pytest.raises(InputError) as error:
        CocoFolder(pets, ("cat", "dgo"))
    assert message(error).endswith(
        "_val2017.json: class_names asks for 'dgo'; the categories are cat,"
        " dog"
    )


def test_object_of_a_class_that_was_not_asked_for(pets):
    with pytest.raises(InputError) as error:
        CocoFolder(pets, ("cat",)).num_examples("train2017")
    assert message(error) == (
        f"{pets}/annotations/instances_train2017.json: image 10: annotation 1:"
        " unknown category 7 (dog); known: 3 (cat)"
    )


def test_splits_with_other_categories(pets):
    path = pets / "annotations/instances_train2017.json"
    content = json.loads(path.read_text())
    for name, told in (("emu", "emu"), (None, "missing")):
        content["categories"] = [{"id": 3, "name": "cat"}]
        if name:
            content["categories"] += [{"id": 7, "name": name}]
        path.write_text(json.dumps(content))
        source = CocoFolder(pets)
        assert source.num_examples("val2017") == 1
        with pytest.raises(InputError) as error:
            source.num_examples("train2017")
        assert message(error) == (
            f"{path}: category 7 is {told}; in"
            f" {pets}/annotations/instances_val2017.json it is dog, and splits"
            " must agree"
        )


def test_missing_image(pets):
    (pets / "train2017/a.jpg").unlink()
    files = CocoFolder(pets).image_files("train2017")
    (missing,) = [file.missing for file in files if file.image_id == "a.jpg"]
    assert missing == (
        f"{pets}/annotations/instances_train2017.json: image 10: file 'a.jpg'"
        f" is missing; looked in {pets}/train2017, {pets}"
    )
    assert [file.missing for file in files].count("") == len(files) - 1


def test_image_whose_header_is_needed_and_unreadable(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(b"not an image")
    write_json(tmp_path / "train.json", [image(1, "a.jpg", None)], [GOOD])
    source = CocoFolder(tmp_path)
    (example,) = source.dataset("train")
    assert example["gt_boxes"].shape == (0, 4)  # which nobody could place
    assert source.object_digests("train") == {"a.jpg": ""}


@pytest.mark.parametrize(
    "text, expected",
    [
        ("{", "not valid JSON: Expecting property name enclosed in"),
        (b"\xff\x00\xff", "not valid JSON: 'utf-8' codec can't decode"),
        ("[1, 2]", "LISTS images, annotations, categories; got [1, 2]"),
        ("{}", "LISTS images, annotations, categories; 'images' is missing"),
        (
            '{"images": [], "annotations": {}}',
            "LISTS images, annotations, categories; 'annotations' is no list",
        ),
    ],
)
def test_other_files(tmp_path, text, expected):
    path = tmp_path / "train.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(InputError) as error:
        CocoFolder(tmp_path)
    lists = "expected a COCO file, an object with the lists"
    expected = expected.replace("LISTS", lists)
    assert message(error).startswith(f"{path}: {expected}")


def test_file_that_cannot_be_read(tmp_path):
    path = tmp_path / "train.json"
    path.mkdir()
    with pytest.raises(InputError) as error:
        CocoFolder(tmp_path)
    assert message(error).startswith(f"{path}: cannot be read: ")


@pytest.mark.parametrize(
    "categories, expected",
    [
        ([], "there are no categories"),
        ([3], "categories[0] is 3, expected an object"),
        ([{"name": "cat"}], "categories[0] has no 'id'"),
        ([{"id": 3}], "category 3 has no 'name'"),
        ([{"id": 3, "name": " "}], "category 3 has an empty name"),
        (
            [{"id": "c", "name": "cat"}],
            'category c has the id "c", expected a whole number',
        ),
        (
            [{"id": 3, "name": ["cat"]}],
            'category 3 has the name ["cat"], expected text',
        ),
        (
            [{"id": 3, "name": "cat"}, {"id": 3, "name": "dog"}],
            "category 3 is there twice",
        ),
        (
            [{"id": 3, "name": "cat"}, {"id": 4, "name": "cat"}],
            "the name 'cat' belongs to two categories",
        ),
    ],
)
def test_broken_categories(split, categories, expected):
    assert split([image(1, "a.jpg")], (), categories) == expected


A = image(1, "a.jpg")


@pytest.mark.parametrize(
    "images, expected",
    [
        (
            [],
            "the list 'images' is empty; 1 annotations are of images that are"
            " not there",
        ),
        ([7], "images[0] is 7, expected an object"),
        ([{"file_name": "a.jpg"}], "images[0] has no 'id'"),
        ([A, {"id": 2}], "image 2 has no 'file_name'"),
        (
            [A, {"id": 2, "file_name": 3}],
            "image 2 has the file_name 3, expected text",
        ),
        (
            [A, {"id": None, "file_name": "b"}],
            "images[1] has the id null, expected a number or text",
        ),
        ([A, image(1, "b.jpg")], "image 1 is there twice"),
        ([A, image(2, "a.jpg")], "image 2 is the file of image 1"),
    ],
)
def test_broken_images(split, images, expected):
    assert split(images) == expected


def test_split_without_images(split):
    assert split([], ()) == "split 'train' lists no image"


def without(key):
    return {k: v for k, v in GOOD.items() if k != key}


@pytest.mark.parametrize(
    "item, expected",
    [
        (3, "annotations[0] is 3, expected an object"),
        (without("image_id"), "annotation 9 has no 'image_id'"),
        (
            {**GOOD, "image_id": [1]},
            "annotation 9 has the image_id [1], expected a number or text",
        ),
        (
            {**GOOD, "image_id": "1"},
            "annotation 9: image_id '1' is not among the images",
        ),
        (without("bbox"), "image 1: annotation 9 has no 'bbox'"),
        (
            without("category_id"),
            "image 1: annotation 9 has no 'category_id'",
        ),
        (
            {**without("bbox"), "id": [4]},
            "image 1: annotations[0] has no 'bbox'",
        ),
        (
            {**GOOD, "bbox": "1 2 3 4"},
            'image 1: annotation 9 has the bbox "1 2 3 4", expected [x, y,'
            " width, height]",
        ),
        (
            {**GOOD, "bbox": [1, 2, 3, "4"]},
            'image 1: annotation 9 has the bbox [1, 2, 3, "4"], expected four'
            " numbers",
        ),
        (
            {**GOOD, "bbox": list(range(99))},
            "image 1: annotation 9 has the bbox [0, 1, 2, 3, 4, 5, 6, 7, 8, 9,"
            " 10, 11, 12, 13, 14, 15, 16..., expected four numbers",
        ),
        (
            {**GOOD, "category_id": "cat"},
            'image 1: annotation 9 has the category_id "cat", expected a whole'
            " number",
        ),
        (
            {**GOOD, "category_id": 5},
            "image 1: annotation 9: unknown category 5 (no name); known: 3"
            " (cat), 7 (dog)",
        ),
        (
            {**GOOD, "iscrowd": "yes"},
            'image 1: annotation 9 has iscrowd "yes", expected 0 or 1',
        ),
    ],
)
def test_broken_annotations(split, item, expected):
    assert split([A], [item]) == expected
