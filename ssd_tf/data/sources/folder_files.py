"""The files below a folder, and which of them belong together."""

import os
import pathlib
from collections.abc import Iterable, Sequence

from ssd_tf.data.images import SUFFIXES
from ssd_tf.errors import InputError

# Folders beside the pictures whose files have the names of the pictures.
_NOT_PICTURES = ("mask", "segment", "trimap", "depth")
# What tools and archives leave behind.
_LEFT_BEHIND = ("__MACOSX", "__pycache__")


class FolderFiles:
    """The files below a folder: paths from there, with forward slashes.

    Hidden files and folders are left out. Links to folders are followed.

    Attributes:
      root: the folder.
      paths: of the files, sorted.
    """

    def __init__(self, root: pathlib.Path):
        """Looks through the folder; InputError where there is none."""
        if not root.is_dir():
            what = "is a file" if root.exists() else "folder is missing"
            raise InputError(f"{root}: {what}")
        self.root = root
        self.paths: tuple[str, ...] = tuple(sorted(_walk(str(root))))

    def with_suffix(self, *suffixes: str) -> list[str]:
        """The files that end like this, in any case."""
        return [path for path in self.paths if suffix(path) in suffixes]

    def images(self) -> list[str]:
        """The files that are images by their suffix."""
        return self.with_suffix(*SUFFIXES)

    def named(self, *names: str) -> list[str]:
        """The files with one of these names, in any folder and case."""
        return [path for path in self.paths if name_of(path).lower() in names]


def _walk(root: str) -> Iterable[str]:
    seen: set[str] = set()
    for folder, subfolders, names in os.walk(root, followlinks=True):
        place = os.path.realpath(folder)
        if place in seen:  # A link leads in a circle, or here twice.
            subfolders.clear()
            continue
        seen.add(place)
        subfolders[:] = sorted(name for name in subfolders if _is_seen(name))
        relative = os.path.relpath(folder, root).replace(os.sep, "/")
        prefix = "" if relative == "." else f"{relative}/"
        yield from (prefix + name for name in names if _is_seen(name))


def _is_seen(name: str) -> bool:
    return not name.startswith(".") and name not in _LEFT_BEHIND


def suffix(path: str) -> str:
    """The suffix in small letters, with its dot; may be empty."""
    return os.path.splitext(path)[1].lower()


def name_of(path: str) -> str:
    """The last part of a path."""
    return path.rpartition("/")[2]


def stem_of(path: str) -> str:
    """The name without its suffix."""
    return os.path.splitext(name_of(path))[0]


def folders_of(path: str) -> list[str]:
    """The folders on the way to a file."""
    return path.split("/")[:-1]


def without_known_suffix(path: str, *more: str) -> str:
    """A path without the suffix of an image, or one of more."""
    stem, end = os.path.splitext(path)
    return stem if end.lower() in (*SUFFIXES, *more) else path


def common_end(path: str, other: str) -> int:
    """The number of parts, from the last on, in which two paths agree."""
    count = 0
    for a, b in zip(reversed(path.split("/")), reversed(other.split("/"))):
        if a != b:
            break
        count += 1
    return count


class FileFinder:
    """Files by their names, wherever they lie."""

    def __init__(self, paths: Iterable[str]):
        """Takes paths as of `FolderFiles`."""
        self._by_stem: dict[str, list[str]] = {}
        for path in paths:
            self._by_stem.setdefault(stem_of(path), []).append(path)

    def __contains__(self, stem: str) -> bool:
        return stem in self._by_stem

    def stems(self) -> Iterable[str]:
        """The names without suffix."""
        return self._by_stem.keys()

    def with_stem(self, stem: str) -> Sequence[str]:
        """The files of a name without suffix."""
        return self._by_stem.get(stem, ())

    def ending_like(self, path: str, stem: str) -> list[str]:
        """The files of a stem that agree best with the end of a path.

        `path` has no suffix: "sub/x" is "labels/sub/x.txt" rather than
        "labels/x.txt". Several where more than one agree equally well.
        """
        found = self.with_stem(stem)
        if len(found) < 2:
            return list(found)
        counts = [common_end(os.path.splitext(p)[0], path) for p in found]
        return [p for p, n in zip(found, counts) if n == max(counts)]

    def images_of(
        self, annotation: str, *, file_name: str = "", stem: str = ""
    ) -> list[str]:
        """The image that a file of annotations belongs to.

        That is the one of its own name (or `stem`): of several one with the
        `file_name` that the annotations tell, none in a folder of masks, the
        one in the folder that is called most alike, and of the usual suffix.
        Without any, the one with that `file_name`.

        Returns:
          none, one, or several between which nothing decides.
        """
        found = list(self.with_stem(stem or stem_of(annotation)))
        if not found and file_name:
            found = [
                path
                for path in self.with_stem(stem_of(file_name))
                if name_of(path) == file_name
            ]
        folders = folders_of(annotation)

        def likeness(path: str) -> tuple:
            own = folders_of(path)
            return (
                name_of(path) == file_name,
                not any(w in f.lower() for f in own for w in _NOT_PICTURES),
                own == folders,
                len(set(own) & set(folders)),
            )

        best = max(map(likeness, found), default=None)
        found = [path for path in found if likeness(path) == best]
        if len({tuple(folders_of(path)) for path in found}) > 1:
            return found
        return sorted(found, key=lambda p: SUFFIXES.index(suffix(p)))[:1]
