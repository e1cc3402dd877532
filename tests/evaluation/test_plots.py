import numpy as np
import pytest

from ssd_tf.evaluation import CocoEvaluator, ErrorBreakdown, VocEvaluator
from ssd_tf.evaluation.confusion import ConfusionMatrix
from ssd_tf.evaluation.plots import (
    plot_confusion,
    plot_error_breakdown,
    plot_precision_recall,
    save_figure,
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


def test_names_of_every_kind(tmp_path):
    """Signs of formulas, signs that the font lacks, none."""
    names = ("a$_$b", "$", "犬猫", "cat")
    image = ([[0, 0, 9, 9]] * 4, [1, 2, 3, 4], None, [], [], [])
    voc = filled(VocEvaluator(names), [image])
    curves = plot_precision_recall(
        voc.curves(), average_precision=voc.result()["AP"], title="a$_$b"
    )
    save_figure(curves, tmp_path / "pr.png")
    assert [panel.get_title() for panel in curves.axes] == [
        f"{name}  0.000" for name in names
    ]
    breakdown = filled(ErrorBreakdown(names), [image]).result()
    bars = plot_error_breakdown(breakdown, title="a$_$b")
    save_figure(bars, tmp_path / "errors.png")
    labels = bars.axes[0].get_yticklabels()
    assert [label.get_text() for label in labels] == list(names)


def test_confusion_shows_every_count(random_images, tmp_path):
    matrix = filled(
        ConfusionMatrix(NAMES, score_threshold=0.1), random_images(0)
    )
    figure = plot_confusion(matrix.result(), title="a$_$b")
    save_figure(figure, tmp_path / "confusion.png")
    (panel,) = figure.axes
    labels = [label.get_text() for label in panel.get_yticklabels()]
    assert labels == [*NAMES, "nothing"]
    shown = np.zeros((5, 5), int)
    for text in panel.texts:
        column, row = text.get_position()
        shown[row, column] = int(text.get_text())
    order = [1, 2, 3, 4, 0]
    assert (shown == matrix.counts[order][:, order]).all() and shown.any()


@pytest.mark.parametrize("count", [1, 80])
def test_confusion_of_few_and_of_many_classes(count, tmp_path):
    names = [f"class {k} {'x' * 60}" for k in range(count)]
    matrix = ConfusionMatrix(names, score_threshold=0.1)
    figure = plot_confusion(matrix.result())
    save_figure(figure, tmp_path / "confusion.png")
    assert len(figure.axes[0].get_yticklabels()) == count + 1
    assert not figure.axes[0].texts


@pytest.mark.parametrize("count", [3, 12])
def test_titles_do_not_overlap(count):
    """Long names end in an ellipsis; AP is whole."""
    curve = filled(
        VocEvaluator(["a"]), [([[0, 0, 9, 9]], [1], None, [], [], [])]
    ).curves()["a"]
    kinds = ["traffic light with a long name", "M" * 40, "i" * 90, "cat"]
    names = [f"{i} {kinds[i % 4]}" for i in range(count)]
    figure = plot_precision_recall(
        dict.fromkeys(names, curve),
        average_precision=dict.fromkeys(names, 0.5),
    )
    figure.draw_without_rendering()
    panels = figure.axes[:count]
    for i, panel in enumerate(panels):
        assert panel.get_title().endswith("  0.500")
        name = panel.get_title().removesuffix("  0.500")
        assert names[i].startswith(name.removesuffix("…"))
        assert (len(name) > 4) and (name.endswith("…") == (name != names[i]))
        own = panel.title.get_window_extent()
        assert own.x0 >= 0 and own.x1 <= figure.bbox.width
        for other in panels[i + 1 :]:
            assert not own.overlaps(other.title.get_window_extent())


def test_a_long_name_of_a_bar_is_shortened():
    breakdown = ErrorBreakdown(["x" * 200, "y" * 40]).result()
    figure = plot_error_breakdown(breakdown)
    labels = figure.axes[0].get_yticklabels()
    assert [label.get_text() for label in labels] == [
        "x" * 39 + "…",
        "y" * 40,
    ]
