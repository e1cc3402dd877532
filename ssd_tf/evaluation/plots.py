"""Drawings of evaluation results.

Figures are made without pyplot: it keeps every figure in a global list and
picks a backend, which a server without a display may not have.
"""

import contextlib
import itertools
import math
import pathlib
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import TextToPath

from ssd_tf.evaluation.anchor_coverage import SIZE_BINS_PX, Coverage
from ssd_tf.evaluation.curves import PrecisionRecallCurve
from ssd_tf.files import written_whole

# (key of `ErrorBreakdown.result`, label, colour)
_DETECTION_BARS = (
    ("correct", "correct", "#009e73"),
    ("wrong_class", "wrong class", "#cc79a7"),
    ("poor_localisation", "poor localisation", "#e69f00"),
    ("duplicate", "duplicate", "#56b4e9"),
    ("background", "background", "#d55e00"),
)
_OBJECT_BARS = (
    ("correct", "found", "#009e73"),
    ("missed", "missed", "#6b6b6b"),
)
_TITLE_POINTS = 9
# Of the width that a panel has with its margins.
_TITLE_SHARE = 0.84
_POINTS_PER_INCH = 72
# Of the names beside bars, in letters.
_LONGEST_NAME = 40
# Of a matrix whose numbers are still read.
_MAX_NUMBERED = 25


def save_figure(figure: Figure, path: str | pathlib.Path) -> None:
    """Writes a figure to a file; InputError if it cannot be written."""
    with unknown_signs_allowed(), written_whole(path) as file:
        figure.savefig(file)


