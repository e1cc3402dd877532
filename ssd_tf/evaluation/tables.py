"""The table of a measurement, as text."""

from collections.abc import Mapping
from typing import Any

# Key of `ErrorBreakdown.result` -> title of its column.
ERROR_TITLES = {
    "correct": "correct",
    "wrong_class": "wrong class",
    "poor_localisation": "poor loc.",
    "duplicate": "duplicate",
    "background": "background",
    "missed": "missed",
}
_COLUMNS = ("AP", "COCO AP", "objects", "detections", *ERROR_TITLES.values())
_METHODS = {"area": "area under the curve", "voc07": "eleven points"}
_COCO_FIGURES = {
    "AP50": "AP50",
    "AP75": "AP75",
    "small": "AP_small",
    "medium": "AP_medium",
    "large": "AP_large",
}


def format_result(result: Mapping[str, Any], *, title: str) -> str:
    """A table with a row for each class, and the figures of the whole.

    `result` is from `Measurement.figures` or `Measurement.result`.
    """
    voc, coco, errors = result["voc"], result["coco"], result["errors"]
    rows = {"class": _COLUMNS}
    rows |= {name: _row(result, name) for name in voc["AP"]}
    rows["all"] = (
        mean_text(voc),
        mean_text(coco),
        sum(voc["num_objects"].values()),
        sum(voc["num_detections"].values()),
        *(errors["total"][key] for key in ERROR_TITLES),
    )
    for name in voc["absent_classes"]:
        rows[f"{name} (absent)"] = _row(result, name)
    width = max(map(len, rows))
    threshold = f"{voc['iou_threshold']:g}"
    coco_figures = (
        f"{name} {_figure(coco[key])}" for name, key in _COCO_FIGURES.items()
    )
    return "\n".join(
        [
            f"{title}: {voc['num_images']} images",
            f"AP at IoU {threshold}, {_METHODS[voc['method']]}; "
            f"errors at scores from {errors['score_threshold']:g} on",
            "",
            *(_line(name, row, width) for name, row in rows.items()),
            "",
            f"mAP@{threshold}  {mean_text(voc)}",
            "  ".join(["COCO AP", mean_text(coco), *coco_figures]),
            *_best_f1(result.get("best_f1")),
        ]
    )


def _best_f1(best: Mapping[str, Any] | None) -> list[str]:
    if best is None:  # nothing was found, or of an earlier version
        return []
    return [
        f"best F1  {best['f1']:.4f} at scores from "
        f"{best['score_threshold']:.2f} on: precision "
        f"{best['precision']:.4f}, recall {best['recall']:.4f}"
    ]


def _row(result: Mapping[str, Any], name: str) -> tuple[Any, ...]:
    voc, errors = result["voc"], result["errors"]["per_class"][name]
    return (
        _figure(voc["AP"].get(name)),
        _figure(result["coco"]["AP"].get(name)),
        voc["num_objects"][name],
        voc["num_detections"][name],
        *(errors[key] for key in ERROR_TITLES),
    )


def _line(name: str, cells, width: int) -> str:
    texts = (
        f"{cell:>{max(6, len(column))}}"
        for cell, column in zip(cells, _COLUMNS, strict=True)
    )
    return "  ".join([f"{name:<{width}}", *texts])


def mean_text(figures: Mapping[str, Any]) -> str:
    """The mean over the classes; none has no mean, which is 0 in JSON only."""
    return _figure(figures["mAP"]) if figures["AP"] else "none"


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
