"""Groups of flags, and those that several commands share."""

import functools
from collections.abc import Callable, Iterable
from typing import Any

from absl import flags

from ssd_tf import training
from ssd_tf.data import sources


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


def define_data_flags(
    values: flags.FlagValues, *, default_split: str = "the one to train on"
) -> None:
    """Declares --dataset, --data_dir, --split and --class_names."""
    data = FlagGroup(values, "data")
    data.choice("dataset", sources.SOURCES, "Data set.", "shapes")
    data.text("data_dir", "Folder of the data set.")
    data.text("split", f"Split to read (default: {default_split}).")
    data.items(
        "class_names",
        "Names of a folder's classes in index order, 1..C (default: those "
        "found).",
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
    """The source that --dataset, --data_dir and --class_names ask for.

    Raises:
      InputError: the data cannot be used.
    """
    return sources.build_source(
        values.dataset,
        data_dir=values.data_dir,
        class_names=tuple(values.class_names) if values.class_names else None,
    )
