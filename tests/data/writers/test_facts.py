"""The facts that every layout is written from."""

import pytest

from ssd_tf.data.sources.base import UNIT_SIZE
from ssd_tf.data.writers import LabelledObject, label_studio_task, voc_xml
from ssd_tf.data.writers.facts import LabelledImage, plain, to_labelled
from tests.data.annotated import noise, raw_image


def test_pixels_are_kept():
    raw = raw_image(("cat", 1.25, 2, 30, 99.123456))
    image = to_labelled(raw, noise("jpeg"), "a.jpg")
    assert (image.height, image.width) == (50, 100)
    assert image.objects == [LabelledObject("cat", (1.25, 2, 30, 99.123456))]


@pytest.mark.parametrize("digits", [6, 17])
def test_fractions_become_pixels(digits):
    box = (7 / 50, 13 / 100, 41 / 50, 99 / 100)
    box = tuple(round(side, digits) for side in box)
    raw = raw_image(("cat", *box), size=UNIT_SIZE)
    image = to_labelled(raw, noise("png"), "a.png")
    assert (image.height, image.width) == (50, 100)
    assert image.objects[0].box == (7, 13, 41, 99)


@pytest.mark.parametrize("size", [None, (20.0, 20.0)])
def test_the_size_that_training_believes(size):
    """An image of 100 x 50 whose boxes do not fit what is declared."""
    raw = raw_image(("cat", 1, 2, 30, 90), size=size)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            "ssd_tf.data.sources.rules.header_size", lambda path: (100, 50)
        )
        image = to_labelled(raw, noise("jpeg"), "a.jpg")
    assert (image.height, image.width) == (50, 100)


def test_numbers():
    assert [repr(plain(v)) for v in (3.0, 2.5, 7)] == ["3", "2.5", "7"]


IMAGE = LabelledImage(
    "a & b.jpg",
    50.0,
    100.0,
    [LabelledObject("<cat>", (5.0, 10.5, 25.0, 50.0), score=0.5)],
)


def test_voc():
    text = voc_xml(IMAGE)
    assert "<filename>a &amp; b.jpg</filename>" in text
    assert "<name>&lt;cat&gt;</name>" in text
    assert "<xmin>10.5</xmin>" in text and "<ymin>5</ymin>" in text


def test_label_studio():
    task = label_studio_task(IMAGE, model="runs/mine")
    assert task["data"] == {"image": "a & b.jpg"}
    (prediction,) = task["predictions"]
    assert (prediction["model_version"], prediction["score"]) == (
        "runs/mine",
        0.5,
    )
    (result,) = prediction["result"]
    assert result["type"] == "rectanglelabels"
    assert (result["from_name"], result["to_name"]) == ("label", "image")
    assert (result["original_width"], result["original_height"]) == (100, 50)
    assert result["score"] == 0.5
    assert result["value"] == {
        "x": 10.5,
        "y": 10.0,
        "width": 39.5,
        "height": 40.0,
        "rotation": 0,
        "rectanglelabels": ["<cat>"],
    }
