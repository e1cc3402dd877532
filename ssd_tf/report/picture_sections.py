"""The sections of a report that show pictures, and the objects in them."""

import numpy as np

from ssd_tf.errors import InputError
from ssd_tf.evaluation.anchor_coverage import summarize
from ssd_tf.evaluation.plots import plot_anchor_coverage
from ssd_tf.report import page
from ssd_tf.report.examples import choose_examples, draw_examples
from ssd_tf.report.facts import RunFacts


def pictures_section(
    facts: RunFacts, *, score_threshold: float
) -> page.Section:
    """The best, the worst and the most confidently wrong pictures."""
    names, images = facts.class_names, facts.images
    chosen = choose_examples(images, names, score_threshold=score_threshold)
    positions = sorted({e.position for some in chosen.values() for e in some})
    wanted = [images[position] for position in positions]
    parts = [
        page.text(
            "Left what is there, right what is found at scores from "
            f"{score_threshold:.2f} on.",
            is_note=True,
        )
    ]
    pixels, reason = _read(facts, [image.position for image in wanted])
    sizes = {image.image_id: image.size for image in wanted}
    pixels = {
        name: picture
        for name, picture in pixels.items()
        if picture.shape[:2] == sizes.get(name)
    }
    missing = [i.image_id for i in wanted if i.image_id not in pixels]
    drawn = draw_examples(
        [image for image in wanted if image.image_id in pixels],
        pixels,
        names,
        score_threshold=score_threshold,
    )
    if missing:
        parts.append(page.text(f"Pictures are missing: {reason}"))
    for title, examples in chosen.items():
        items = [(images[e.position].image_id, e.caption) for e in examples]
        parts.append(
            page.pairs(
                title,
                [
                    {
                        "name": name,
                        "caption": caption,
                        "truth": drawn[name][0],
                        "found": drawn[name][1],
                    }
                    for name, caption in items
                    if name in drawn
                ],
            )
        )
        lost = [(n, c) for n, c in items if n not in drawn]
        if lost:
            parts.append(page.table(lost))
    return page.Section("pictures", "Pictures to look at", parts)


def _read(facts: RunFacts, positions) -> tuple[dict[str, np.ndarray], str]:
    """Pixels by image id, and why some are missing."""
    if facts.read_pictures is None:
        return {}, "the run has not kept where they are"
    try:
        pixels = facts.read_pictures(positions)
    except InputError as error:
        return {}, str(error)
    return pixels, "the data are not those that were evaluated"


def anchors_section(facts: RunFacts) -> page.Section | None:
    """Sizes of the objects to train on against the anchors."""
    coverage = facts.coverage
    if coverage is None or not len(coverage.best_iou):
        return None
    size = facts.detector.image_size
    summary = summarize(coverage, size)
    rows = [
        ("{}–{} px".format(*row["size_px"]), row) for row in summary["sizes"]
    ]
    rows.append(("all", summary))
    return page.Section(
        "anchors",
        "Sizes of objects against anchors",
        [
            page.figures(
                {
                    "objects by size": plot_anchor_coverage(
                        coverage, size, title=""
                    )
                },
                is_wide=True,
            ),
            page.table(
                [
                    (
                        *(name, row["objects"], row["without_anchor"]),
                        f"{row['anchors_mean']:.1f}",
                        f"{row['best_iou_median']:.2f}",
                        f"{row['recall']:.3f}",
                    )
                    for name, row in rows
                ],
                header=(
                    *("side in the input", "objects", "without anchor"),
                    *("anchors each", "median IoU", "IoU ≥ .5"),
                ),
            ),
            page.text(
                "Objects of the training split, before augmentation. "
                "`python -m ssd_tf anchors` proposes better anchors.",
                is_note=True,
            ),
        ],
    )
