"""Several sources of the same classes as one."""

from collections.abc import Iterator, Sequence

import numpy as np
import tensorflow as tf

from ssd_tf.data.sources.base import RawImage, Source
from ssd_tf.errors import InputError


class UnionSource:
    """Sources mixed as if they were one; see `base.Source`.

    Their examples alternate in a fixed random order: one source after the
    other would stay apart in the buffer in which training shuffles.

    A split means the split of that name in every source that has it; of "a+b"
    a source may have one part only. The default splits are the first source's.
    """

    def __init__(self, name: str, sources: Sequence[Source]):
        """Joins sources whose classes and category ids are equal."""
        self.name = name
        self._sources = tuple(sources)
        self.class_names = self._sources[0].class_names
        self.category_ids = self._sources[0].category_ids
        self.default_splits = self._sources[0].default_splits
        first = self._sources[0].name
        for source in self._sources[1:]:
            for what, own, expected in (
                ("classes", source.class_names, self.class_names),
                ("category ids", source.category_ids, self.category_ids),
            ):
                if own != expected:
                    raise InputError(
                        f"{name}: {source.name} has other {what} than"
                        f" {first}: {', '.join(map(str, own))}"
                    )

    def splits(self) -> tuple[str, ...]:
        """The splits that at least one source has."""
        return tuple(sorted({n for s in self._sources for n in s.splits()}))

    def num_examples(self, split: str) -> int:
        """The number of images in a split."""
        return sum(s.num_examples(part) for s, part in self._parts(split))

    def dropped_boxes(self, split: str) -> int:
        """The number of boxes of a split left out."""
        return sum(s.dropped_boxes(part) for s, part in self._parts(split))

    def dataset(self, split: str, *, skip: int = 0) -> tf.data.Dataset:
        """Examples of all sources, each in its own order, mixed."""
        parts = self._parts(split)
        if len(parts) == 1:
            ((source, part),) = parts
            return source.dataset(part, skip=skip)
        turns = _turns([source.num_examples(part) for source, part in parts])
        num_skipped = np.bincount(turns[:skip], minlength=len(parts))
        return tf.data.Dataset.choose_from_datasets(
            [
                source.dataset(part, skip=int(number))
                for (source, part), number in zip(parts, num_skipped)
            ],
            tf.data.Dataset.from_tensor_slices(turns[skip:]),
            stop_on_empty_dataset=False,
        )

    def num_raw_images(self, split: str) -> int:
        """See `base.Source`."""
        return sum(s.num_raw_images(part) for s, part in self._parts(split))

    def raw_images(self, split: str) -> Iterator[RawImage]:
        """See `base.Source`."""
        parts = self._parts(split)
        images = [source.raw_images(part) for source, part in parts]
        for turn in _turns([s.num_raw_images(part) for s, part in parts]):
            yield next(images[turn])

    def _parts(self, split: str) -> list[tuple[Source, str]]:
        """The sources that have something of a split, with what they have."""
        names = split.split("+")
        for name in names:
            if name.partition("[")[0] not in self.splits():
                raise InputError(
                    f"{self.name}: split {name!r} is missing; found:"
                    f" {', '.join(self.splits())}"
                )
        found = (
            (s, [n for n in names if n.partition("[")[0] in s.splits()])
            for s in self._sources
        )
        return [(s, "+".join(own)) for s, own in found if own]


def _turns(counts: list[int]) -> np.ndarray:
    """The part that comes next, for each of the sum of the counts."""
    turns = np.repeat(np.arange(len(counts)), counts)
    return np.random.default_rng(0).permutation(turns)
