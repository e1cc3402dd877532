"""Make a run directory of the weights of another project.

`evaluate`, `detect`, `export` and `train --init_weights=` take it like one that
was trained here. Files of seven projects are known by their content.
"""

import pathlib
import shlex

from absl import flags

from ssd_tf import console, training
from ssd_tf.commands.flag_groups import FlagGroup, dataset_of
from ssd_tf.data import sources
from ssd_tf.errors import InputError


def define_flags(values: flags.FlagValues) -> None:
    """Declares the flags."""
    convert = FlagGroup(values, "convert")
    convert.text(
        "from",
        "File of weights, or a name that `python -m ssd_tf weights` lists.",
        required=True,
    )
    convert.text("output", "Run directory to make.", required=True)
    convert.items(
        "classes",
        "Names of the classes in index order, without background, or a file "
        "with one a line (default: those of VOC or COCO, by their number).",
    )
    data = FlagGroup(values, "data")
    data.choice(
        "dataset",
        sources.SOURCES,
        "Data set to evaluate on, and for what else asks for data (default: "
        "folder where --data_dir is given, else none; `evaluate` has a flag of "
        "its own).",
    )
    data.text("data_dir", "Folder of the data set.")


def run(values: flags.FlagValues, arguments: list[str]) -> None:
    """Converts."""
    del arguments  # none
    config = training.convert(
        str(values["from"].value),
        values.output,
        class_names=_class_names(values.classes),
        dataset=dataset_of(values) if values.data_dir else values.dataset or "",
        data_dir=values.data_dir,
    )
    path = shlex.quote(values.output)
    print(
        f"{values.output}: ssd{config.image_size}_{config.backbone}, "
        f"{config.num_classes} classes\n"
        "next:\n"
        f"  python -m ssd_tf detect --model={path} IMAGE.jpg "
        "--output_dir=detections\n"
        f"  {console.sibling('export')} --run_dir={path} "
        "--export_dir=exports\n"
        f"  {console.sibling('train')} --init_weights={path} "
        "--data_dir=FOLDER"
    )


def _class_names(given: list[str] | None) -> list[str] | None:
    """The names, from the flag itself or from the file that it names."""
    if not given:
        return None
    path = pathlib.Path(given[0])
    if len(given) > 1 or not path.is_file():
        return [name.strip() for name in given]
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"--classes={path} cannot be read as text: {error}"
        ) from error
    return [line.strip() for line in lines if line.strip()]
