"""Report how the anchors cover a data set; propose better ones.

Prints a table by object size: how many objects some anchor overlaps by half
(recall), how many anchors the matcher gives an object, and how many objects
get none.
"""

import json

from absl import flags
from tqdm.auto import tqdm

from ssd_tf import PRESETS, DetectorConfig, matchers, training
from ssd_tf.commands.flag_groups import (
    FlagGroup,
    build_source,
    define_data_flags,
    define_matcher_params,
)
from ssd_tf.data.sources import cached_objects
from ssd_tf.errors import InputError
from ssd_tf.evaluation import anchor_coverage, anchor_proposal
from ssd_tf.evaluation.plots import plot_anchor_coverage, save_figure

# Recall below which other sizes and ratios are looked for.
_GOOD_RECALL = 0.98


def define_flags(values: flags.FlagValues) -> None:
    """Declares the flags."""
    define_data_flags(values)
    detector = FlagGroup(values, "detector")
    detector.choice("preset", PRESETS, "Detector.", "ssd300_tiny")
    detector.choice(
        "matcher", sorted(matchers.MATCHERS), "Label assignment.", "ssd"
    )
    define_matcher_params(detector)
    report = FlagGroup(values, "report")
    report.text("plot", "Picture file to write.")
    report.switch("json", "Print JSON instead of a table.")
    report.switch(
        "propose", f"Propose anchors also where recall is above {_GOOD_RECALL}."
    )


def run(values: flags.FlagValues, arguments: list[str]) -> None:
    """Prints the report."""
    del arguments  # none
    source = build_source(values)
    split = values.split or source.default_splits[0]
    config = training.plan_detector(
        values.preset,
        source,
        matcher=values.matcher,
        matcher_params=values.matcher_params,
    )
    objects = cached_objects(source, split)
    coverage = anchor_coverage.measure_coverage(config, objects)
    if not len(coverage.best_iou):
        raise InputError(f"split {split!r} of {source.name} has no objects")
    summary = anchor_coverage.summarize(coverage, config.image_size)
    proposal = None
    if values.propose or summary["recall"] < _GOOD_RECALL:
        proposal = _propose(config, coverage, objects)
    if values.json:
        print(json.dumps({**summary, "proposal": proposal}))
    else:
        print(_table(summary, config, f"{source.name} {split}"))
        print(_advice(summary, proposal))
    if values.plot:
        figure = plot_anchor_coverage(
            coverage,
            config.image_size,
            title=f"{values.preset}, {values.matcher}, {source.name}",
        )
        save_figure(figure, values.plot)


def _propose(config: DetectorConfig, coverage, objects) -> dict | None:
    """The best proposal and its recall; None where none is better."""
    candidates = anchor_proposal.propose_configs(config, coverage.shapes)
    tried = [(config, coverage)]
    for candidate in tqdm(candidates, "try anchors", leave=False):
        found = anchor_coverage.measure_coverage(candidate, objects)
        tried.append((candidate, found))
    best, found = max(tried, key=lambda pair: pair[1].quality)
    if best is config:  # the first of equals
        return None
    return {
        "recall": found.recall,
        "min_sizes_px": best.min_sizes_px,
        "max_sizes_px": best.max_sizes_px,
        "aspect_ratios": best.aspect_ratios,
    }


def _table(summary, config: DetectorConfig, title: str) -> str:
    rows = [("{}-{} px".format(*r["size_px"]), r) for r in summary["sizes"]]
    rows.append(("all", summary))
    lines = [
        f"{title}: {summary['objects']} objects, {config.image_size} px input, "
        f"matcher {config.matcher}",
        f"{'object side':<14}{'objects':>8}{'no anchor':>11}{'anchors':>9}"
        f"{'IoU median':>12}{'IoU p10':>9}{'recall':>8}",
    ]
    lines += [
        f"{name:<14}{row['objects']:>8}{row['without_anchor']:>11}"
        f"{row['anchors_mean']:>9.1f}{row['best_iou_median']:>12.2f}"
        f"{row['best_iou_p10']:>9.2f}{row['recall']:>8.3f}"
        for name, row in rows
    ]
    return "\n".join(lines)


def _advice(summary, proposal) -> str:
    if proposal is None:
        return "the sizes and ratios of the preset fit these objects"
    return (
        f"better: recall {proposal['recall']:.3f} instead of "
        f"{summary['recall']:.3f} with\n"
        f"  --min_sizes_px={_join(proposal['min_sizes_px'])} "
        f"--max_sizes_px={_join(proposal['max_sizes_px'])} "
        f"--aspect_ratios='{';'.join(map(_join, proposal['aspect_ratios']))}'"
    )


def _join(values) -> str:
    return ",".join(f"{value:g}" for value in values)
