"""Groups of flags, and those that several commands share."""

from typing import Any

from absl import flags

from ssd_tf.data import sources


def flag_group(values: flags.FlagValues, title: str) -> dict[str, Any]:
    """Arguments for absl's DEFINE functions: the set, and the group's title."""
    return {"flag_values": values, "module_name": title}


def define_data_flags(
    values: flags.FlagValues, *, default_split: str = "the one to train on"
) -> None:
    """Declares --dataset, --data_dir, --split and --class_names.

    Args:
      values: gets them.
      default_split: what the help says of it.
    """
    data = flag_group(values, "data")
    flags.DEFINE_enum(
        "dataset", "shapes", list(sources.SOURCES), "Data set.", **data
    )
    flags.DEFINE_string("data_dir", None, "Folder of the data set.", **data)
    flags.DEFINE_string(
        "split", None, f"Split to read (default: {default_split}).", **data
    )
    flags.DEFINE_list(
        "class_names",
        None,
        "Names of a folder's classes in index order, 1..C (default: those "
        "found).",
        **data,
    )


def build_source(values: flags.FlagValues) -> tuple[sources.Source, str]:
    """The source and the split that the flags ask for.

    Raises:
      InputError: the data cannot be used.
    """
    source = sources.build_source(
        values.dataset,
        data_dir=values.data_dir,
        class_names=tuple(values.class_names) if values.class_names else None,
    )
    return source, values.split or source.default_splits[0]
