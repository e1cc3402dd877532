"""The file that describes a YOLO data set: names of classes, and splits."""

import os
import pathlib
from collections.abc import Callable, Iterable, Sequence
from typing import Any, NamedTuple

import yaml

from ssd_tf.data.sources.base import fault_of_name
from ssd_tf.data.sources.folder_files import FolderFiles, name_of, suffix
from ssd_tf.data.sources.split_names import is_split_name
from ssd_tf.data.sources.voc_splits import read_lines
from ssd_tf.errors import InputError

_USUAL = ("data.yaml", "dataset.yaml", "data.yml", "dataset.yml")
_NAMES_FILES = ("classes.txt", "obj.names", "predefined_classes.txt")
_SPLITS = ("train", "val", "valid", "validation", "test", "minival")


class Description(NamedTuple):
    """What a data set says of itself.

    Attributes:
      path: of the file, from the root; "" without one.
      names: of the classes by index; empty where it does not tell.
      splits: their entries as written: folders of images, or lists.
      places: folders from which entries may be meant, absolute.
      has_keypoints: labels have keypoints behind the boxes.
    """

    path: str = ""
    names: tuple[str, ...] = ()
    splits: dict[str, list[str]] = {}
    places: tuple[str, ...] = ()
    has_keypoints: bool = False


def find_yaml(files: FolderFiles) -> str | None:
    """The YAML file that has names and a split; None without one.

    Raises:
      InputError: there are several that are called otherwise.
    """
    found = []
    for path in files.with_suffix(".yaml", ".yml"):
        try:
            content = _load(files.root / path)
        except InputError:
            if name_of(path).lower() not in _USUAL:
                continue
            return path  # It is told what is wrong with it.
        if "names" in content and any(name in content for name in _SPLITS):
            found.append(path)
    usual = [path for path in found if name_of(path).lower() in _USUAL]
    found = usual or found
    if len(found) > 1:
        depths = [path.count("/") for path in found]
        if depths.count(min(depths)) > 1:
            raise InputError(
                f"{files.root}: it could be described by"
                f" {' or '.join(found[:2])}; expected one such file"
            )
        found = [found[depths.index(min(depths))]]
    return found[0] if found else None


def read_description(files: FolderFiles) -> Description:
    """The description in a YAML file; else the names that a text lists.

    Raises:
      InputError: the file is broken.
    """
    path = find_yaml(files)
    if path is None:
        return _from_names(files)
    place = files.root / path
    content = _load(place)
    splits = {
        name: _entries(place, name, content[name])
        for name in _SPLITS
        if content.get(name)
    }
    folder = str(place.parent)
    own = content.get("path")
    places = [os.path.join(folder, own)] if isinstance(own, str) else []
    return Description(
        path,
        _names(place, content.get("names")),
        splits,
        tuple(dict.fromkeys([*places, folder, str(files.root)])),
        "kpt_shape" in content,
    )


def _from_names(files: FolderFiles) -> Description:
    texts = files.named(*_NAMES_FILES) + files.with_suffix(".names")
    for path in sorted(set(texts), key=lambda path: path.count("/")):
        names = tuple(read_lines(files.root / path))
        return Description(path, _checked(files.root / path, names))
    return Description()


def _load(path: pathlib.Path) -> dict[str, Any]:
    try:
        # Of this loader all is text: "no" is a name, too.
        content = yaml.load(path.read_bytes(), Loader=yaml.BaseLoader)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror}") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        why = " ".join(str(error).split())
        raise InputError(f"{path}: not valid YAML: {why}") from None
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected names, train and val; found none")
    return content


def _names(path: pathlib.Path, value: Any) -> tuple[str, ...]:
    names = value
    if isinstance(value, dict):
        try:
            numbers = sorted(map(int, value))
        except ValueError:
            numbers = []
        if numbers != list(range(len(value))):
            raise InputError(
                f"{path}: names must be numbered 0, 1, ...; got"
                f" {', '.join(map(str, value))}"
            )
        by_number = {int(key): name for key, name in value.items()}
        names = [by_number[number] for number in numbers]
    if not isinstance(names, list) or not all(
        isinstance(name, str) for name in names
    ):
        raise InputError(f"{path}: names must be a list of names")
    return _checked(path, tuple(name.strip() for name in names))


def _checked(path: pathlib.Path, names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if fault := "a class has no name" if not name else fault_of_name(name):
            raise InputError(f"{path}: {fault}")
    return names


def _entries(path: pathlib.Path, name: str, value: Any) -> list[str]:
    entries = value if isinstance(value, list) else [value]
    if not all(isinstance(entry, str) for entry in entries):
        raise InputError(f"{path}: {name} must be a folder, a list or several")
    return entries


def resolve(
    entry: str, places: Sequence[str], is_there: Callable[[str], bool]
) -> str | None:
    """The path that an entry means, of this machine or another.

    It is looked for from each of the places; then with parts at its beginning
    left out, as in "../train/images" and "/content/data/train/images", but not
    the name of a split. What lies in the last place, which is the data set's
    folder, goes first.
    """
    entry = entry.strip().replace("\\", "/").rstrip("/")
    found = [p for p in _candidates(entry, places) if is_there(p)]
    root = os.path.join(os.path.normpath(places[-1]), "")
    inside = [path for path in found if os.path.join(path, "").startswith(root)]
    return next(iter(inside or found), None)


def _candidates(entry: str, places: Sequence[str]) -> Iterable[str]:
    for place in places:
        yield os.path.normpath(os.path.join(place, entry))
    parts = [part for part in entry.split("/") if part not in ("", ".", "..")]
    names = [i for i, part in enumerate(parts) if is_split_name(part)]
    for start in range(names[-1] + 1 if names else len(parts)):
        yield os.path.normpath(os.path.join(places[-1], *parts[start:]))


def is_list(entry: str) -> bool:
    """True for an entry that names a text of image paths."""
    return suffix(entry.strip()) == ".txt"
