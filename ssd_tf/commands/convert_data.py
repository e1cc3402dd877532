"""Write a folder of annotated images in another layout.

    --from=FOLDER --to=coco|voc|yolo|tfrecord

Any layout that training reads is written as any of these, its splits and every
box with it; boxes only, no masks. What a layout has no place for is said. The
output is a new folder, written whole or not at all.
"""

import os
import shlex

from absl import flags

from ssd_tf.commands.flag_groups import FlagGroup
from ssd_tf.data import sources, writers
from ssd_tf.data.sources import FolderSource
from ssd_tf.data.sources.divided_folder import DEFAULT_VAL_FRACTION
from ssd_tf.errors import InputError


def define_flags(values: flags.FlagValues) -> None:
    """Declares the flags."""
    group = FlagGroup(values, "convert")
    group.text("from", "Folder to read.", required=True)
    group.choice("to", writers.WRITERS, "Layout to write.")
    group.text("output_dir", "Folder to make (default: FROM_TO).")
    data = FlagGroup(values, "data")
    names = [name for name in sources.SOURCES if name.endswith("folder")]
    data.choice("dataset", names, "Layout of the folder to read.", "folder")
    data.items(
        "class_names",
        "Names of the classes in index order (default: those found).",
    )
    data.number(
        "val_fraction",
        "Part of the images of a folder without a split for evaluation that "
        f"becomes one, above 0, below 1 (default: {DEFAULT_VAL_FRACTION:g}).",
    )


def run(values: flags.FlagValues, arguments: list[str]) -> None:
    """Converts, and says what was written."""
    del arguments  # none
    folder = str(values["from"].value)
    if not values.to:
        raise InputError(
            f"--to is required: one of {', '.join(writers.WRITERS)}"
        )
    output = values.output_dir or (
        f"{os.path.abspath(os.path.expanduser(folder))}_{values.to}"
    )
    source = sources.build_source(
        values.dataset,
        data_dir=folder,
        class_names=tuple(values.class_names) if values.class_names else None,
        val_fraction=values.val_fraction,
    )
    assert isinstance(source, FolderSource)
    done = writers.convert_folder(source, writers.WRITERS[values.to], output)
    for note in done.notes:
        print(f"note: {note}")
    counts = ", ".join(f"{n} {count}" for n, count in done.num_images.items())
    print(
        f"{output}: {values.to}, {done.num_objects} objects in images of"
        f" {counts}\nnext:\n"
        f"  python -m ssd_tf validate --data_dir={shlex.quote(str(output))}"
    )
