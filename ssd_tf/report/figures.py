"""The main figures of evaluations: as numbers, and as rows of a table."""

from collections.abc import Mapping, Sequence
from typing import Any

_COCO = {"AP50": "AP50", "AP75": "AP75"} | {
    f"AP {size}": f"AP_{size}" for size in ("small", "medium", "large")
}


def mean(figures) -> float | None:
    """The mean over the classes; None where no class has an object."""
    return figures["mAP"] if figures["AP"] else None


def number(value: float | None) -> str:
    """A figure between 0 and 1."""
    return "–" if value is None else f"{value:.3f}"


def figure_rows(
    evaluations: Sequence[Mapping[str, Any] | None],
) -> list[tuple[str, ...]]:
    """Rows of a title and the figure of each evaluation, if there is one."""

    def row(title, get):
        return title, *("–" if f is None else get(f) for f in evaluations)

    def best(key):
        return lambda figures: number((figures.get("best_f1") or {}).get(key))

    return [
        row("mAP@.5", lambda f: number(mean(f))),
        row("COCO AP", lambda f: number(mean(f["coco"]))),
        *(
            row(title, lambda f, key=key: number(f["coco"].get(key)))
            for title, key in _COCO.items()
        ),
        row("best F1", best("f1")),
        row("at scores from", best("score_threshold")),
        row("step", lambda f: str(f["step"])),
    ]
