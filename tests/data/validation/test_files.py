"""Problems of image files."""

import pytest
import tensorflow as tf
from PIL import Image

from ssd_tf.data import images
from ssd_tf.data.validation.files import ImageFacts, inspect_image
from tests.data.annotated import noise, raw_image

FORMATS = list(images.FORMATS)


def image_problems(encoded, path="a.jpg"):
    return inspect_image(raw_image(encoded=encoded, image_path=path)).problems


@pytest.mark.parametrize("fmt", FORMATS)
def test_whole_images(fmt):
    path = f"a.{fmt.lower()}"
    facts = inspect_image(raw_image(encoded=noise(fmt), image_path=path))
    assert facts == ImageFacts((50, 100), False, ())


@pytest.mark.parametrize("kept", [0.5, 0.99])
@pytest.mark.parametrize("fmt", [f for f in FORMATS if f != "JPEG"])
def test_truncated_images(fmt, kept):
    encoded = noise(fmt)
    encoded = encoded[: int(len(encoded) * kept)]
    with pytest.raises(tf.errors.InvalidArgumentError):
        images.decode(encoded)
    message = f"{fmt} without its end, {len(encoded)} bytes"
    problems = image_problems(encoded, f"a.{fmt.lower()}")
    assert problems == (("truncated", message),)


@pytest.mark.parametrize(
    "cut",
    [
        lambda file: file[: len(file) // 2],
        lambda file: file[:-20],
        lambda file: file[:-2],
        lambda file: file[:2000] + bytes(len(file) - 2000),
    ],
)
def test_jpeg_without_its_end_is_recovered(cut):
    encoded = cut(noise("JPEG"))
    message = (
        f"JPEG without its end, {len(encoded)} bytes; used as viewers show it"
    )
    facts = inspect_image(raw_image(encoded=encoded, image_path="a.jpg"))
    assert facts == ImageFacts((50, 100), False, (("recovered", message),))


def test_what_follows_the_end_of_a_jpeg_is_no_problem():
    assert image_problems(noise("JPEG") + b"of a phone") == ()


def test_jpeg_without_any_pixels():
    encoded = noise("JPEG")[:60]
    message = f"JPEG without its end, {len(encoded)} bytes"
    assert image_problems(encoded) == (("truncated", message),)


def test_empty_file():
    message = "the image file is empty"
    assert image_problems(b"") == (("truncated", message),)


@pytest.mark.parametrize("encoded", [b"<html></html>", noise("TIFF")])
def test_no_image_that_tensorflow_knows(encoded):
    ((kind, message),) = image_problems(encoded)
    assert kind == "undecodable"
    start = "the image cannot be decoded: Unknown image file format. One of JP"
    assert message.startswith(start)


def test_damaged_between_beginning_and_end():
    encoded = bytearray(noise("PNG"))
    encoded[5000:5040] = bytes(40)
    ((kind, message),) = image_problems(bytes(encoded), "a.png")
    assert kind == "undecodable"
    assert message.startswith("the image cannot be decoded: Invalid PNG data")


@pytest.mark.parametrize("fmt", [f for f in FORMATS if f != "JPEG"])
@pytest.mark.parametrize("path", ["a.jpg", "b/a.JPEG"])
def test_mislabelled(fmt, path):
    message = f"a {fmt} by its content; read as such"
    assert image_problems(noise(fmt), path) == (("mislabelled", message),)


def test_a_name_without_suffix_says_nothing():
    assert image_problems(noise("PNG"), "a") == ()


def test_missing_and_unreadable(tmp_path):
    path = tmp_path / "a.jpg"
    raw = raw_image(encoded=None, image_path=str(path))
    assert inspect_image(raw).problems == (
        ("missing_image", "image is missing"),
    )
    path.mkdir()
    ((kind, message),) = inspect_image(raw).problems
    assert kind == "unreadable"
    assert message == "image cannot be read: Is a directory"


@pytest.mark.parametrize("fmt", ["JPEG", "PNG"])
@pytest.mark.parametrize("orientation, turned", [(1, False), (6, True)])
def test_turned_by_exif(fmt, orientation, turned):
    exif = Image.Exif()
    exif[0x0112] = orientation
    encoded = noise(fmt, exif=exif)
    facts = inspect_image(raw_image(encoded=encoded, image_path="a"))
    size = (100, 50) if turned else (50, 100)
    assert facts == ImageFacts(size, turned, ())
