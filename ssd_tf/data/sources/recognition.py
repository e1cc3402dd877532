"""Which layout a folder has."""

import collections
import pathlib
from collections.abc import Mapping

from absl import logging

from ssd_tf.data.images import SUFFIXES
from ssd_tf.data.sources.folder import FolderSource
from ssd_tf.data.sources.folder_files import FolderFiles, name_of, suffix
from ssd_tf.errors import InputError

# Files that belong to no layout and tell nothing about pictures.
_ABOUT = ("readme", "license", "licence", "changelog", "notes", "citation")
_NUM_NAMED = 3


def recognise_folder(
    data_dir: str | None,
    class_names: tuple[str, ...] | None,
    layouts: Mapping[str, type[FolderSource]],
) -> FolderSource:
    """Opens a folder in the layout that it has, and says which and why.

    Raises:
      InputError: it has none of the layouts, or more than one.
    """
    if not data_dir:
        raise InputError("--dataset=folder needs --data_dir")
    files = FolderFiles(pathlib.Path(data_dir).expanduser())
    reasons = {name: kind.recognise(files) for name, kind in layouts.items()}
    found = {name: reason for name, reason in reasons.items() if reason}
    if not found and files.named("dataset_info.json"):
        raise InputError(
            f"{files.root}: it holds data sets of tensorflow_datasets; give"
            " --dataset=shapes or another of them"
        )
    if not found:
        raise InputError(
            f"{files.root}: no annotations are recognised: it has"
            f" {_describe(files)}; known layouts: {', '.join(layouts)}"
        )
    if len(found) > 1:
        described = " or ".join(f"{n} ({why})" for n, why in found.items())
        flags = " or ".join(f"--dataset={name}" for name in found)
        raise InputError(
            f"{files.root}: it could be {described}; say which: {flags}"
        )
    ((name, reason),) = found.items()
    logging.info("%s: read as %s: %s", files.root, name, reason)
    source = layouts[name](data_dir, class_names)
    _name_unexplained(source, files)
    return source


def _describe(files: FolderFiles) -> str:
    """The kinds of files that are there, the most frequent first."""
    counts = collections.Counter(suffix(p) or name_of(p) for p in files.paths)
    kinds = [f"{count} {kind}" for kind, count in counts.most_common(4)]
    return (
        f"{len(files.paths)} files ({', '.join(kinds)})" if kinds else "no file"
    )


def _name_unexplained(source: FolderSource, files: FolderFiles) -> None:
    paths = [
        path
        for path in files.paths
        if not name_of(path).lower().startswith(_ABOUT)
        and not source.explains(path)
    ]
    if not paths:
        return
    images = [path for path in paths if suffix(path) in SUFFIXES]
    named = [*images[:_NUM_NAMED], *(p for p in paths if p not in images)]
    more = len(paths) - len(named[:_NUM_NAMED])
    logging.warning(
        "%s: not used: %d images without an annotation, %d other files: %s%s",
        *(source.root, len(images), len(paths) - len(images)),
        ", ".join(named[:_NUM_NAMED]),
        f" and {more} more" if more else "",
    )
