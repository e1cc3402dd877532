"""`python -m ssd_tf demo`, driven in a real browser."""

import base64
import contextlib
import os
import pathlib
import re
import signal
import subprocess
import sys

import pytest
import tensorflow as tf
from PIL import Image
from playwright.sync_api import expect

import ssd_tf
from ssd_tf import commands
from ssd_tf.serving import saved_model

PHONE, WIDE = (390, 844), (1280, 900)
TIMEOUT_MS = 120_000
CLASS_NAMES = ("cat", "<b>dog</b>")
# Of the picture below, in pixels.
ROWS = [
    ("cat", 0.9, 4, 16, 20, 32),
    ("<b>dog</b>", 0.6, 10, 40, 40, 80),
    ("<b>dog</b>", 0.3, 0, 0, 20, 40),
]
# What a page of Gradio gets before this one is told of a dropped file.
DROPPED = """
([name, content]) => {
    const bytes = Uint8Array.from(atob(content), c => c.charCodeAt(0));
    const dropped = new DataTransfer();
    dropped.items.add(new File([bytes], name, {type: "image/png"}));
    return dropped;
}
"""
# The cells of the table, row by row.
TABLE_IS = """
rows => {
    const cells = document.querySelectorAll('#objects [data-testid^="cell-"]');
    const texts = [...cells].map(cell => cell.innerText.trim());
    return JSON.stringify(texts) === JSON.stringify(rows.flat());
}
"""


class MadeModel(tf.Module):
    """Finds the same three objects in every picture, as an export does."""

    @tf.function(input_signature=[tf.TensorSpec([1, None, None, 3], tf.uint8)])
    def detect(self, input_tensor):
        del input_tensor
        boxes = [(0.1, 0.2, 0.5, 0.4), (0.25, 0.5, 1, 1), (0, 0, 0.5, 0.5)]
        return {
            "detection_boxes": tf.constant([boxes], tf.float32),
            "detection_scores": tf.constant([[0.9, 0.6, 0.3]]),
            "detection_classes": tf.constant([[1.0, 2.0, 2.0]]),
            "num_detections": tf.constant([3.0]),
        }

    @tf.function(input_signature=[tf.TensorSpec([None], tf.string)])
    def detect_bytes(self, input_tensor):
        return {"num_detections": tf.zeros(tf.shape(input_tensor))}

    @tf.function(input_signature=[])
    def class_names(self):
        return {"class_names": tf.constant(CLASS_NAMES)}


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    """The folder of its SavedModel."""
    folder = str(tmp_path_factory.mktemp("made_model"))
    made = MadeModel()
    signatures = {
        saved_model.PIXELS_SIGNATURE: made.detect,
        saved_model.BYTES_SIGNATURE: made.detect_bytes,
    }
    tf.saved_model.save(made, folder, signatures)
    return folder


@pytest.fixture(scope="module")
def photo(tmp_path_factory):
    """A picture of 80 x 40 pixels."""
    path = tmp_path_factory.mktemp("photo") / "photo.png"
    Image.new("RGB", (80, 40), "navy").save(path)
    return path


class Demo:
    """The command as a process of its own.

    Attributes:
      url: of the page.
    """

    def __init__(self, model):
        command = [
            *(sys.executable, "-m", "ssd_tf", "demo", f"--model={model}"),
            *("--port=0", "--score_threshold=0.5"),
        ]
        environment = {**os.environ}
        environment.pop("TF_CPP_MIN_LOG_LEVEL", None)  # tf2onnx sets it
        self.process = subprocess.Popen(
            command,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=pathlib.Path(ssd_tf.__file__).parents[1],
        )
        line = self.process.stdout.readline()
        told = re.fullmatch(r"(http://127\.0\.0\.1:\d+) \(Ctrl-C.*\)\n", line)
        assert told, line + self.process.stderr.read()
        self.url = told[1]


@pytest.fixture(scope="module")
def demo(model, browser):
    """A demo that is served as long as this file's tests."""
    demo = Demo(model)
    yield demo
    demo.process.kill()
    demo.process.communicate()


