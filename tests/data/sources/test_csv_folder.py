"""The source that reads boxes in tables."""

import numpy as np
import pytest

from ssd_tf.data.sources.csv_folder import CsvFolder
from ssd_tf.errors import InputError
from tests.data.other_layouts import add_image, write_csv, write_text


@pytest.fixture
def read(tmp_path):
    """Lines of a table -> class names, boxes in pixels, by split."""

    def call(*lines, name="boxes.csv"):
        for image in ("a", "b"):
            add_image(tmp_path / f"images/{image}.jpg")
        write_text(tmp_path / name, *lines)
        source = CsvFolder(tmp_path)
        found = {}
        for split in source.splits():
            for example in source.dataset(split).as_numpy_iterator():
                boxes = example["gt_boxes"] * [50, 100, 50, 100]
                names = [
                    source.class_names[i - 1] for i in example["gt_labels"]
                ]
                key = split, example["image_id"].decode()
                found[key] = list(zip(names, np.round(boxes, 3).tolist()))
        return found

    return call


BOX = ("cat", [5.0, 10.0, 25.0, 50.0])


@pytest.mark.parametrize(
    "lines",
    [
        ["images/a.jpg,10,5,50,25,cat", "images/b.jpg,,,,,"],
        ["/home/me/images/a.jpg,10,5,50,25,cat", "C:\\x\\b.jpg,,,,,"],
        [
            "filename,width,height,class,xmin,ymin,xmax,ymax",
            "a.jpg,100,50,cat,10,5,50,25",
            "b.jpg,100,50,,,,,",
        ],
        [
            "Image_ID;Label;XMin;XMax;YMin;YMax",
            "a;cat;0.1;0.5;0.1;0.5",
            "b;;;;;",
        ],
        ["images/a.jpg,cat,0.1,0.1,,,0.5,0.5,,", "images/b.jpg,,,,,,,,,"],
    ],
)
def test_forms(read, lines):
    assert read(*lines) == {
        ("boxes", "a.jpg"): [BOX],
        ("boxes", "b.jpg"): [],
    }


def test_model_maker_and_automl(read):
    found = read(
        "TRAINING,gs://bucket/images/a.jpg,cat,0.1,0.1,0.5,0.1,0.5,0.5,0.1,0.5",
        "TRAINING,gs://bucket/images/a.jpg,dog,0,0,,,1,1,,",
        "VALIDATE,gs://bucket/images/b.jpg,cat,0.1,0.1,,,0.5,0.5,,",
    )
    assert found == {
        ("train", "a.jpg"): [BOX, ("dog", [0.0, 0.0, 50.0, 100.0])],
        ("validation", "b.jpg"): [BOX],
    }


def test_splits_by_the_names_of_tables(read, tmp_path):
    write_text(tmp_path / "test_labels.csv", "images/b.jpg,10,5,50,25,cat")
    write_text(tmp_path / "classes.csv", "dog,1", "cat,0")
    found = read("images/a.jpg,10,5,50,25,cat", name="train_labels.csv")
    assert found == {("test", "b.jpg"): [BOX], ("train", "a.jpg"): [BOX]}
    source = CsvFolder(tmp_path)
    assert source.default_splits == ("train", "test")
    assert source.class_names == ("cat", "dog")
    assert not source.explains("other.csv")
    assert source.explains("classes.csv")


def test_a_column_for_splits_and_difficult_objects(tmp_path):
    add_image(tmp_path / "a.jpg")
    write_text(
        tmp_path / "t.csv",
        "image,split,label,x1,y1,x2,y2,difficult",
        "a.jpg,val,cat,1,2,3,4,1",
    )
    source = CsvFolder(tmp_path)
    (raw,) = source.raw_images("val")
    assert raw.objects[0].is_difficult
    assert raw.declared_size == (50, 100)  # the table has none


def test_fractions_only_where_no_number_is_above_one(read):
    found = read(
        *("images/a.jpg,0,0,1,1,cat", "images/a.jpg,0,0,2,1,cat"),
        "images/b.jpg,,,,,",
    )
    assert found[("boxes", "a.jpg")] == [
        ("cat", [0.0, 0.0, 1.0, 1.0]),
        ("cat", [0.0, 0.0, 1.0, 2.0]),
    ]


def test_broken_lines(tmp_path):
    add_image(tmp_path / "a.jpg")
    path = tmp_path / "t.csv"
    write_text(
        path,
        "filename,class,xmin,ymin,xmax,ymax",
        "a.jpg,cat,1,2,3,four",
        "a.jpg,,1,2,3,4",
        "a.jpg,cat,1,2,3,4",
        "a.jpg,cat,1",
        ",cat,1,2,3,4",
        "z.jpg,cat,1,2,3,4",
    )
    a, nameless, z = CsvFolder(tmp_path, ("cat",)).raw_images("t")
    assert a.problems == (
        f"{path}: line 2 has the coordinate 'four', expected a number",
        f"{path}: line 3 has a box and no class",
        f"{path}: line 5 has the coordinate '', expected a number",
    )
    assert [item.place for item in a.objects] == ["line 4"]
    assert nameless.problems == (f"{path}: line 6 names no image",)
    assert z.missing == f"{path}: line 7: image z.jpg is missing"


def test_tables_of_something_else(tmp_path):
    write_text(tmp_path / "t.csv", "date,price", "today,3")
    (tmp_path / "u.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError) as error:
        CsvFolder(tmp_path)
    assert str(error.value) == (
        f"{tmp_path}: no .csv file is a table of boxes; expected a folder with"
        " a CSV table of boxes and the images"
    )


def test_images_of_one_name(tmp_path):
    for folder in ("x", "y"):
        add_image(tmp_path / f"{folder}/a.jpg")
    write_text(
        tmp_path / "t.csv", "/home/y/a.jpg,1,2,3,4,cat", "a.jpg,1,2,3,4,cat"
    )
    first, second = CsvFolder(tmp_path).raw_images("t")
    assert first.image_path == f"{tmp_path}/y/a.jpg"
    assert second.problems == (
        f"{tmp_path}/t.csv: line 2: a.jpg could be x/a.jpg or y/a.jpg",
    )


def test_pets(tmp_path):
    source = CsvFolder(write_csv(tmp_path))
    assert source.default_splits == ("train", "validation")
    a, b = source.dataset("train").as_numpy_iterator()
    expected = [[0.1, 0.1, 0.5, 0.5], [0, 0, 1, 1]]
    np.testing.assert_allclose(a["gt_boxes"], expected, rtol=1e-6)
    assert b["gt_boxes"].shape == (0, 4)
    assert source.dropped_boxes("validation") == 1
