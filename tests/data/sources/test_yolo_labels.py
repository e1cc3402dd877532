"""Label files of YOLO."""

import pytest

from ssd_tf.data.sources.base import RawObject
from ssd_tf.data.sources.yolo_labels import Labels, is_label_line, read_labels


@pytest.fixture
def read(tmp_path):
    def call(*lines, **options):
        path = tmp_path / "a.txt"
        path.write_text("".join(f"{line}\n" for line in lines))
        labels = read_labels(path, ("cat", "dog"), **options)
        problems = [p.removeprefix(f"{path}: ") for p in labels.problems]
        return labels.objects, problems

    return call


@pytest.mark.parametrize(
    "line, box",
    [
        ("1 0.5 0.5 0.25 0.5", (0.25, 0.375, 0.75, 0.625)),
        ("1.0\t.5 .5 .25 .5", (0.25, 0.375, 0.75, 0.625)),
        # With the score of a detector.
        ("1 0.5 0.5 0.25 0.5 0.9", (0.25, 0.375, 0.75, 0.625)),
        # Polygons: the box around them.
        ("1 0.5 0.25 0.75 0.5 0.25 0.75", (0.25, 0.25, 0.75, 0.75)),
        ("1 0.25 0.5 0.75 0.5 0.75 1 0.25 1", (0.5, 0.25, 1.0, 0.75)),
    ],
)
def test_lines(read, line, box):
    assert is_label_line(line)
    assert read(line) == ((RawObject("dog", box, "line 1"),), [])


def test_keypoints_behind_a_box(read):
    line = "0 0.5 0.5 0.5 0.5 0.1 0.1 2 0.9 0.9 2"
    (item,), problems = read(line, has_keypoints=True)
    assert (item.box, problems) == ((0.25, 0.25, 0.75, 0.75), [])


def test_a_class_without_name(read):
    (item,), _ = read("7 0.5 0.5 0.5 0.5")
    assert item.class_name == "class 7"


def test_empty_and_missing(read, tmp_path):
    assert read("", "  ") == ((), [])
    assert read_labels(tmp_path / "no.txt", ()) == Labels()


@pytest.mark.parametrize(
    "line, problem",
    [
        (
            "cat 0.5 0.5 0.5 0.5",
            "is 'cat 0.5 0.5 0.5 0.5'; expected a class and cx cy width height,"
            " or a polygon x y x y ...",
        ),
        (
            "0 0.5 0.5 0.5",
            "has 3 numbers behind the class: '0 0.5 0.5 0.5'; expected a class"
            " and cx cy width height, or a polygon x y x y ...",
        ),
        ("0.5 0.5 0.5 0.5 0.5", "has the class 0.5; expected 0, 1, ..."),
        ("-1 0.5 0.5 0.5 0.5", "has the class -1; expected 0, 1, ..."),
        (
            "0 320 240 30 40",
            "has 320; expected fractions of the image, 0..1, no pixels",
        ),
    ],
)
def test_broken_lines(read, line, problem):
    objects, problems = read("0 0.5 0.5 0.5 0.5", line)
    assert len(objects) == 1
    assert problems == [f"line 2 {problem}"]
    assert not is_label_line(line)
