"""The source that reads labelme's annotations."""

import json

import pytest

from ssd_tf.data.sources.labelme_folder import LabelmeFolder
from ssd_tf.errors import InputError
from tests.data.other_layouts import (
    add_image,
    labelme,
    write_labelme,
    write_text,
)


def test_facts(tmp_path):
    source = LabelmeFolder(write_labelme(tmp_path))
    assert source.class_names == ("cat", "dog")
    assert source.splits() == ("train", "val")
    a, b = source.raw_images("train")
    assert a.declared_size == (50, 100)
    assert [(o.class_name, o.box) for o in a.objects] == [
        ("dog", (5, 10, 25, 50)),
        ("cat", (0, 0, 50, 100)),
    ]
    assert b.objects == ()


def test_shapes(tmp_path):
    add_image(tmp_path / "imgs/a.png")
    points = {
        "polygon": [[10, 5], [50, 25], [30, 2]],
        "circle": [[50, 20], [53, 24]],
        "rectangle": [[50, 25], [10, 5]],
    }
    shapes = [
        {"label": kind, "points": value, "shape_type": kind}
        for kind, value in points.items()
    ]
    shapes[0]["flags"] = {"difficult": True}
    text = labelme("..\\imgs\\a.png", [], shapes=shapes)
    write_text(tmp_path / "json/a.json", text)
    source = LabelmeFolder(tmp_path)
    (raw,) = source.raw_images("all")
    assert raw.image_path == f"{tmp_path}/imgs/a.png"
    assert {item.class_name: item.box for item in raw.objects} == {
        "polygon": (2, 10, 25, 50),
        "circle": (15, 45, 25, 55),
        "rectangle": (5, 10, 25, 50),
    }
    assert [item.is_difficult for item in raw.objects] == [True, False, False]
    assert source.explains("imgs/a.png") and source.explains("json/a.json")
    assert not source.explains("imgs/b.png")


@pytest.mark.parametrize(
    "shape, problem",
    [
        (3, "is no object"),
        ({"points": [[1, 2]]}, "has no label"),
        ({"label": "a", "points": [1, 2]}, "has no points [[x, y], ...]"),
        ({"label": "a", "points": []}, "has no points"),
        ({"label": "a"}, "has no points [[x, y], ...]"),
    ],
)
def test_broken_shapes(tmp_path, shape, problem):
    add_image(tmp_path / "a.jpg")
    text = labelme("a.jpg", [("cat", 1, 2, 3, 4)])
    content = json.loads(text)
    content["shapes"].append(shape)
    write_text(tmp_path / "a.json", json.dumps(content))
    (raw,) = LabelmeFolder(tmp_path).raw_images("all")
    assert raw.problems == (f"{tmp_path}/a.json: shape 2 {problem}",)
    assert len(raw.objects) == 1


def test_broken_files_and_missing_images(tmp_path):
    write_text(tmp_path / "a.json", labelme("a.jpg", [("cat", 1, 2, 3, 4)]))
    write_text(tmp_path / "b.json", "{")
    write_text(tmp_path / "c.json", "{}")
    a, b = LabelmeFolder(tmp_path, ("cat",)).raw_images("all")
    assert a.missing == f"{tmp_path}/a.json: image a.jpg is missing"
    assert b.problems[0].startswith(f"{tmp_path}/b.json: not valid JSON: ")


def test_none_of_labelme(tmp_path):
    write_text(tmp_path / "c.json", "[]")
    with pytest.raises(InputError) as error:
        LabelmeFolder(tmp_path)
    assert str(error.value) == (
        f"{tmp_path}: no .json file is labelme's; expected a folder with"
        " labelme's JSON files and the images"
    )
