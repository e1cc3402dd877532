"""Folders without a split for evaluation: one is made, or another folder is."""

import abc
import hashlib
import os
import pathlib
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from absl import logging

from ssd_tf.data.sources.base import RawImage, RawObject, Source
from ssd_tf.data.sources.folder import FolderSource
from ssd_tf.data.sources.rules import mark_repeats
from ssd_tf.data.sources.split_names import (
    find_eval_split,
    find_train_split,
    is_eval_name,
    is_train_name,
)
from ssd_tf.errors import InputError

DEFAULT_VAL_FRACTION = 0.2
_NAMES = ("train", "val")


class _Arranged(FolderSource, abc.ABC):
    """A layout whose images are arranged anew, as "train" and "val"."""

    def __init__(self, layout: FolderSource):
        self._layout = layout
        self.name = layout.name
        self.expected = layout.expected
        self.is_read_here_only = layout.is_read_here_only
        super().__init__(layout.root)

    def choose_classes(self, asked: tuple[str, ...]) -> tuple[str, ...]:
        return asked  # They are the layout's.

    @property
    def class_names(self) -> tuple[str, ...]:
        """Those of the layout."""
        return self._layout.class_names

    @property
    def category_ids(self) -> tuple[int, ...]:
        """Those of the layout."""
        return self._layout.category_ids

    def read_image(self, path):
        return self._layout.read_image(path)

    def unknown_class(self, raw: RawImage, item: RawObject) -> str:
        return self._layout.unknown_class(raw, item)

    def splits(self) -> tuple[str, ...]:
        return _NAMES

    def other_splits(self) -> tuple[str, ...]:
        return tuple(n for n in self._layout.splits() if n not in _NAMES)

    def where(self, split: str) -> pathlib.Path:
        if split in _NAMES:
            return self.root
        return self._layout.where(split)

    def read_split(self, split: str) -> Iterable[RawImage]:
        if split not in _NAMES:
            return self._layout.read_split(split)
        return self.read_side(split)

    @abc.abstractmethod
    def read_side(self, name: str) -> Iterable[RawImage]:
        """The images of "train" or "val"."""


class DividedFolder(_Arranged):
    """A layout whose images a hash of their content divides.

    The side of an image depends on its bytes and the fraction alone. So it is
    the same on every machine, images that are added move no other, and copies
    of one image are on one side.
    """

    def __init__(self, layout: FolderSource, val_fraction: float):
        """Takes the images of the training split, or else of all splits."""
        self.val_fraction = val_fraction
        names = layout.splits()
        found = find_train_split(names)
        self._pool = (found,) if found else tuple(filter(is_train_name, names))
        self._pool = self._pool or names
        self._places: dict[str, float] = {}
        super().__init__(layout)

    def splits(self) -> tuple[str, ...]:
        """The two, and those that are not divided."""
        rest = (n for n in self._layout.splits() if n not in self._pool)
        return *_NAMES, *(name for name in rest if name not in _NAMES)

    def read_side(self, name: str) -> Iterable[RawImage]:
        listed = (i for n in self._pool for i in self._layout.read_split(n))
        images = [
            raw for raw, is_repeat in mark_repeats(listed) if not is_repeat
        ]
        is_first = not self._places
        self._find_places(images)
        places = [self._places[raw.image_path] for raw in images]
        limit = _limit(places, self.val_fraction)
        chosen = [raw for raw, p in zip(images, places) if p <= limit]
        if is_first:
            logging.info(
                "%s: no split for evaluation; of %d images %d are evaluated on"
                " (--val_fraction=%g), chosen by a hash of their content: the"
                " same on every machine",
                *(self.root, len(images), len(chosen), self.val_fraction),
            )
        if name == "val":
            return chosen
        return [raw for raw, p in zip(images, places) if p > limit]

    def _find_places(self, images: Sequence[RawImage]) -> None:
        new = [raw for raw in images if raw.image_path not in self._places]
        with ThreadPoolExecutor() as pool:
            for raw, place in zip(new, pool.map(_place, new)):
                self._places[raw.image_path] = place


class FolderOfTwo(_Arranged):
    """A folder to train on and one to evaluate on, as one."""

    def __init__(self, layout: FolderSource, other: FolderSource):
        """Takes the split of each that its name says, or else all."""
        if layout.is_read_here_only != other.is_read_here_only:
            raise InputError(
                f"{layout.root} is a {layout.name} and {other.root} a"
                f" {other.name}; expected files of records in both or in none"
            )
        self.val_dir = os.path.abspath(other.root)
        self._sides = {
            "train": (layout, find_train_split(layout.splits())),
            "val": (other, find_eval_split(other.splits())),
        }
        super().__init__(layout)

    def where(self, split: str) -> pathlib.Path:
        return self._sides[split][0].root if split in _NAMES else self.root

    def read_side(self, name: str) -> Iterable[RawImage]:
        layout, split = self._sides[name]
        for part in [split] if split else layout.splits():
            yield from layout.read_split(part)


def _place(raw: RawImage) -> float:
    """A number in 0..1 that depends on nothing but the image's bytes."""
    try:
        content = raw.read()
    except OSError:  # It has a problem of its own.
        content = raw.image_id.encode(errors="replace")
    return int.from_bytes(hashlib.sha256(content).digest()[:8]) / 2**64


def _limit(places: Sequence[float], fraction: float) -> float:
    """The last place that is evaluated on, so that neither side is empty."""
    different = sorted(set(places))
    if len(different) < 2:
        return -1.0  # There is something to train on first.
    number = sum(place < fraction for place in different)
    return different[min(max(number, 1), len(different) - 1) - 1]


def evaluation_of(source: Source) -> dict[str, Any]:
    """The fields of `TrainConfig` that say what a source evaluates on."""
    if not isinstance(source, FolderSource):
        return {}
    return {"val_fraction": source.val_fraction, "val_dir": source.val_dir}


def with_evaluation(
    layout: FolderSource,
    val_fraction: float | None,
    other: FolderSource | None = None,
    *,
    usual_fraction: float = DEFAULT_VAL_FRACTION,
) -> FolderSource:
    """A layout as it is if it has a split for evaluation; else with one.

    Args:
      layout: of the folder.
      val_fraction: the part to evaluate on; None for the usual one where it is
        needed, 0 to leave the folder as it is.
      other: the layout of the folder to evaluate on, if that is another.
      usual_fraction: taken where a part is needed and none is asked for.

    Raises:
      InputError: the fraction is impossible, or means nothing here.
    """
    if other is not None:
        if val_fraction:
            raise InputError(
                "--val_fraction has no effect with --val_dir; give one of them"
            )
        return FolderOfTwo(layout, other)
    if val_fraction == 0:
        return layout
    if val_fraction is not None and not 0 < val_fraction < 1:
        raise InputError(
            f"--val_fraction={val_fraction:g} must be above 0 and below 1"
        )
    own = next(filter(is_eval_name, layout.splits()), None)
    if own and val_fraction:
        raise InputError(
            f"{layout.root} has the split {own!r} for evaluation, so"
            " --val_fraction has no effect"
        )
    if own:
        return layout
    return DividedFolder(layout, val_fraction or usual_fraction)
