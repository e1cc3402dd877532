"""`python -m ssd_tf demo`, driven in a real browser."""

import base64
import pathlib
import re
import signal
import socket
import subprocess
import sys

import numpy as np
import pytest
from playwright.sync_api import expect

import ssd_tf
from ssd_tf import commands

PHONE, WIDE = (390, 844), (1280, 900)
TIMEOUT_MS = 60_000
# What a page of Gradio gets before this one is told of a dropped file.
DROPPED = """
([name, content]) => {
    const bytes = Uint8Array.from(atob(content), c => c.charCodeAt(0));
    const dropped = new DataTransfer();
    dropped.items.add(new File([bytes], name, {type: "image/png"}));
    return dropped;
}
"""


class Demo:
    """The command as a process of its own.

    Attributes:
      url: of the page.
      found: {path: all that `ssd_tf.load` finds in that picture}.
    """

    def __init__(self, model, photos):
        detector = ssd_tf.load(model)
        self.found = {
            photo: detector(photo, score_threshold=0) for photo in photos
        }
        scores = np.concatenate([one.scores for one in self.found.values()])
        self.threshold, self.higher = _thresholds(scores)
        command = [
            *(sys.executable, "-m", "ssd_tf", "demo", f"--model={model}"),
            *("--port=0", f"--score_threshold={self.threshold}"),
        ]
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=pathlib.Path(ssd_tf.__file__).parents[1],
        )
        line = self.process.stdout.readline()
        told = re.fullmatch(r"(http://127\.0\.0\.1:\d+) \(Ctrl-C.*\)\n", line)
        assert told, line + self.process.stderr.read()
        self.url = told[1]

    def count(self, photo, threshold):
        return len(self.found[photo].above(threshold).scores)


def _thresholds(scores):
    """Two steps of the slider, with objects above and between them."""
    steps = np.arange(1, 100) / 100
    far = [s for s in steps if np.abs(scores - s).min() > 1e-4]
    counts = {float(s): int((scores >= s).sum()) for s in far}
    higher = max(s for s in counts if counts[s] >= 1)
    lower = max(s for s in counts if counts[s] > counts[higher])
    return lower, higher


@pytest.fixture(scope="module")
def photos(tmp_path_factory, shapes_dir):
    """Two of the pictures of shapes."""
    source = ssd_tf.data.sources.build_source("shapes", data_dir=shapes_dir)
    folder = tmp_path_factory.mktemp("photos")
    paths = []
    for k, example in enumerate(source.dataset("test").take(2)):
        paths.append(folder / f"photo{k}.png")
        paths[-1].write_bytes(example["image"].numpy())
    return [str(path) for path in paths]


@pytest.fixture(scope="module")
def demo(small_export, photos, browser):
    """A demo that is served as long as this file's tests."""
    demo = Demo(small_export, photos)
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


def expect_objects(page, count):
    """Waits for them: in the line, in the table, in the picture."""
    beginning = f"{count} object{'' if count == 1 else 's'}: "
    expect(summary(page)).to_have_value(
        re.compile(beginning), timeout=TIMEOUT_MS
    )
    rows = page.locator("#objects tbody tr:visible")
    expect(rows).to_have_count(count, timeout=TIMEOUT_MS)


def drawn_picture(page):
    """Where the picture with boxes comes from, once it is there."""
    picture = page.locator("#drawn img")
    picture.wait_for()
    page.wait_for_function(
        "() => document.querySelector('#drawn img').naturalWidth > 0"
    )
    return picture.get_attribute("src")


@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_drop_a_picture_and_move_the_threshold(page, demo, photos, size):
    page = page(size)
    photo = photos[0]
    drop(page, "mine.png", pathlib.Path(photo).read_bytes())
    before = demo.count(photo, demo.threshold)
    after = demo.count(photo, demo.higher)
    assert before > after > 0
    expect_objects(page, before)
    picture = drawn_picture(page)
    best = demo.found[photo]
    cells = page.locator("#objects tbody tr:visible").first.locator("td")
    texts = [text.strip() for text in cells.all_inner_texts()]
    assert texts[0] == best.names[0]
    assert float(texts[1]) == pytest.approx(best.scores[0], abs=6e-4)
    assert [int(text) for text in texts[2:]] == [
        round(float(side)) for side in best.boxes_px[0]
    ]
    page.locator("#threshold input[type=range]").fill(str(demo.higher))
    expect_objects(page, after)
    assert drawn_picture(page) != picture
    width = page.evaluate("document.documentElement.scrollWidth")
    assert width <= size[0]


def test_a_file_that_is_no_picture_then_another(page, demo, photos):
    page = page(WIDE)
    drop(page, "notes.png", b"no picture")
    expect(summary(page)).to_have_value(
        "error: notes.png does not decode; expected a JPEG, PNG, GIF, BMP or "
        "WebP image",
        timeout=TIMEOUT_MS,
    )
    assert page.locator("#drawn img").count() == 0
    page.locator("#given button[aria-label='Remove Image']").click()
    expect(summary(page)).to_have_value("")
    page.locator("#given input[type=file]").set_input_files(photos[0])
    expect_objects(page, demo.count(photos[0], demo.threshold))


def test_the_camera(page):
    page = page(WIDE)
    given = page.locator("#given")
    given.locator("button[aria-label='Capture from camera']").click()
    given.get_by_text("Click to Access Webcam").click()
    given.locator("button[aria-label='capture photo']").click()
    expect(summary(page)).to_have_value(
        re.compile("object"), timeout=TIMEOUT_MS
    )
    drawn_picture(page)


def test_the_end(page, demo, small_export, script):
    """Last: another cannot have the port, and Ctrl-C ends this one."""
    page(WIDE)  # a page that is open does not hold it up
    port = demo.url.rpartition(":")[2]
    with socket.create_connection(("127.0.0.1", port)):
        pass
    status, _, errors = script(
        "demo", f"--model={small_export}", f"--port={port}"
    )
    assert status == 1
    assert errors == [
        f"error: --host=127.0.0.1 --port={port}: Address already in use"
    ]
    demo.process.send_signal(signal.SIGINT)
    out, errors = demo.process.communicate(timeout=60)
    assert (out, errors) == ("", "the demo has ended\n")
    assert demo.process.returncode == 130


def test_help_names_the_defaults(capsys):
    with pytest.raises(SystemExit):
        commands.main(["demo", "--help"])
    told = capsys.readouterr().out
    assert "Default: 127.0.0.1" in told and "Default: 7860" in told
