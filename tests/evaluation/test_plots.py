import pytest

from ssd_tf.evaluation import CocoEvaluator, ErrorBreakdown, VocEvaluator
from ssd_tf.evaluation.plots import (
    plot_error_breakdown,
    plot_precision_recall,
)

NAMES = tuple("abcd")


def filled(evaluator, images):
    for image in images:
        evaluator.update(*image)
    return evaluator


@pytest.mark.parametrize("evaluator", [VocEvaluator, CocoEvaluator])
def test_precision_recall_has_a_panel_per_class(
    evaluator, random_images, tmp_path
):
    evaluator = filled(evaluator(NAMES), random_images(0))
    ap = evaluator.result()["AP"]
    figure = plot_precision_recall(evaluator.curves(), average_precision=ap)
    figure.savefig(tmp_path / "pr.png")
    panels = [panel for panel in figure.axes if panel.get_visible()]
    titles = [panel.get_title() for panel in panels]
    assert titles == [f"{name}  {ap[name]:.3f}" for name in "abc"]


@pytest.mark.parametrize(
    "images", [[], [([[0, 0, 9, 9]], [1], None, [], [], [])]]
)
def test_little_to_draw(images, tmp_path):
    curves = filled(VocEvaluator(NAMES), images).curves()
    plot_precision_recall(curves).savefig(tmp_path / "pr.png")
    breakdown = filled(ErrorBreakdown(NAMES), images).result()
    plot_error_breakdown(breakdown).savefig(tmp_path / "errors.png")


def test_bars_are_as_long_as_the_counts(random_images, tmp_path):
    breakdown = filled(ErrorBreakdown(NAMES), random_images(0)).result()
    figure = plot_error_breakdown(breakdown)
    figure.savefig(tmp_path / "errors.png")
    for panel, keys in zip(
        figure.axes,
        [
            ["correct", "wrong_class", "poor_localisation"]
            + ["duplicate", "background"],
            ["correct", "missed"],
        ],
    ):
        for key, bars in zip(keys, panel.containers, strict=True):
            assert [bar.get_width() for bar in bars] == [
                counts[key] for counts in breakdown["per_class"].values()
            ]
