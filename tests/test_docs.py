"""The guides as a site, and the links of README.md."""

import importlib
import os
import pathlib
import re
import subprocess
import sys

import pytest

from ssd_tf import PRESETS

ROOT = pathlib.Path(__file__).parents[1]
LINK = re.compile(r"\]\(([^)\s]+)\)")
# Where each module's public names are described.
PAGES = {
    "ssd_tf": "ssd_tf",
    "ssd_tf.training": "training",
    "ssd_tf.serving": "serving",
    "ssd_tf.evaluation": "evaluation",
    "ssd_tf.data.sources": "data",
    "ssd_tf.data.augmentation": "data",
    "ssd_tf.data.writers": "data",
    "ssd_tf.matchers": "parts",
    "ssd_tf.models": "parts",
    "ssd_tf.visualization": "pictures",
    "ssd_tf.report": "pictures",
    "ssd_tf.weights": "weights",
}


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The built site: no warning, no network."""
    folder = tmp_path_factory.mktemp("site")
    built = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-d", folder],
        cwd=ROOT,
        env={
            **os.environ,
            "NO_MKDOCS_2_WARNING": "1",
            # Any request would fail.
            "http_proxy": "http://127.0.0.1:9",
            "https_proxy": "http://127.0.0.1:9",
        },
        capture_output=True,
        text=True,
    )
    assert built.returncode == 0, built.stderr
    assert "WARNING" not in built.stderr
    return folder


def test_every_page_is_there(site):
    pages = {
        path.relative_to(ROOT / "docs").with_suffix(".html")
        for path in (ROOT / "docs").rglob("*.md")
    }
    assert len(pages) > 20
    assert all((site / page).is_file() for page in pages)
    assert not list(site.rglob("*.py"))


def test_a_page_asks_for_nothing_from_elsewhere(site):
    text = (site / "index.html").read_text(encoding="utf-8")
    assert re.search(r'<(?:script|img)[^>]* src="assets/', text)
    assert not re.findall(r'<(?:script|img)[^>]* src="(?:https?:)?//', text)
    assert not re.findall(r'<link[^>]*stylesheet[^>]*"(?:https?:)?//', text)


@pytest.mark.parametrize("name", PAGES)
def test_public_names_are_described(site, name):
    """By their docstrings, or by a word on the page where they have none."""
    text = (site / f"api/{PAGES[name]}.html").read_text(encoding="utf-8")
    described = set(re.findall(r'id="([\w.]+)"', text))
    described = {identifier.rsplit(".")[-1] for identifier in described}
    described |= set(re.findall(r"<code>(\w+)</code>", text))
    assert set(importlib.import_module(name).__all__) <= described


@pytest.mark.parametrize(
    ("name", "more_than"),
    [("README.md", 10), ("CONTRIBUTING.md", 0), ("benchmarks/README.md", 0)],
)
def test_links_of_a_page_outside_of_the_site(name, more_than):
    page = ROOT / name
    text = page.read_text(encoding="utf-8")
    links = [link for link in LINK.findall(text) if "://" not in link]
    assert len(links) > more_than
    assert not re.findall(r"\[[\w ]+\]\w", text)  # its target was lost
    for link in links:
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        if anchor:
            there = target.read_text(encoding="utf-8")
            titles = re.findall(r"^#+ (.*)$", there, re.MULTILINE)
            assert anchor in map(_anchor, titles), link


def _anchor(title: str) -> str:
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")


def test_the_presets_are_the_same_on_both_pages():
    tables = [
        re.search(r"^\| preset \|.*?\n\n", text, re.MULTILINE | re.DOTALL)[0]
        for text in (
            (ROOT / name).read_text(encoding="utf-8")
            for name in ("README.md", "docs/presets.md")
        )
    ]
    assert tables[0] == tables[1]
    rows = re.findall(r"^\| `(\w+)` ", tables[0], re.MULTILINE)
    assert sorted(rows) == sorted(PRESETS)


def test_nothing_is_said_of_this_machine():
    for path in [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]:
        text = path.read_text(encoding="utf-8")
        assert "/work/" not in text and "/root/" not in text, path
