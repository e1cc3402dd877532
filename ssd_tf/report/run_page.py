"""The page of one run."""

import json
import shlex
from typing import Any

from ssd_tf.durations import duration
from ssd_tf.evaluation import Measurement
from ssd_tf.report import evaluation_sections, page
from ssd_tf.report.facts import RunFacts
from ssd_tf.report.figures import figure_rows, mean, number
from ssd_tf.report.picture_sections import anchors_section
from ssd_tf.report.plots import plot_lines

_NOT_KEPT = (
    "The run has not kept what its last evaluation found: it is not finished, "
    "or of an earlier version. `python -m ssd_tf evaluate --model=RUN "
    "--output_dir=FOLDER` measures it again."
)


def render_run(facts: RunFacts) -> str:
    """The report of a run as HTML; it says what the run has not kept."""
    sections = [_what(facts), _curves(facts), _best_and_last(facts)]
    if facts.images:
        measurement = Measurement(facts.class_names)
        for image in facts.images:
            measurement.add(image)
        sections += evaluation_sections.sections(facts, measurement)
    elif facts.figures:
        sections.append(
            page.Section("evaluation", "Evaluation", [page.text(_NOT_KEPT)])
        )
    sections.append(anchors_section(facts))
    sections += [_time(facts), _settings(facts)]
    return page.render(
        f"Report of {facts.name}",
        subtitle=_subtitle(facts),
        tiles=headline_tiles(facts.figures),
        sections=[section for section in sections if section is not None],
    )


def headline_tiles(figures) -> list[dict[str, str]]:
    """The figures that are seen first; none before an evaluation."""
    if not figures:
        return []
    best = figures.get("best_f1")
    tiles = [
        page.tile("mAP@.5", number(mean(figures)), "area under the curve"),
        page.tile("COCO AP", number(mean(figures["coco"])), "IoU .5 to .95"),
    ]
    if best:
        tiles.append(
            page.tile(
                "best F1",
                number(best["f1"]),
                f"at scores from {best['score_threshold']:.2f} on",
            )
        )
    return [
        *tiles,
        page.tile("pictures measured", str(figures["num_images"])),
        page.tile("steps", str(figures["step"])),
    ]


def _subtitle(facts: RunFacts) -> str:
    if facts.result is None:
        return "not finished; figures are those of the last evaluation, if any"
    best, last = facts.best, facts.figures
    if best is None or last is None or best["step"] == last["step"]:
        return ""
    return (
        f"figures are those of the last evaluation, step {last['step']}; the "
        f"best was at step {best['step']}"
    )


def _what(facts: RunFacts) -> page.Section:
    train, detector = facts.training, facts.detector
    counts = facts.starts[-1].get("images", {}) if facts.starts else {}

    def split(name: str) -> str:
        return f"{name}, {counts[name]} images" if name in counts else name

    rows: dict[str, Any] = {
        "data": " ".join(filter(None, [train.dataset, train.data_dir])),
        "trained on": split(train.train_split),
        "evaluated on": split(train.eval_split),
        "classes": f"{detector.num_classes}: {', '.join(facts.class_names)}",
        "detector": f"{detector.backbone}, {detector.image_size} px, "
        f"matcher {detector.matcher}",
        "first weights": train.init_weights,
        "recipe": f"{train.recipe or 'own'}: {train.steps} steps of "
        f"{train.batch_size} images, {train.optimizer}, "
        f"learning rate {train.learning_rate:g}, "
        f"augmentation {train.augmentation}",
    }
    parts = [page.table(list(rows.items()))]
    for start in facts.starts:
        if start.get("command"):
            parts += [
                page.text(
                    f"{start.get('started_utc', '')}, from step "
                    f"{start.get('step', 0)} on {start.get('devices', '')}",
                    is_note=True,
                ),
                page.code(shlex.join(start["command"])),
            ]
    return page.Section("what", "What was trained on what", parts)


def _curves(facts: RunFacts) -> page.Section | None:
    lines, evaluations = facts.training_log, facts.evaluation_log
    if not lines and not evaluations:
        return None

    def series(log, *keys):
        points = []
        for line in log:
            value: Any = line
            for key in keys:
                value = value.get(key) if isinstance(value, dict) else None
            if value is not None:
                points.append((line["step"], value))
        return tuple(zip(*points)) if points else ((), ())

    drawings = {}
    if lines:
        drawings["losses over steps"] = plot_lines(
            {
                "total": series(lines, "loss"),
                "classification": series(lines, "classification"),
                "localisation": series(lines, "localisation"),
            },
            ylabel="loss",
        )
        drawings["learning rate over steps"] = plot_lines(
            {"learning rate": series(lines, "learning_rate")},
            ylabel="learning rate",
        )
    if evaluations:
        drawings["mean average precision over steps"] = plot_lines(
            {
                "mAP@.5": series(evaluations, "mAP"),
                "COCO AP": series(evaluations, "coco", "mAP"),
            },
            ylabel="on the evaluation split",
            limit=1.0,
        )
    if any("gradient_norm" in line for line in lines):
        drawings["norm of the gradient over steps"] = plot_lines(
            {"gradient": series(lines, "gradient_norm")},
            ylabel="norm of the gradient",
            log=True,
        )
    return page.Section("curves", "Training", [page.figures(drawings)])


def _best_and_last(facts: RunFacts) -> page.Section | None:
    """Both evaluations beside one another, where they are not the same."""
    best, last = facts.best, facts.figures
    if best is None or last is None or best["step"] == last["step"]:
        return None
    metric = (facts.result or {}).get("best_metric", "")
    return page.Section(
        "best",
        "The best evaluation beside the last",
        [
            page.text(
                f"The best, by {metric}, is that of the weights in best/ that "
                "detect, evaluate, export and demo take; --checkpoint=last "
                "takes the last. All else on this page is of the last."
            ),
            page.table(
                figure_rows([best, last]),
                header=(
                    "",
                    f"best, step {best['step']}",
                    f"last, step {last['step']}",
                ),
            ),
        ],
    )


def _time(facts: RunFacts) -> page.Section | None:
    total = sum(facts.seconds.values())
    if not total:
        return None
    rows = [
        (name, duration(seconds), f"{seconds / total:.1%}")
        for name, seconds in facts.seconds.items()
    ]
    rows.append(("all", duration(total), ""))
    return page.Section(
        "time",
        "Time spent",
        [page.table(rows, header=("on", "time", "share"))],
    )


def _settings(facts: RunFacts) -> page.Section:
    parts = [
        page.details(title, json.dumps(config.to_dict(), indent=2))
        for title, config in (
            ("detector", facts.detector),
            ("training", facts.training),
        )
    ]
    versions = facts.starts[-1].get("versions") if facts.starts else None
    if versions:
        parts.append(page.details("versions", json.dumps(versions, indent=2)))
    return page.Section("settings", "All settings", parts)
