"""The sections of a report that tell how good a detector is."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ssd_tf.evaluation import Measurement
from ssd_tf.evaluation.confusion import ConfusionMatrix
from ssd_tf.evaluation.error_breakdown import SCORE_THRESHOLD
from ssd_tf.evaluation.plots import (
    plot_error_breakdown,
    plot_precision_recall,
)
from ssd_tf.evaluation.tables import ERROR_TITLES
from ssd_tf.report import page
from ssd_tf.report.facts import RunFacts
from ssd_tf.report.picture_sections import pictures_section
from ssd_tf.report.plots import plot_thresholds

# Of a matrix that is still read.
_MAX_CLASSES = 25
_MAX_CONFUSIONS = 30


def sections(facts: RunFacts, measurement: Measurement) -> list[page.Section]:
    """All that is told of the images of the last evaluation."""
    best = measurement.voc.threshold_sweep().best()
    threshold = best["score_threshold"] if best else SCORE_THRESHOLD
    confusion = ConfusionMatrix(facts.class_names, score_threshold=threshold)
    for image in facts.images:
        confusion.add(image.record(num_classes=len(facts.class_names)))
    return [
        _threshold(measurement),
        _precision_recall(measurement),
        _errors(measurement),
        _confusion(confusion),
        pictures_section(facts, score_threshold=threshold),
    ]


def _threshold(measurement: Measurement) -> page.Section:
    sweep = measurement.voc.threshold_sweep()
    best = sweep.best()
    if best is None:
        advice = "Nothing correct was found at any score."
    else:
        advice = (
            "Of all classes together F1 is best at scores from "
            f"{best['score_threshold']:.2f} on: precision "
            f"{best['precision']:.3f}, recall {best['recall']:.3f}. "
            f"`detect --score_threshold={best['score_threshold']:.2f}` "
            "shows these detections."
        )
    rows = []
    for name, one in measurement.voc.threshold_sweeps().items():
        own = one.best()
        cells: Sequence[str] = ("–",) * 4
        if own:
            cells = [f"{value:.2f}" for value in own.values()]
        rows.append((name, *cells))
    drawing = plot_thresholds(sweep, best["score_threshold"] if best else None)
    return page.Section(
        "threshold",
        "Which score to believe",
        [
            page.text(advice),
            page.figures({"precision, recall and F1 over score": drawing}),
            page.table(
                rows,
                header=("class", "threshold", "F1", "precision", "recall"),
                title="Best F1 of each class",
            ),
        ],
    )


def _precision_recall(measurement: Measurement) -> page.Section:
    drawing = plot_precision_recall(
        measurement.voc.curves(),
        average_precision=measurement.voc.result()["AP"],
        title="Precision over recall at IoU 0.5",
    )
    return page.Section(
        "precision_recall",
        "Precision and recall of each class",
        [
            page.figures(
                {"precision over recall by class": drawing}, is_wide=True
            )
        ],
    )


def _errors(measurement: Measurement) -> page.Section:
    voc, errors = measurement.voc.result(), measurement.errors.result()
    rows = [
        (
            name,
            f"{voc['AP'][name]:.3f}" if name in voc["AP"] else "–",
            counts["num_objects"],
            *(counts[key] for key in ERROR_TITLES),
        )
        for name, counts in (
            *errors["per_class"].items(),
            ("all", errors["total"]),
        )
    ]
    return page.Section(
        "errors",
        "Kinds of errors",
        [
            page.figures(
                {"outcomes by class": plot_error_breakdown(errors, title="")},
                is_wide=True,
            ),
            page.table(
                rows, header=("class", "AP", "objects", *ERROR_TITLES.values())
            ),
            page.text(
                "Counted at scores from "
                f"{errors['score_threshold']:g} on. A duplicate is a second "
                "detection of an object; poorly localised overlap an object "
                "of the class by .1 to .5.",
                is_note=True,
            ),
        ],
    )


def _confusion(confusion: ConfusionMatrix) -> page.Section:
    names, counts = confusion.class_names, confusion.counts
    note = page.text(
        "Rows are objects, columns what they were taken for, at scores from "
        f'{confusion.score_threshold:.2f} on; "nothing" are objects that '
        "were missed, and detections where no object is.",
        is_note=True,
    )
    if len(names) > _MAX_CLASSES:
        part = _most_confused(names, counts)
    else:
        order = [*range(1, len(counts)), 0]
        labels = [*names, "nothing"]
        rows = []
        for label, i in zip(labels, order, strict=True):
            total = max(1, counts[i].sum())
            rows.append(
                (
                    label,
                    *(_shaded(counts[i, k], total, i == k) for k in order),
                )
            )
        part = page.table(rows, header=("", *labels))
    return page.Section("confusion", "Confusion between classes", [part, note])


def _shaded(count: int, total: int, is_right: bool) -> dict[str, str]:
    """A cell, darker the larger its share of the row."""
    color = "0, 158, 115" if is_right else "213, 94, 0"
    share = 0.7 * count / total
    text = str(count) if count else "·"
    return {"text": text, "color": f"rgba({color}, {share:.2f})"}


def _most_confused(names, counts: np.ndarray) -> dict[str, Any]:
    labels = ("nothing", *names)
    wrong = counts.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(-wrong, axis=None, kind="stable")[:_MAX_CONFUSIONS]
    rows = [
        (labels[i], labels[k], wrong[i, k])
        for i, k in zip(*np.unravel_index(order, wrong.shape))
        if wrong[i, k]
    ]
    return page.table(
        rows,
        header=("object", "taken for", "times"),
        title=f"The {len(rows)} most frequent of {len(names)} classes",
    )
