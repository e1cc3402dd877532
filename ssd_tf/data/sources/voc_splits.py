"""Splits of a folder in the form of Pascal VOC: lists of names, or folders."""

import collections
import os
import pathlib
from collections.abc import Sequence

from ssd_tf.data.images import SUFFIXES
from ssd_tf.data.sources.folder_files import (
    FileFinder,
    FolderFiles,
    folders_of,
    name_of,
    stem_of,
    suffix,
    without_known_suffix,
)
from ssd_tf.data.sources.split_names import is_split_name
from ssd_tf.errors import InputError

# The second column of per-class sets: without, with, with difficult objects.
_CLASS_MARKS = ("-1", "1", "0")
_SETS, _MAIN = "ImageSets", "Main"
_NUM_TRIED = 20


def find_split_files(
    files: FolderFiles, annotations: FileFinder
) -> dict[str, str]:
    """Lists by split: those in ImageSets, else such as <split>.txt elsewhere.

    Raises:
      InputError: there are several folders ImageSets.
    """
    texts = files.with_suffix(".txt")
    sets = [path for path in texts if _SETS in folders_of(path)]
    main = [path for path in sets if folders_of(path)[-1] == _MAIN]
    flat = [path for path in sets if folders_of(path)[-1] == _SETS]
    found = main or flat
    if not found:
        found = [path for path in texts if _is_list(files, path, annotations)]
    by_name: dict[str, str] = {}
    for path in found:
        other = by_name.setdefault(stem_of(path), path)
        if other != path:
            raise InputError(
                f"{files.root}: two lists of one split, {other} and {path};"
                " expected one: give a folder further down as --data_dir"
            )
    return by_name


def _is_list(files: FolderFiles, path: str, annotations: FileFinder) -> bool:
    if not is_split_name(stem_of(path)):
        return False
    try:
        lines = read_lines(files.root / path)[:_NUM_TRIED]
    except InputError:
        return False
    return any(xmls_of(line, annotations)[1] for line in lines)


def find_split_folders(xmls: Sequence[str]) -> dict[str, list[str]]:
    """Annotations by the folder called like a split, where all have one."""
    found: dict[str, list[str]] = collections.defaultdict(list)
    for path in xmls:
        names = [name for name in folders_of(path) if is_split_name(name)]
        if not names:
            return {}
        found[names[0]].append(path)
    return dict(found)


def read_lines(path: pathlib.Path) -> list[str]:
    """The lines of a text that are not empty.

    Raises:
      InputError: it is no text, or cannot be read.
    """
    try:
        # Editors on Windows put a mark at the beginning.
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 text: {error}") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    lines = (line.strip() for line in text.splitlines())
    return [line for line in lines if line]


def xmls_of(line: str, annotations: FileFinder) -> tuple[str, list[str]]:
    """The annotation that a line of a list names.

    A line is an id, and may have spaces, a suffix, folders in front (of any
    machine), and the mark of a list for one class behind.

    Returns:
      The line without mark, and none, one or several paths.
    """
    *columns, mark = line.rsplit(maxsplit=1)
    if mark in _CLASS_MARKS and columns and not _find(line, annotations):
        found = _find(columns[0], annotations)
        if found or not columns[0].split()[1:]:
            return columns[0], found
    return line, _find(line, annotations)


def _find(entry: str, annotations: FileFinder) -> list[str]:
    path = entry.replace("\\", "/")
    if name_of(path) not in annotations:
        path = without_known_suffix(path, ".xml")
    return annotations.ending_like(path, name_of(path))


def image_named(entry: str) -> str:
    """The name of the image that a line of a list names; may be empty."""
    name = name_of(entry.replace("\\", "/"))
    return name if suffix(name) in SUFFIXES else ""


def folder_of_most(paths: Sequence[str]) -> str:
    """The folder in which most of the files lie."""
    counts = collections.Counter(os.path.dirname(path) for path in paths)
    return counts.most_common(1)[0][0] if counts else ""