@contextlib.contextmanager
def unknown_signs_allowed():
    """A context in which names may have signs that the font lacks.

    Those show boxes, without a warning for every sign.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+ .* missing from font")
        yield


def _fitting_title(name: str, value: str, *, width_inches: float) -> str:
    """The name, shortened where it is too long, and the whole value."""
    font = FontProperties(size=_TITLE_POINTS)

    def fits(text):
        width_points, _, _ = TextToPath().get_text_width_height_descent(
            text, font, ismath=False
        )
        return width_points <= width_inches * _POINTS_PER_INCH

    shorter = (f"{name[:n]}…{value}" for n in range(len(name) - 1, 0, -1))
    with unknown_signs_allowed():
        titles = itertools.chain([name + value], shorter)
        return next(filter(fits, titles), f"…{value}")


def plot_precision_recall(
    curves: Mapping[str, PrecisionRecallCurve],
    *,
    average_precision: Mapping[str, float] | None = None,
    title: str = "Precision over recall",
) -> Figure:
    """Draws one small panel for each class.

    Args:
      curves: by class, from an evaluator's `curves()`.
      average_precision: by class, from its `result()["AP"]`; shown behind the
        names, which are shortened where they are long.
      title: of the whole figure; `save_figure` writes it.
    """
    count = max(1, len(curves))
    columns = count if count <= 4 else math.ceil(math.sqrt(count))
    rows = math.ceil(count / columns)
    side = 3.2 if count <= 4 else 2.0
    figure = Figure(
        figsize=(max(4.0, side * columns), side * rows + 0.8),
        layout="constrained",
    )
    figure.suptitle(title, parse_math=False)
    if not curves:
        figure.text(0.5, 0.5, "no class has an object", ha="center")
        return figure
    panels = figure.subplots(
        rows, columns, sharex=True, sharey=True, squeeze=False
    ).ravel()
    for panel, (name, curve) in zip(panels, curves.items()):
        _draw_curve(panel, curve)
        ap = (average_precision or {}).get(name)
        value = "" if ap is None else f"  {ap:.3f}"
        label = _fitting_title(name, value, width_inches=_TITLE_SHARE * side)
        panel.set_title(label, fontsize=_TITLE_POINTS, parse_math=False)
    for panel in panels[len(curves) :]:
        panel.set_visible(False)
    figure.supxlabel("recall")
    figure.supylabel("precision")
    return figure


def _draw_curve(panel, curve: PrecisionRecallCurve) -> None:
    # The first precision holds from recall 0 on, as in the area.
    recall = np.append(0.0, curve.recall)
    precision = np.append(curve.precision[:1], curve.precision)
    if len(precision):
        panel.fill_between(recall, precision, step="pre", color="#dce9f5")
        panel.step(recall, precision, where="pre", color="#1f5f99")
    panel.set(xlim=(0, 1.02), ylim=(0, 1.05))
    panel.grid(alpha=0.3)
    panel.tick_params(labelsize=8)


def plot_error_breakdown(
    breakdown: Mapping[str, Any], *, title: str = "Errors by class"
) -> Figure:
    """Draws the outcomes of detections and of objects as bars by class.

    Takes the `result()` of an `ErrorBreakdown`; `save_figure` writes it.
    """
    per_class = breakdown["per_class"]
    figure = Figure(
        figsize=(11.0, 2.0 + 0.3 * len(per_class)), layout="constrained"
    )
    figure.suptitle(title, parse_math=False)
    left, right = figure.subplots(1, 2, sharey=True, width_ratios=(2, 1))
    _stacked_bars(left, per_class.values(), _DETECTION_BARS)
    left.set_xlabel(
        f"detections with a score of at least {breakdown['score_threshold']:g}"
    )
    _stacked_bars(right, per_class.values(), _OBJECT_BARS)
    right.set_xlabel("objects")
    labels = [shorten(name) for name in per_class]
    left.set_yticks(range(len(labels)), labels=labels, parse_math=False)
    # The first class on top, as in tables.
    left.set_ylim(max(1, len(labels)) - 0.4, -0.6)
    return figure


def shorten(name: str, longest: int = _LONGEST_NAME) -> str:
    """The name, its end replaced by "…" where it has more letters."""
    return f"{name[:longest - 1]}…" if len(name) > longest else name


def plot_confusion(
    confusion: Mapping[str, Any], *, title: str = "Confusion"
) -> Figure:
    """Draws which class objects were taken for, darker the larger the share.

    Takes the `result()` of a `ConfusionMatrix`; `save_figure` writes it.
    """
    names = ["nothing", *map(shorten, confusion["names"][1:])]
    order = [*range(1, len(names)), 0]  # nothing comes last
    counts = np.array(confusion["counts"])[np.ix_(order, order)]
    labels = [names[k] for k in order]
    points = max(4.0, min(10.0, 250 / len(labels)))
    # Letters are about .6 as wide as high; names stand on two sides.
    names_inches = 0.6 * max(map(len, labels)) * points / _POINTS_PER_INCH
    side = 2.0 + names_inches + min(0.5 * len(labels), 8.0)
    figure = Figure(figsize=(side, side), layout="constrained")
    figure.suptitle(title, parse_math=False)
    panel = figure.subplots()
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    panel.imshow(share, cmap="Blues", vmin=0.0, vmax=1.0)
    if len(labels) <= _MAX_NUMBERED:
        for row, column in np.argwhere(counts):
            color = "white" if share[row, column] > 0.5 else "black"
            text = str(counts[row, column])
            panel.text(column, row, text, color=color, ha="center", va="center")
    ticks = range(len(labels))
    panel.set_yticks(ticks, labels=labels, fontsize=points, parse_math=False)
    panel.set_xticks(
        ticks, labels=labels, fontsize=points, parse_math=False, rotation=90
    )
    panel.set_ylabel("object")
    panel.set_xlabel(
        f"found with a score of at least {confusion['score_threshold']:g}"
    )
    return figure


def _stacked_bars(panel, classes, bars) -> None:
    start = np.zeros(len(classes))
    for key, label, color in bars:
        widths = [counts[key] for counts in classes]
        panel.barh(
            range(len(widths)), widths, left=start, color=color, label=label
        )
        start = start + widths
    panel.set_xlim(0, max(1, *start) * 1.02)
    panel.legend(
        loc="lower center",
        bbox_to_anchor=(0.5, 1.0),
        ncols=len(bars),
        fontsize=8,
        frameon=False,
        columnspacing=1.0,
        handlelength=1.0,
    )
    panel.grid(axis="x", alpha=0.3)
    panel.set_axisbelow(True)


def plot_anchor_coverage(
    coverage: Coverage, image_size: int, *, title: str = "Anchors"
) -> Figure:
    """Draws best IoU and anchors per object over size in pixels of the input.

    `image_size` is the side of that input.
    """
    sides = np.sqrt(np.prod(coverage.shapes, axis=1)) * image_size  # [N]
    figure = Figure(figsize=(10, 4.2), layout="constrained")
    figure.suptitle(title, parse_math=False)
    left, right = figure.subplots(1, 2)
    left.scatter(sides, coverage.best_iou, s=6, alpha=0.35, color="#56b4e9")
    left.axhline(0.5, color="#d55e00", linewidth=1)
    left.set(ylabel="IoU with the best anchor", ylim=(0, 1))
    right.scatter(sides, coverage.num_anchors, s=6, alpha=0.35, color="#009e73")
    right.set(ylabel="anchors assigned to the object", ylim=(0, None))
    for axes in (left, right):
        axes.set_xscale("log")
        axes.set_xticks(SIZE_BINS_PX, [str(size) for size in SIZE_BINS_PX])
        axes.minorticks_off()
        axes.set_xlabel("side of the object, sqrt(w h), pixels of the input")
        axes.grid(alpha=0.3)
    return figure
