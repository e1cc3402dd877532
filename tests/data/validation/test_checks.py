"""Problems of annotations."""

import pytest

from ssd_tf.data.sources.base import UNIT_SIZE, RawObject
from ssd_tf.data.validation.checks import LOST, check_image
from ssd_tf.data.validation.files import ImageFacts
from tests.data.annotated import noise, raw_image


def check(raw, *, class_names=None, size=(50, 100), is_turned=False):
    """The problems of an image that is 100 x 50, as lines."""
    facts = ImageFacts(size, is_turned, ())
    return [str(p) for p in check_image(raw, facts, class_names)]


def test_nothing_wrong():
    raw = raw_image(("cat", 0, 0, 50, 100), ("dog", 1, 1, 2, 2))
    assert check(raw, class_names=("cat", "dog")) == []


@pytest.mark.parametrize(
    "box, text, outcome",
    [
        (
            (20, 10, 10, 30),
            "ymin=20 xmin=10 ymax=10 xmax=30",
            "a minimum is above its maximum; dropped [inverted]",
        ),
        (
            (10, 10, 20, 10),
            "ymin=10 xmin=10 ymax=20 xmax=10",
            "has no area; dropped [empty]",
        ),
        (
            (10, 99.9999999, 20, 100),
            "ymin=10 xmin=100 ymax=20 xmax=100",
            "has no area; dropped [empty]",
        ),
        (
            (float("nan"), 10, 20, 30),
            "ymin=nan xmin=10 ymax=20 xmax=30",
            "a coordinate is not finite; dropped [not_finite]",
        ),
        (
            (0, 0, 20, -1e39),
            "ymin=0 xmin=0 ymax=20 xmax=-1e+39",
            "a coordinate is not finite; dropped [not_finite]",
        ),
        (
            (-20, 10, 0, 30),
            "ymin=-20 xmin=10 ymax=0 xmax=30",
            "lies outside the image of 100x50; dropped [outside]",
        ),
        (
            (-1, 10, 20, 30),
            "ymin=-1 xmin=10 ymax=20 xmax=30",
            "leaves the image of 100x50; clipped [clipped]",
        ),
        (
            (10, 10, 20, 100.5),
            "ymin=10 xmin=10 ymax=20 xmax=100.5",
            "leaves the image of 100x50; clipped [clipped]",
        ),
    ],
)
def test_boxes(box, text, outcome):
    raw = raw_image(("cat", 0, 0, 9, 9), ("dog", *box))
    assert check(raw) == [f"a.xml: box 2 (dog) {text}: {outcome}"]


def test_a_rounding_error_is_no_problem():
    assert check(raw_image(("cat", -0.001, 0, 50.009, 100.0))) == []


def test_duplicates():
    box = (1, 2, 3, 4)
    raw = raw_image(("cat", *box), ("dog", *box), ("cat", *box))
    assert check(raw) == [
        "a.xml: box 3 (cat) ymin=1 xmin=2 ymax=3 xmax=4: the same as box 1"
        " [duplicate]"
    ]


def test_unknown_class_and_the_place_that_the_source_gives():
    item = RawObject("emu", (1.0, 2.0, 3.0, 4.0), place="annotation 7")
    raw = raw_image(objects=(item,))
    assert check(raw, class_names=("cat",)) == [
        "a.xml: annotation 7 (emu) ymin=1 xmin=2 ymax=3 xmax=4: unknown class;"
        " training refuses it [unknown_class]"
    ]
    assert check(raw) == []


def test_no_objects():
    line = "a.xml: no objects: all background [without_objects]"
    assert check(raw_image()) == [line]


def test_a_broken_annotation_is_told_once():
    raw = raw_image(problems=("a.xml: object 1 has no <name>",), size=None)
    line = "a.xml: object 1 has no <name> [broken_annotation]"
    assert check(raw) == [line]


def test_a_message_with_a_place_of_its_own():
    raw = raw_image(
        ("cat", 1, 2, 3, 4),
        location="x.json: image 0",
        problems=("x.json: image 7 has no 'file_name'", "has no 'id'"),
    )
    assert check(raw) == [
        "x.json: image 7 has no 'file_name' [broken_annotation]",
        "x.json: image 0: has no 'id' [broken_annotation]",
    ]


@pytest.mark.parametrize(
    "size, text",
    [
        (
            (100.0, 50.0),
            "size 50x100, but the image is 100x50, height and width are"
            " swapped; boxes are divided by the size declared",
        ),
        (
            (100.0, 200.0),
            "size 200x100, but the image is 100x50; boxes are divided by the"
            " size declared",
        ),
    ],
)
def test_sizes_that_are_believed(size, text):
    raw = raw_image(("cat", 1, 1, 2, 2), size=size)
    assert check(raw) == [f"a.xml: {text} [wrong_size]"]


TURNED = "a.xml: size 50x100, but the image is 100x50 as its Exif block turns"


def test_boxes_of_the_unturned_picture():
    facts = ImageFacts((50, 100), True, ())
    raw = raw_image(("cat", 1, 1, 2, 2), size=(100.0, 50.0))
    (problem,) = check_image(raw, facts, None)
    assert problem.severity == LOST
    assert str(problem) == (
        f"{TURNED} it; the boxes are those of the unturned picture, and"
        " training misplaces them; turn the file's pixels and drop its Exif"
        " orientation, or annotate the turned picture [unturned_boxes]"
    )


def test_unturned_size_without_boxes_of_it(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(noise("JPEG"))
    # It leaves the unturned picture.
    box = ("cat", 10, 10, 20, 90)
    raw = raw_image(box, size=(100.0, 50.0), image_path=str(path))
    assert check(raw, is_turned=True) == [
        f"{TURNED} it; replaced by that, as boxes do not fit [wrong_size]"
    ]
    raw = raw_image(size=(100.0, 50.0))
    assert check(raw, is_turned=True)[0] == (
        f"{TURNED} it; boxes are divided by the size declared [wrong_size]"
    )


def test_sizes_that_are_not_believed(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(noise("JPEG"))
    box = ("cat", 10, 10, 20, 90)
    raw = raw_image(box, size=(20.0, 40.0), image_path=str(path))
    assert check(raw) == [
        "a.xml: size 40x20, but the image is 100x50; replaced by that, as"
        " boxes do not fit [wrong_size]"
    ]
    raw = raw_image(box, size=None, image_path=str(path))
    assert check(raw) == [
        "a.xml: no size; that of the image is used [missing_size]"
    ]


def test_fractions_of_the_image():
    raw = raw_image(
        ("cat", 0.0, 0.0, 1.0, 1.0),
        ("cat", 0.5, 0.5, 0.5, 1.0),
        ("cat", 0.0, 0.0, 1.0, 1.001),
        size=UNIT_SIZE,
    )
    assert check(raw) == [
        "a.xml: box 2 (cat) ymin=0.5 xmin=0.5 ymax=0.5 xmax=1: has no area;"
        " dropped [empty]",
        "a.xml: box 3 (cat) ymin=0 xmin=0 ymax=1 xmax=1.001: leaves the image;"
        " clipped [clipped]",
    ]
