"""The sum of a check of a data set."""

import collections
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from ssd_tf.data.usable_images import MAX_BAD_IMAGES
from ssd_tf.data.validation.checks import (
    CHANGED,
    DROPPED,
    LEFT_OUT,
    LOST,
    MISPLACED,
    NOTE,
    SEVERITIES,
    Problem,
)
from ssd_tf.data.validation.run import Checked

# Attributes of `_Counts`.
_BAD = ("left_out", "images")


class _Counts:
    """Images and objects of a split, or of all."""

    def __init__(self) -> None:
        self.images = 0
        self.without_objects = 0
        self.broken = 0
        self.left_out = 0
        self.to_learn = 0
        self.to_find = 0
        self.files: set[str] = set()
        self.classes: collections.Counter[str] = collections.Counter()

    def add(self, checked: Checked) -> None:
        objects = checked.raw.objects
        self.images += 1
        self.without_objects += not objects and not checked.raw.problems
        self.classes.update(item.class_name for item in objects)
        self.broken += bool(checked.raw.problems)
        things = [item for item in objects if not item.is_crowd]
        self.to_learn += len(things)
        self.to_find += sum(not item.is_difficult for item in things)
        if checked.raw.encoded is None:
            self.files.add(checked.raw.image_path)

    def as_dict(self, class_names: Iterable[str]) -> dict[str, Any]:
        return {
            "images": self.images,
            "without_objects": self.without_objects,
            "objects": self.classes.total(),
            "classes": {name: self.classes[name] for name in class_names},
        }


