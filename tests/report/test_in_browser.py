"""The pages in a real browser, on a wide screen and on a phone."""

import pytest

from ssd_tf.report import render_comparison, render_run
from tests.report.conftest import make_facts

WIDE, PHONE = (1280, 900), (390, 844)


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """Files of a report and of a comparison."""
    folder = tmp_path_factory.mktemp("pages")
    runs = [make_facts(seed=seed) for seed in range(2)]
    for name, html in (
        ("report", render_run(runs[0])),
        ("comparison", render_comparison(runs)),
    ):
        (folder / f"{name}.html").write_text(html, encoding="utf-8")
    return folder


@pytest.mark.parametrize("name", ["report", "comparison"])
@pytest.mark.parametrize("size", [WIDE, PHONE], ids=["wide", "phone"])
def test_page(browser, pages, name, size):
    """Nothing is wrong, nothing is loaded, nothing leaves the screen."""
    width, height = size
    page = browser.new_page(viewport={"width": width, "height": height})
    told, asked = [], []
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    page.on("request", lambda request: asked.append(request.url))
    address = (pages / f"{name}.html").as_uri()
    page.goto(address, wait_until="load")
    assert told == []
    assert [url for url in asked if not url.startswith("data:")] == [address]
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    pictures = page.locator("img")
    assert pictures.count() >= (20 if name == "report" else 3)
    for picture in pictures.all():
        assert picture.evaluate("i => i.complete && i.naturalWidth > 0")
        assert picture.bounding_box()["width"] > 100
    assert page.locator("section").count() >= 4
    # Text is as large as on other pages.
    size_px = page.locator("p").first.evaluate(
        "p => parseFloat(getComputedStyle(p).fontSize)"
    )
    assert size_px >= 14
    page.close()


def test_a_page_that_asks_for_more_is_seen(browser, tmp_path):
    """The check above sees requests and errors."""
    file = tmp_path / "page.html"
    file.write_text(
        '<img src="http://127.0.0.1:9/x.png"><script>console.error(1)</script>'
    )
    page = browser.new_page()
    told, asked = [], []
    page.on("console", lambda message: told.append(message.text))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(file.as_uri(), wait_until="load")
    assert "1" in told and "http://127.0.0.1:9/x.png" in asked
    page.close()