@pytest.fixture
def page(browser, demo):
    """(size) -> the page, which at the end has asked nothing of others."""
    told, asked, pages = [], [], []

    def open_page(size):
        width, height = size
        page = browser.new_page(viewport={"width": width, "height": height})
        pages.append(page)
        page.set_default_timeout(TIMEOUT_MS)
        page.on(
            "console",
            lambda line: line.type == "error" and told.append(line.text),
        )
        page.on("pageerror", lambda error: told.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(demo.url, wait_until="load")
        return page

    yield open_page
    for one in pages:
        one.close()
    assert told == []
    own = (f"{demo.url}/", "data:", f"blob:{demo.url}/")
    assert [url for url in asked if not url.startswith(own)] == []
    assert f"{demo.url}/" in asked


def drop(page, name, content):
    dropped = page.evaluate_handle(
        DROPPED, [name, base64.b64encode(content).decode()]
    )
    page.locator("#given button[aria-label^=Drop]").dispatch_event(
        "drop", {"dataTransfer": dropped}
    )


def summary(page):
    return page.locator("#summary textarea")


def expect_objects(page, summary_text, rows):
    """Waits for them: in the line, and in the table."""
    expect(summary(page)).to_have_value(summary_text, timeout=TIMEOUT_MS)
    page.wait_for_function(
        TABLE_IS, arg=[[str(cell) for cell in row] for row in rows]
    )


def drawn_picture(page):
    """Where the picture with boxes comes from, once it is there."""
    picture = page.locator("#drawn img")
    picture.wait_for()
    page.wait_for_function(
        "() => document.querySelector('#drawn img').naturalWidth > 0"
    )
    return picture.get_attribute("src")


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_drop_a_picture_and_move_the_threshold(page, photo, size):
    page = page(size)
    drop(page, "mine.png", photo.read_bytes())
    expect_objects(page, "2 objects: 1 cat, 1 <b>dog</b>", ROWS[:2])
    picture = drawn_picture(page)
    for threshold, count, text in (
        ("0.7", 1, "1 object: 1 cat"),
        ("0", 3, "3 objects: 2 <b>dog</b>, 1 cat"),
        ("1", 0, "no objects; the best score is 0.90"),
    ):
        page.locator("#threshold input[type=range]").fill(threshold)
        expect_objects(page, text, ROWS[:count])
    assert drawn_picture(page) != picture
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= size[0]


def test_a_file_that_is_no_picture_then_another(page, photo):
    page = page(WIDE)
    drop(page, "notes.png", b"no picture")
    expect_objects(
        page,
        "error: notes.png does not decode; expected a JPEG, PNG, GIF, BMP or "
        "WebP image",
        [],
    )
    assert page.locator("#drawn img").count() == 0
    page.locator("#given button[aria-label='Remove Image']").click()
    expect_objects(page, "", [])
    page.locator("#given input[type=file]").set_input_files(str(photo))
    expect_objects(page, "2 objects: 1 cat, 1 <b>dog</b>", ROWS[:2])


def test_the_camera(page):
    page = page(WIDE)
    given = page.locator("#given")
    given.locator("button[aria-label='Capture from camera']").click()
    given.get_by_text("Click to Access Webcam").click()
    # Before the first frame there is nothing to capture.
    page.wait_for_function(
        "document.querySelector('#given video')?.videoWidth > 0"
    )
    given.locator("button[aria-label='capture photo']").click()
    expect(summary(page)).to_have_value(
        re.compile("2 objects"), timeout=TIMEOUT_MS
    )
    drawn_picture(page)


def test_the_end(browser, demo, model, script):
    """Last: another cannot have the port, and Ctrl-C ends this one."""
    # A page that is open does not hold it up; it is closed by the end of the
    # server, and what it says of that is not asked.
    with contextlib.closing(browser.new_page()) as open_page:
        open_page.goto(demo.url, wait_until="load")
        _end(demo, model, script)


def _end(demo, model, script):
    port = demo.url.rpartition(":")[2]
    status, _, errors = script("demo", f"--model={model}", f"--port={port}")
    assert status == 1
    assert errors == [
        f"error: --host=127.0.0.1 --port={port}: Address already in use"
    ]
    demo.process.send_signal(signal.SIGINT)
    out, errors = demo.process.communicate(timeout=TIMEOUT_MS / 1000)
    assert (out, errors) == ("", "the demo has ended\n")
    assert demo.process.returncode == 130


def test_help_names_the_defaults(capsys):
    with pytest.raises(SystemExit):
        commands.main(["demo", "--help"])
    told = capsys.readouterr().out
    assert "Default: 127.0.0.1" in told and "Default: 7860" in told
