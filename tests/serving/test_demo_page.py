"""What the demo's page shows, without a browser."""

import struct
import sys
import zlib

import numpy as np
import pytest
from PIL import Image

from ssd_tf.errors import InputError
from ssd_tf.serving import Detector, Predictor, demo_page

BOXES = ((0.1, 0.2, 0.5, 0.4), (0.25, 0.5, 1.0, 1.0), (0.0, 0.0, 0.5, 0.5))
SCORES = (0.9, 0.5, 0.25)


@pytest.fixture
def calls():
    return []


@pytest.fixture
def detector(calls):
    """Three objects in every picture, a cat and two dogs."""

    def detect(pixels):
        calls.append(pixels.shape)
        return {
            "detection_boxes": np.array([BOXES], np.float32),
            "detection_scores": np.array([SCORES], np.float32),
            "detection_classes": np.array([[1, 2, 2]], np.float32),
            "num_detections": np.array([3], np.float32),
        }

    return Detector(Predictor(detect, ("cat", "dog")))


def given(path, **more):
    """A file as Gradio hands it over."""
    return {"path": str(path), "orig_name": path.name, **more}


@pytest.fixture
def large(tmp_path):
    """A picture of more pixels than are shown."""
    path = tmp_path / "large.png"
    Image.new("RGB", (4000, 1000), "gray").save(path)
    return given(path)


def test_the_threshold_chooses_of_what_was_found_once(detector, calls, large):
    found = demo_page.detect_all(detector, large)
    assert calls == [(1, 1000, 4000, 3)]
    rows = [
        ["cat", 0.9, 100, 800, 500, 1600],
        ["dog", 0.5, 250, 2000, 1000, 4000],
        ["dog", 0.25, 0, 0, 500, 2000],
    ]
    for threshold, count, summary in (
        (0.0, 3, "3 objects: 2 dog, 1 cat"),
        (0.5, 2, "2 objects: 1 cat, 1 dog"),
        (0.51, 1, "1 object: 1 cat"),
        (1.0, 0, "no objects; the best score is 0.90"),
    ):
        shown = demo_page.show(found, threshold)
        assert shown.rows == rows[:count]
        assert shown.summary == summary
        assert shown.picture.size == (1600, 400)
        drawn = np.any(np.asarray(shown.picture) != 128)
        assert drawn == (count > 0)
    assert len(calls) == 1


def test_no_picture(detector, calls):
    for picture in (None, {"path": None}, {"path": ""}):
        assert demo_page.detect_all(detector, picture) is None
    assert demo_page.show(None, 0.5) == (None, [], "")
    assert calls == []


def test_nothing_at_all_is_found(large):
    empty = {
        "detection_boxes": np.zeros((1, 3, 4), np.float32),
        "detection_scores": np.zeros((1, 3), np.float32),
        "detection_classes": np.zeros((1, 3), np.float32),
        "num_detections": np.zeros(1, np.float32),
    }
    detector = Detector(Predictor(lambda pixels: empty, ("cat",)))
    shown = demo_page.show(demo_page.detect_all(detector, large), 0.0)
    assert (shown.rows, shown.summary) == ([], "no objects at any threshold")


def png_of(width, height):
    """The header of a PNG of that size, and nothing in it."""

    def chunk(kind, data):
        checked = kind + data
        return (
            struct.pack(">I", len(data))
            + checked
            + struct.pack(">I", zlib.crc32(checked))
        )

    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        + chunk(b"IDAT", zlib.compress(b""))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    "content, message",
    [
        (b"no picture", "mine.jpg does not decode; expected a JPEG, PNG"),
        (b"", "mine.jpg does not decode; expected a JPEG, PNG"),
        (png_of(14_000, 14_000), "mine.jpg does not decode ("),
        (png_of(24_000, 24_000), "mine.jpg does not decode (the image has 576"),
    ],
)
def test_a_picture_that_does_not_decode(
    detector, calls, tmp_path, content, message
):
    path = tmp_path / "of_gradio"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        demo_page.detect_all(detector, given(path, orig_name="mine.jpg"))
    assert str(caught.value).startswith(message)
    assert str(tmp_path) not in str(caught.value)
    assert calls == []


def test_without_gradio(detector, monkeypatch, tmp_path):
    for name in (
        "GRADIO_ANALYTICS_ENABLED",
        "HF_HUB_DISABLE_TELEMETRY",
        "HF_HUB_OFFLINE",
    ):
        monkeypatch.setenv(name, "")  # undone at the end
    monkeypatch.setitem(sys.modules, "gradio", None)
    with pytest.raises(InputError) as caught:
        demo_page.build_page(detector, title="mine", uploads=str(tmp_path))
    message = 'the demo needs gradio: pip install "ssd_tf[demo]"'
    assert str(caught.value) == message
