"""Figures as text."""

from collections.abc import Mapping
from typing import Any

_COLUMNS = (
    "AP",
    "COCO AP",
    "objects",
    "detections",
    "correct",
    "wrong class",
    "poor loc.",
    "duplicate",
    "background",
    "missed",
)
_COUNTS = (
    "correct",
    "wrong_class",
    "poor_localisation",
    "duplicate",
    "background",
    "missed",
)
_METHODS = {"area": "area under the curve", "voc07": "eleven points"}
_NO_FIGURE = "-"


def format_result(result: Mapping[str, Any], *, title: str) -> str:
    """A table of a `Measurement`, a row for each class.

    Args:
      result: from `Measurement.result`.
      title: what was measured.
    """
    voc, coco, errors = result["voc"], result["coco"], result["errors"]
    rows = {name: _row(result, name) for name in voc["AP"]}
    rows["all"] = [
        _figure(voc["mAP"]),
        _figure(coco["mAP"]),
        sum(voc["num_objects"].values()),
        sum(voc["num_detections"].values()),
        *(errors["total"][key] for key in _COUNTS),
    ]
    for name in voc["absent_classes"]:
        rows[f"{name} (absent)"] = _row(result, name)
    first = max(len(name) for name in rows)
    lines = [
        _line(name, row, first)
        for name, row in {"class": _COLUMNS, **rows}.items()
    ]
    coco_figures = "  ".join(
        f"{name} {_figure(coco[key])}"
        for name, key in (
            ("AP", "mAP"),
            ("AP50", "AP50"),
            ("AP75", "AP75"),
            ("small", "AP_small"),
            ("medium", "AP_medium"),
            ("large", "AP_large"),
        )
    )
    return "\n".join(
        [
            f"{title}: {voc['num_images']} images",
            f"AP at IoU {voc['iou_threshold']:g}, {_METHODS[voc['method']]}; "
            f"errors at scores from {errors['score_threshold']:g} on",
            "",
            *lines,
            "",
            f"mAP@{voc['iou_threshold']:g}  {_figure(voc['mAP'])}",
            f"COCO     {coco_figures}",
        ]
    )


def _row(result: Mapping[str, Any], name: str) -> list[Any]:
    voc, errors = result["voc"], result["errors"]["per_class"][name]
    return [
        _figure(voc["AP"].get(name)),
        _figure(result["coco"]["AP"].get(name)),
        voc["num_objects"][name],
        voc["num_detections"][name],
        *(errors[key] for key in _COUNTS),
    ]


def _line(name: str, cells, width: int) -> str:
    texts = (
        f"{cell:>{max(6, len(column))}}"
        for cell, column in zip(cells, _COLUMNS, strict=True)
    )
    return "  ".join([f"{name:<{width}}", *texts])


def _figure(value: float | None) -> str:
    return _NO_FIGURE if value is None else f"{value:.4f}"
