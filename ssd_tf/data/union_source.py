"""Several sources of the same classes as one."""

from collections.abc import Iterator, Sequence

import tensorflow as tf

from ssd_tf.data.annotations import RawImage
from ssd_tf.data.source import Source
from ssd_tf.errors import InputError


class UnionSource:
    """One source after the other; see `source.Source`.

    A split means the split of that name in every source that has it. In
    "a+b" each part is looked up by itself, so that a source may have one of
    the two only. The default splits are those of the first source.
    """

    def __init__(self, name: str, sources: Sequence[Source]):
        """Joins sources whose classes and category ids are equal."""
        self.name = name
        self._sources = tuple(sources)
        self.class_names = self._sources[0].class_names
        self.category_ids = self._sources[0].category_ids
        self.default_splits = self._sources[0].default_splits
        for source in self._sources[1:]:
            if source.class_names != self.class_names:
                raise InputError(
                    f"{name}: {source.name} has other classes than"
                    f" {self._sources[0].name}:"
                    f" {', '.join(source.class_names)}"
                )
            if source.category_ids != self.category_ids:
                raise InputError(
                    f"{name}: {source.name} has other category ids than"
                    f" {self._sources[0].name}:"
                    f" {', '.join(map(str, source.category_ids))}"
                )

    def splits(self) -> tuple[str, ...]:
        """The splits that at least one source has."""
        known = {split for s in self._sources for split in s.splits()}
        return tuple(sorted(known))

    def num_examples(self, split: str) -> int:
        """The number of images in a split."""
        return sum(s.num_examples(part) for s, part in self._parts(split))

    def dropped_boxes(self, split: str) -> int:
        """How many boxes of a split are left out."""
        return sum(s.dropped_boxes(part) for s, part in self._parts(split))

    def dataset(self, split: str, *, skip: int = 0) -> tf.data.Dataset:
        """Examples of the first source, then of the next, and so on."""
        datasets = []
        for source, part in self._parts(split):
            num_skipped = min(skip, source.num_examples(part))
            skip -= num_skipped
            datasets.append(source.dataset(part, skip=num_skipped))
        joined = datasets[0]
        for dataset in datasets[1:]:
            joined = joined.concatenate(dataset)
        return joined

    def num_raw_images(self, split: str) -> int:
        """See `annotations.Annotated`."""
        return sum(s.num_raw_images(part) for s, part in self._parts(split))

    def raw_images(self, split: str) -> Iterator[RawImage]:
        """See `annotations.Annotated`."""
        for source, part in self._parts(split):
            yield from source.raw_images(part)

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
