"""Arguments of the commands that read a data set."""

import argparse

from ssd_tf.data import registry
from ssd_tf.data.source import Source


def add_data_arguments(
    parser: argparse.ArgumentParser,
    *,
    default_split: str = "the one to train on",
) -> None:
    """Declares --dataset, --data_dir, --split and --class_names.

    Args:
      parser: gets them.
      default_split: what the help says of it.
    """
    parser.add_argument(
        "--dataset", default="shapes", choices=list(registry.SOURCES)
    )
    parser.add_argument("--data_dir", help="folder of the data set")
    parser.add_argument(
        "--split", help=f"split to read (default: {default_split})"
    )
    parser.add_argument(
        "--class_names",
        help="names of a folder's classes, comma-separated "
        "(default: those found)",
    )


def build_source(arguments: argparse.Namespace) -> tuple[Source, str]:
    """The source and the split that the arguments ask for.

    Raises:
      InputError: the data cannot be used.
    """
    names = arguments.class_names
    source = registry.build_source(
        arguments.dataset,
        data_dir=arguments.data_dir,
        class_names=tuple(names.split(",")) if names else None,
    )
    return source, arguments.split or source.default_splits[0]
