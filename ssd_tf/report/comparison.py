"""The page that compares several runs."""

from collections.abc import Sequence
from typing import Any

from ssd_tf.durations import duration
from ssd_tf.report import page
from ssd_tf.report.facts import RunFacts
from ssd_tf.report.figures import figure_rows, mean, number
from ssd_tf.report.plots import plot_bars, plot_lines

# Where the data and the run lie does not make them differ.
_NOT_COMPARED = {"data_dir"}


def render_comparison(runs: Sequence[RunFacts]) -> str:
    """Several runs side by side as HTML: figures, curves, what differs."""
    names = [facts.name for facts in runs]
    sections = [
        _figures(runs, names),
        _curves(runs),
        _classes(runs, names),
        _differences(runs, names),
    ]
    return page.render(
        f"{len(runs)} runs compared",
        subtitle=", ".join(names),
        sections=[section for section in sections if section is not None],
    )


def _figures(runs, names) -> page.Section:
    measured = [facts.figures for facts in runs]
    rows = [
        *figure_rows(measured),
        (
            "pictures measured",
            *("–" if f is None else str(f["num_images"]) for f in measured),
        ),
        ("best evaluation", *(_best(facts) for facts in runs)),
        ("time spent", *(_spent(facts) for facts in runs)),
    ]
    parts = [page.table(rows, header=("", *names))]
    if len({_data(facts) for facts in runs}) > 1:
        parts.append(
            page.text(
                "The runs were evaluated on different data, so that their "
                "figures do not compare."
            )
        )
    return page.Section("figures", "Figures", parts)


def _best(facts: RunFacts) -> str:
    """Which it was, in few words: the figures above are of the last."""
    best = facts.best
    if best is None:
        return "–"
    ap = number(mean(best["coco"]))
    return f"step {best['step']}, COCO AP {ap}"


def _spent(facts: RunFacts) -> str:
    total = sum(facts.seconds.values())
    return duration(total) if total else "–"


def _data(facts: RunFacts) -> tuple[Any, ...]:
    count = facts.figures and facts.figures["num_images"]
    return facts.training.dataset, facts.training.eval_split, count


def _curves(runs) -> page.Section | None:
    def lines(log, key):
        return {
            facts.name: tuple(
                zip(*((e["step"], key(e)) for e in getattr(facts, log)))
            )
            for facts in runs
            if getattr(facts, log)
        }

    losses = lines("training_log", lambda e: e["loss"])
    precision = lines("evaluation_log", lambda e: e["mAP"])
    drawings = {}
    if precision:
        drawings["mAP@.5 over steps"] = plot_lines(
            precision, ylabel="mAP@.5", limit=1.0
        )
    if losses:
        drawings["loss over steps"] = plot_lines(losses, ylabel="loss")
    if not drawings:
        return None
    return page.Section("curves", "Training", [page.figures(drawings)])


def _classes(runs, names) -> page.Section | None:
    known = {facts.name: facts.figures["AP"] for facts in runs if facts.figures}
    if not any(known.values()):
        return None
    classes = list(dict.fromkeys(c for ap in known.values() for c in ap))
    rows = [
        (c, *(number(known.get(name, {}).get(c)) for name in names))
        for c in classes
    ]
    return page.Section(
        "classes",
        "Average precision of each class",
        [
            page.figures(
                {"AP by class": plot_bars(known, ylabel="AP at IoU .5")},
                is_wide=len(classes) > 6,
            ),
            page.table(rows, header=("class", *names)),
        ],
    )


def _differences(runs, names) -> page.Section:
    configs = [
        {**facts.detector.to_dict(), **facts.training.to_dict()}
        for facts in runs
    ]
    keys = [
        key
        for key in dict.fromkeys(key for config in configs for key in config)
        if key not in _NOT_COMPARED
        and len({repr(config.get(key)) for config in configs}) > 1
    ]
    rows = [
        (key, *(str(config.get(key, "–")) for config in configs))
        for key in keys
    ]
    part = (
        page.table(rows, header=("", *names))
        if rows
        else page.text("The runs have the same settings.")
    )
    return page.Section("settings", "Settings that differ", [part])
