"""List the weights that other projects published.

Each name is a value of `train --init_weights=` and of `convert --from=`, which
fetch the file. Where there is no network, or the address is a page, the file
is to be put by hand where the list says.
"""

import json

from absl import flags

from ssd_tf.commands.flag_groups import FlagGroup
from ssd_tf.weights import download
from ssd_tf.weights.published import PUBLISHED, PublishedWeights

_CLASSES = {
    "voc": "VOC, 20",
    "coco": "COCO, 80",
    "coco_ids": "COCO, 80 of 90 ids",
    "imagenet": "none (backbone)",
}
_NONE_STATED = "none stated"


def define_flags(values: flags.FlagValues) -> None:
    """Declares the flags."""
    group = FlagGroup(values, "list")
    group.switch("markdown", "Print a table in Markdown.")
    group.switch("json", "Print one JSON line for each.")


def run(values: flags.FlagValues, arguments: list[str]) -> None:
    """Prints the list."""
    del arguments  # none
    if values.json:
        print(_json_lines())
    elif values.markdown:
        print(markdown())
    else:
        print(_text())


def markdown() -> str:
    """The table of docs/weights.md."""
    lines = [
        "| name | classes | published | licence | file |",
        "|---|---|---|---|---|",
    ]
    for name, entry in PUBLISHED.items():
        cells = (
            f"`{name}`",
            _CLASSES[entry.classes],
            _figure(entry) or "–",
            entry.licence or _NONE_STATED,
            f"[{entry.file}]({entry.url}){' by hand' * entry.by_hand}",
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _text() -> str:
    blocks = []
    for name, entry in PUBLISHED.items():
        source = f"github.com/{entry.project}, licence: " + (
            entry.licence or _NONE_STATED
        )
        classes = f"classes: {_CLASSES[entry.classes]}"
        figure = _figure(entry)
        blocks.append(
            f"{name}\n"
            f"  {source}\n"
            f"  {classes}{f'; published: {figure}' if figure else ''}\n"
            f"  {'page' if entry.by_hand else 'file'}: {entry.url}\n"
            f"  by hand: {download.cache_folder() / entry.file}"
            f"{' (there)' if download.is_there(entry) else ''}"
        )
    return "\n".join(blocks)


def _json_lines() -> str:
    return "\n".join(
        json.dumps(
            {
                "name": name,
                "source": f"https://github.com/{entry.project}",
                "licence": entry.licence or None,
                "classes": entry.classes,
                "ap": entry.ap,
                "metric": entry.metric or None,
                "url": entry.url,
                "sha256_begins": entry.sha256 or None,
                "by_hand": entry.by_hand,
                "path": str(download.cache_folder() / entry.file),
                "is_there": download.is_there(entry),
            }
        )
        for name, entry in PUBLISHED.items()
    )


def _figure(entry: PublishedWeights) -> str:
    return "" if entry.ap is None else f"{entry.ap:g} {entry.metric}"