class Report:
    """Counts of images, objects and problems."""

    def __init__(
        self,
        class_names: Sequence[str] | None,
        *,
        max_bad_images: float = MAX_BAD_IMAGES,
    ):
        """Starts empty; `class_names` are those to train on, if known.

        `max_bad_images` is the share of a split that training leaves out.
        """
        self._max_bad_images = max_bad_images
        self._class_names = class_names
        self._splits: dict[str, _Counts] = {}
        self._all = _Counts()
        self._kinds: collections.Counter[str] = collections.Counter()
        self._refused: collections.Counter[str] = collections.Counter()
        self._num_dropped = 0
        self._num_misplaced = 0
        self._bad: set[tuple[str, str]] = set()

    def add(self, checked: Checked) -> None:
        """Counts an image; an image of several splits counts in each."""
        # The problems of an image come with the first split that has it.
        place = checked.raw.location, checked.raw.image_path
        if any(problem.kind in LEFT_OUT for problem in checked.problems):
            self._bad.add(place)
        if not checked.is_listed_again:
            counts = self._splits.setdefault(checked.split, _Counts())
            counts.add(checked)
            counts.left_out += place in self._bad
        if checked.is_new:
            self._all.add(checked)
        self.add_problems(checked.problems)

    def add_problems(self, problems: Iterable[Problem]) -> None:
        """Counts problems, of one image if they are of an image."""
        problems = list(problems)
        self._kinds.update(problem.kind for problem in problems)
        lost = [p for p in problems if p.severity == LOST]
        self._num_dropped += sum(p.kind in DROPPED for p in lost)
        self._num_misplaced += sum(p.kind in MISPLACED for p in lost)
        refused = [
            p for p in lost if p.kind not in LEFT_OUT + DROPPED + MISPLACED
        ]
        if refused:
            self._refused[_what_is_refused(refused[0])] += 1

    def absent_classes(self) -> list[Problem]:
        """A problem for each class that a split has no object of."""
        return [
            Problem(
                "class_without_objects",
                image="",
                location=f"split {split}",
                message=f"class {name!r} has no objects",
            )
            for split, counts in self._splits.items()
            for name in self._class_names or ()
            if not counts.classes[name]
        ]

    def default_split_problems(
        self, train_split: str, eval_split: str
    ) -> Iterator[Problem]:
        """Problems of the splits that a training takes unasked, if read."""
        train, evaluation = self._joined(train_split), self._joined(eval_split)
        # A broken annotation may have had objects.
        if train and not any(c.to_learn or c.broken for c in train):
            message = "has no object to learn from; training refuses it"
            yield _of_split("nothing_to_learn", train_split, message)
        if evaluation and not any(c.to_find or c.broken for c in evaluation):
            message = "has no object to be found: nothing is measured on it"
            yield _of_split("nothing_to_find", eval_split, message)
        most = self._max_bad_images
        for split, parts in ((train_split, train), (eval_split, evaluation)):
            bad, of = (sum(getattr(c, name) for c in parts) for name in _BAD)
            if bad > most * of:
                message = (
                    f"{bad} of {of} images cannot be used; training refuses "
                    f"more than --max_bad_images={most:g} of them"
                )
                yield _of_split("too_many_bad_images", split, message)
        shared = _files_of(train) & _files_of(evaluation)
        if shared and train_split != eval_split:
            message = f"has {len(shared)} of the images of split {train_split}"
            yield _of_split("shared_images", eval_split, message)

    def _joined(self, split: str) -> list[_Counts]:
        """The parts of a split; empty if one of them was not read."""
        parts = [self._splits.get(part) for part in split.split("+")]
        found = [counts for counts in parts if counts]
        return found if len(found) == len(parts) else []

    @property
    def is_anything_lost(self) -> bool:
        """True if training would refuse, drop or misplace anything."""
        return bool(
            self._bad
            or self._num_dropped
            or self._num_misplaced
            or self._refused
        )

    def as_dict(self) -> dict[str, Any]:
        """The report for JSON."""
        names = self._names()
        return {
            **self._all.as_dict(names),
            "splits": {
                split: counts.as_dict(names)
                for split, counts in self._splits.items()
            },
            "problems": dict(self._kinds),
            "refused": {
                what: self._refused[what]
                for what in ("classes", "splits", "images")
            },
            "left_out_images": len(self._bad),
            "dropped_boxes": self._num_dropped,
            "images_with_misplaced_boxes": self._num_misplaced,
        }

    def __str__(self) -> str:
        """The report as lines."""
        rows = dict(self._splits)
        if len(rows) > 1:
            rows["all, each image once"] = self._all
        lines = [f"{name}: {self._row(row)}" for name, row in rows.items()]
        for severity in (LOST, CHANGED, NOTE):
            kinds = ", ".join(
                f"{count} {kind}"
                for kind, count in sorted(self._kinds.items())
                if SEVERITIES[kind] == severity
            )
            lines.append(f"{severity}: {kinds or 'nothing'}")
        return "\n".join([*lines, self._verdict()])

    def _names(self) -> list[str]:
        """The classes to train on, then others that were found."""
        known = list(self._class_names or ())
        return known + sorted(self._all.classes.keys() - set(known))

    def _row(self, counts: _Counts) -> str:
        classes = ", ".join(
            f"{name} {counts.classes[name]}" for name in self._names()
        )
        row = (
            f"{counts.images} images ({counts.without_objects} without"
            f" objects), {counts.classes.total()} objects"
        )
        return f"{row}: {classes}" if classes else row

    def _verdict(self) -> str:
        if not self.is_anything_lost:
            return "training would lose nothing: exit status 0"
        misplaced = _count(self._num_misplaced, "image", "images")
        losses = [
            f"refuse {self._refused['classes']} class list",  # 0 or 1
            f"refuse {_count(self._refused['splits'], 'split', 'splits')}",
            f"refuse {_count(self._refused['images'], 'image', 'images')}",
            f"leave out {_count(len(self._bad), 'image', 'images')}",
            f"drop {_count(self._num_dropped, 'box', 'boxes')}",
            f"misplace the boxes of {misplaced}",
        ]
        told = ", ".join(text for text in losses if " 0 " not in text)
        return f"training would {told}: exit status 1"


def _of_split(kind: str, split: str, message: str) -> Problem:
    return Problem(kind, image="", location=f"split {split}", message=message)


def _files_of(parts: Iterable[_Counts]) -> set[str]:
    return set().union(*(counts.files for counts in parts))


def _what_is_refused(problem: Problem) -> str:
    if problem.image:
        return "images"
    return "classes" if problem.kind == "unusable_classes" else "splits"


def _count(number: int, singular: str, plural: str) -> str:
    return f"{number} {singular if number == 1 else plural}"
