"""Drawings of a training, and drawings as part of a page."""

import base64

import numpy as np
import pytest

from ssd_tf.evaluation.score_threshold import sweep
from ssd_tf.report import plots


def test_small_drawings_are_svg_and_large_ones_png(monkeypatch):
    small = plots.plot_lines({"a $b$": ([1, 2], [3, 4])}, ylabel="loss")
    kind, encoded = plots.data_uri(small).split(",")
    assert kind == "data:image/svg+xml;base64"
    assert b"<svg" in base64.b64decode(encoded)
    assert plots.data_uri(small).split(",")[1] == encoded  # the same again
    monkeypatch.setattr(plots, "_MAX_SVG_BYTES", 1_000)
    same = plots.plot_lines({"a": ([1, 2], [3, 4])}, ylabel="犬")
    kind, encoded = plots.data_uri(same).split(",")
    assert kind == "data:image/png;base64"
    assert base64.b64decode(encoded).startswith(b"\x89PNG")


def test_lines_have_their_values():
    figure = plots.plot_lines(
        {"a": ([1, 2], [3, 4]), "_b": ((), ())}, ylabel="y", limit=1.0
    )
    (panel,) = figure.axes
    assert panel.lines[0].get_xydata().tolist() == [[1, 3], [2, 4]]
    assert panel.get_ylim() == (0, 1)


@pytest.mark.parametrize("best", [None, 0.2, 0.9])
def test_thresholds(best):
    result = sweep(np.array([0.9, 0.2]), np.array([True, False]), num_objects=2)
    (panel,) = plots.plot_thresholds(result, best).axes
    marked = [line for line in panel.lines if len(line.get_xdata()) == 2]
    assert [line.get_xdata()[0] for line in marked] == [best] * (
        best is not None
    )
    np.testing.assert_array_equal(panel.lines[2].get_ydata(), result.f1)


def test_bars():
    figure = plots.plot_bars(
        {"one": {"cat": 0.5, "dog": 0.25}, "two": {"dog": 1.0}}, ylabel="AP"
    )
    heights = [[b.get_height() for b in c] for c in figure.axes[0].containers]
    assert heights == [[0.5, 0.25], [0.0, 1.0]]
