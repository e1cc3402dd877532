"""Groups of flags, and those that several commands share."""

import functools
from collections.abc import Callable, Iterable
from typing import Any

from absl import flags

from ssd_tf import training
from ssd_tf.data import sources
from ssd_tf.data.sources.divided_folder import DEFAULT_VAL_FRACTION
from ssd_tf.data.usable_images import MAX_BAD_IMAGES

# Ends of descriptions.
OF_PRESET = " (default: the preset's)."
OF_RECIPE = " (default: the recipe's)."


class FlagGroup:
    """Declares flags that the help shows under one title."""

    def __init__(self, values: flags.FlagValues, title: str):
        self._group: dict[str, Any] = {
            "flag_values": values,
            "module_name": title,
        }

    def text(self, name: str, text: str, default=None, *, required=False):
        flags.DEFINE_string(
            name, default, text, required=required, **self._group
        )

    def items(self, name: str, text: str, default=None):
        flags.DEFINE_list(name, default, text, **self._group)

    def choice(self, name: str, known: Iterable[str], text: str, default=None):
        flags.DEFINE_enum(name, default, list(known), text, **self._group)

    def switch(self, name: str, text: str, default: bool | None = False):
        flags.DEFINE_bool(name, default, text, **self._group)

    def _bounded(
        self,
        define: Callable,
        name: str,
        text: str,
        default=None,
        *,
        lower_bound=None,
        upper_bound=None,
    ):
        bounds = {"lower_bound": lower_bound, "upper_bound": upper_bound}
        define(name, default, text, **bounds, **self._group)

    count = functools.partialmethod(_bounded, flags.DEFINE_integer)
    number = functools.partialmethod(_bounded, flags.DEFINE_float)


def define_dataset(data: FlagGroup, *, default: str | None = None) -> None:
    """Declares --dataset, --data_dir, --val_dir and --val_fraction.

    Args:
      data: the group.
      default: what the help says of a command that takes the data of a run.
    """
    data.choice(
        "dataset",
        sources.SOURCES,
        "Data set; folder recognises the layout of --data_dir (default: "
        f"{default or 'folder where --data_dir is given, else shapes'}).",
    )
    data.text(
        "data_dir",
        "Folder of the data set; for TFDS data sets the folder that holds them "
        f"(default: {default or '~/tensorflow_datasets'}).",
    )
    data.text(
        "val_dir",
        "Folder of the images to evaluate on, where --data_dir has none.",
    )
    data.number(
        "val_fraction",
        "Part of the images of a folder without a split for evaluation that "
        "is evaluated on, above 0, below 1; a hash of each file's content "
        f"chooses (default: {DEFAULT_VAL_FRACTION:g}).",
    )


def dataset_of(values: flags.FlagValues) -> str:
    """The data set that the flags ask for."""
    return values.dataset or ("folder" if values.data_dir else "shapes")


def define_data_flags(
    values: flags.FlagValues, *, default_split: str = "the one to train on"
) -> None:
    """Declares the flags of a data set, --split and --class_names."""
    data = FlagGroup(values, "data")
    define_dataset(data)
    data.text("split", f"Split to read (default: {default_split}).")
    data.items(
        "class_names",
        "Names of a folder's classes in index order, 1..C (default: those "
        "found).",
    )


def define_max_bad_images(data: FlagGroup) -> None:
    """Declares --max_bad_images."""
    data.number(
        "max_bad_images",
        "Largest share of a split's images, 0..1, that is left out because "
        "they are missing or cannot be decoded; more are an error.",
        MAX_BAD_IMAGES,
        lower_bound=0.0,
        upper_bound=1.0,
    )


def define_checkpoint(group: FlagGroup) -> None:
    """Declares --checkpoint."""
    group.choice(
        "checkpoint",
        training.CHECKPOINTS,
        "Weights of a run: those of its best evaluation (see train "
        "--best_metric), or the last (default: best).",
    )


def define_matcher_params(detector: FlagGroup) -> None:
    """Declares --matcher_params."""
    detector.text(
        "matcher_params",
        "Parameters of the matcher as key=value,... (default: the matcher's).",
        "",
    )


def build_source(values: flags.FlagValues) -> sources.Source:
    """The source that the flags of `define_dataset` and --class_names name.

    Raises:
      InputError: the data cannot be used.
    """
    return sources.build_source(
        dataset_of(values),
        data_dir=values.data_dir,
        class_names=tuple(values.class_names) if values.class_names else None,
        val_dir=values.val_dir,
        val_fraction=values.val_fraction,
    )
