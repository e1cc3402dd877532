"""The page of one run, by its text."""

import html
import re

import pytest

from ssd_tf import InputError
from ssd_tf.report import is_report, render_run


def text_of(page):
    """The text of a page without its tags, blanks as one."""
    plain = re.sub(r"<style>.*?</style>|<[^>]+>", " ", page, flags=re.DOTALL)
    return " ".join(html.unescape(plain).split())


def test_everything_is_there(facts):
    some = facts()
    page = render_run(some)
    assert len(page) < 5_000_000 and is_report(page.encode())
    titles = re.findall(r"<h2>(.*?)</h2>", page)
    assert titles == [
        "What was trained on what",
        "Training",
        "Which score to believe",
        "Precision and recall of each class",
        "Kinds of errors",
        "Confusion between classes",
        "Pictures to look at",
        "Sizes of objects against anchors",
        "Time spent",
        "All settings",
    ]
    text = text_of(page)
    assert "python train.py '--class=a b'" in text
    assert "train, 40 images" in text
    best = some.result["best_f1"]
    assert f"--score_threshold={best['score_threshold']:.2f}" in text
    assert f"mAP@.5 {some.result['mAP']:.3f}" in text
    assert "training 1 h 01 min 98.4%" in text
    assert re.findall(r"<h3>(Best|Worst|Most.*?)</h3>", page) == [
        "Best",
        "Worst",
        "Most confidently wrong",
    ]


def test_nothing_is_loaded_and_names_are_text(facts):
    page = render_run(facts())
    sources = re.findall(r'(?:src|href)="(.*?)"', page)
    assert len(sources) > 10
    assert all(source.startswith("data:") for source in sources)
    assert "<script" not in page and "url(" not in page
    assert "<b>dog</b>" not in page and "&lt;b&gt;dog&lt;/b&gt;" in page


@pytest.mark.parametrize(
    "missing",
    [
        dict(images=()),
        dict(images=(), result=None),
        dict(images=(), result=None, log=(), seconds={}, starts=()),
        dict(coverage=None, read_pictures=None),
    ],
)
def test_what_a_run_has_not_kept(facts, missing):
    page = render_run(facts(**missing))
    text = text_of(page)
    assert ("has not kept what its last evaluation found" in text) == (
        "images" in missing and missing.get("log") is None
    )
    assert ("Sizes of objects" in text) == ("coverage" not in missing)
    assert ("not finished" in text) == ("images" in missing)
    assert is_report(page.encode())


def test_data_that_have_moved(facts):
    """Its pictures are named, with the reason."""

    def gone(positions):
        raise InputError("DATA/cells is not there")

    text = text_of(render_run(facts(read_pictures=gone)))
    assert "Pictures are missing: DATA/cells is not there" in text
    assert "ground truth of" not in text and ".jpg F1 " in text


def test_other_pictures_than_those_evaluated(facts):
    page = text_of(render_run(facts(read_pictures=lambda positions: {})))
    assert "the data are not those that were evaluated" in page


def test_the_best_evaluation_beside_the_last(facts):
    last = facts(steps=100).result
    best = facts(seed=1, steps=60).result
    assert best["mAP"] != last["mAP"]
    title = "The best evaluation beside the last"
    result = {**last, "best_metric": "coco_AP50", "best": best}
    page = text_of(render_run(facts(result=result)))
    assert title in page and "The best, by coco_AP50, is" in page
    assert "the last evaluation, step 100; the best was at step 60" in page
    assert "best, step 60 last, step 100" in page
    assert f"mAP@.5 {best['mAP']:.3f} {last['mAP']:.3f} COCO AP" in page
    # The figures at the top are the last's.
    assert f"mAP@.5 {last['mAP']:.3f} area under the curve" in page
    for same in ({**result, "best": last}, {**result, "best": None}, last):
        page = text_of(render_run(facts(result=same)))
        assert title not in page and "the best was" not in page
