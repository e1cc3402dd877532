"""The page that compares runs, by its text."""

import dataclasses

from ssd_tf import TrainConfig
from ssd_tf.report import is_report, render_comparison
from tests.report.test_run_page import text_of


def test_two_runs(facts):
    runs = [facts(seed=0), facts(seed=1, steps=200)]
    page = render_comparison(runs)
    assert is_report(page.encode()) and len(page) < 5_000_000
    text = text_of(page)
    figures = [f"{run.result['mAP']:.3f}" for run in runs]
    assert f"mAP@.5 {figures[0]} {figures[1]}" in text
    assert "steps 100 200" in text and "seed 0 1" in text
    assert "batch_size" not in text
    assert "different data" not in text
    assert text.count("run0") > 2 and text.count("run1") > 2


def test_runs_of_different_data_and_an_unfinished_one(facts):
    other = facts(seed=1)
    other = dataclasses.replace(
        other, training=TrainConfig(dataset="voc/2007", steps=100)
    )
    begun = facts(seed=2, log=(), result=None, images=(), seconds={})
    text = text_of(render_comparison([facts(), other, begun]))
    assert "figures do not compare" in text
    assert "time spent 1 h 02 min 1 h 02 min –" in text


def test_the_same_settings(facts):
    text = text_of(render_comparison([facts(), facts().renamed("other")]))
    assert "The runs have the same settings." in text


def test_the_best_evaluation_is_named(facts):
    one, other = facts(), facts(seed=1)
    best = facts(seed=2, steps=60).result
    one = dataclasses.replace(one, result={**one.result, "best": best})
    text = text_of(render_comparison([one, other]))
    best_ap = f"{best['coco']['mAP']:.3f}"
    assert f"best evaluation step 60, COCO AP {best_ap} –" in text
