"""Drawings of a training, and drawings as part of a page.

Those of an evaluation are in `ssd_tf.evaluation.plots`.
"""

import base64
import io
from collections.abc import Mapping, Sequence

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from ssd_tf.evaluation.plots import shorten, unknown_signs_allowed
from ssd_tf.evaluation.score_threshold import THRESHOLDS, ThresholdSweep

# Okabe and Ito's colours, for every kind of sight.
COLORS = (
    *("#0072b2", "#d55e00", "#009e73", "#cc79a7"),
    *("#e69f00", "#56b4e9", "#000000"),
)
# Of the names under bars, in letters.
_LONGEST_NAME = 20
# As wide as a column of the page; on a phone it is a little smaller.
_SIZE = (5.0, 3.2)
# Above it, a picture of pixels is smaller.
_MAX_SVG_BYTES = 250_000
_PNG_DPI = 160

Numbers = Sequence[float] | np.ndarray
Series = tuple[Numbers, Numbers]  # x, y


def data_uri(figure: Figure) -> str:
    """A figure as the value of `src`: SVG, or PNG where that is large."""
    for kind, options in (
        ("svg", {"metadata": {"Date": None}}),
        ("png", {"dpi": _PNG_DPI}),
    ):
        buffer = io.BytesIO()
        with matplotlib.rc_context({"svg.hashsalt": "ssd_tf"}):
            with unknown_signs_allowed():
                figure.savefig(buffer, format=kind, **options)
        if buffer.tell() <= _MAX_SVG_BYTES:
            break
    mime = {"svg": "image/svg+xml", "png": "image/png"}[kind]
    return f"data:{mime};base64,{base64.b64encode(buffer.getvalue()).decode()}"


def plot_lines(
    lines: Mapping[str, Series],
    *,
    ylabel: str,
    xlabel: str = "step",
    limit: float | None = None,
    log: bool = False,
) -> Figure:
    """One line for each name; points where there are few.

    Args:
      lines: x and y by name.
      limit: upper end of the y axis, which then begins at 0.
      log: the y axis is logarithmic, where anything is above 0.
    """
    figure = Figure(figsize=_SIZE, layout="constrained")
    panel = figure.subplots()
    for k, (name, (x, y)) in enumerate(lines.items()):
        panel.plot(
            x,
            y,
            label=name,
            color=COLORS[k % len(COLORS)],
            linestyle=("-", "--", ":")[k // len(COLORS) % 3],
            marker="o" if len(x) <= 20 else None,
            markersize=4,
            linewidth=1.6,
        )
    panel.set_xlabel(xlabel)
    panel.set_ylabel(ylabel, parse_math=False)
    if limit is not None:
        panel.set_ylim(0, limit)
    if log and any(np.any(np.asarray(y) > 0) for _, y in lines.values()):
        panel.set_yscale("log")
    _finish(panel)
    return figure


def plot_thresholds(sweep: ThresholdSweep, best: float | None) -> Figure:
    """Precision, recall and F1 over the score threshold; the best marked."""
    figure = plot_lines(
        {
            name: (THRESHOLDS, getattr(sweep, key))
            for name, key in (
                ("precision", "precision"),
                ("recall", "recall"),
                ("F1", "f1"),
            )
        },
        xlabel="score threshold",
        ylabel="of all classes together",
        limit=1.05,
    )
    if best is not None:
        panel = figure.axes[0]
        panel.axvline(best, color="#555555", linewidth=1, linestyle="--")
        side = "left" if best < 0.7 else "right"
        panel.annotate(
            f"best F1 at {best:.2f}",
            (best, 0.03),
            xytext=(4 if side == "left" else -4, 0),
            textcoords="offset points",
            ha=side,
        )
    return figure


def plot_bars(values: Mapping[str, Mapping[str, float]], *, ylabel: str):
    """Groups of bars: {name of a run: {name of a bar: height}}."""
    names = list(dict.fromkeys(name for run in values.values() for name in run))
    width = 0.8 / max(1, len(values))
    figure = Figure(
        figsize=(max(_SIZE[0], 0.35 * len(names) * max(2, len(values))), 3.4),
        layout="constrained",
    )
    panel = figure.subplots()
    for k, (run, heights) in enumerate(values.items()):
        panel.bar(
            np.arange(len(names)) + k * width,
            [heights.get(name, 0.0) for name in names],
            width,
            color=COLORS[k % len(COLORS)],
            label=run,
        )
    middle = (len(values) - 1) * width / 2
    panel.set_xticks(
        np.arange(len(names)) + middle,
        [shorten(name, _LONGEST_NAME) for name in names],
        rotation=30 if len(names) > 4 else 0,
        ha="right" if len(names) > 4 else "center",
        parse_math=False,
    )
    panel.set_ylabel(ylabel)
    _finish(panel)
    return figure


def _finish(panel) -> None:
    panel.grid(alpha=0.3)
    panel.set_axisbelow(True)
    panel.spines[["top", "right"]].set_visible(False)
    handles, labels = panel.get_legend_handles_labels()
    if len(labels) > 1:
        legend = panel.legend(fontsize=8, frameon=False)
        for text in legend.get_texts():
            text.set_parse_math(False)
