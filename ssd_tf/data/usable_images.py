"""Images of a split that can be used, and those that are left out.

The files of a folder are looked through before a training, without decoding
what is whole by its parts, and again where one turns out not to decode. What
was found is remembered by size and time of the file.
"""

import concurrent.futures
import os
import pathlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import tensorflow as tf
from absl import logging

from ssd_tf.data import images
from ssd_tf.data.images import RECOVERED, Fault
from ssd_tf.data.shuffling import RandomAccess, Share
from ssd_tf.data.sources import ImageFile, ImageFiles
from ssd_tf.errors import InputError

# Share of a split's images that may be left out.
MAX_BAD_IMAGES = 0.05
_LINES_AT_MOST = 20
_NAMES_AT_MOST = 10
# Size in bytes and time in nanoseconds of a file, as they were when it was
# looked through; then the fault, if it had one.
Known = list[Any]
Faults = dict[int, Fault]


class UsableImages:
    """Which images of a source cannot be used; grows as they are found.

    Args:
      source: `ssd_tf.data.sources.base.Source`. Of one whose images are no
        files, only those that do not decode in use are found.
      max_bad_images: largest share of a split's images to leave out.
      known: `known` of an earlier part of the run.

    Attributes:
      known: what was found, by path; for JSON.
    """

    def __init__(
        self,
        source,
        *,
        max_bad_images: float = MAX_BAD_IMAGES,
        known: Mapping[str, Known] | None = None,
    ):
        self._source = source
        # Records are read from within a larger file.
        self._has_files = isinstance(source, ImageFiles) and not getattr(
            source, "is_read_here_only", False
        )
        self._max_bad_images = max_bad_images
        self._faults: dict[str, Faults] = {}
        self._names: dict[str, dict[int, str]] = {}
        self.known: dict[str, Known] = dict(known or {})

    def scan(
        self,
        split: str,
        *,
        share: Share = Share(),
        exchange: Callable[[Any], list] = lambda found: [found],
    ) -> None:
        """Looks through the files of a split that are new or have changed.

        Args:
          split: of the source.
          share: this worker's part of the files.
          exchange: gives all workers what each of them found, as JSON.

        Raises:
          InputError: too many cannot be used.
        """
        if not self._has_files:
            return
        files = self._source.image_files(split)
        mine = range(share.index, len(files), share.count)
        found = self._look_through(files, mine)
        for part in exchange([[i, *fault] for i, fault in found.items()]):
            for i, kind, message in part:
                self._add(split, i, files[i].path, Fault(kind, message))
        self._check_limit(split)

    def find_more(self, split: str, positions: Iterable[int]) -> bool:
        """True if images are found that cannot be used and were not known.

        Looks for files of the split that have changed, and decodes the images
        at positions.

        Raises:
          InputError: by now too many cannot be used.
        """
        before = self.left_out(split)
        if self._has_files:
            files = self._source.image_files(split)
            changed = self._look_through(files, range(len(files)))
            for i, fault in changed.items():
                self._add(split, i, files[i].path, fault)
        for i, name, fault in self._decoded(split, set(positions) - before):
            self._add(split, i, name, fault)
        self._check_limit(split)
        return self.left_out(split) != before

    def left_out(self, split: str) -> frozenset[int]:
        """Positions in the split of the images that cannot be used."""
        return frozenset(
            i
            for i, fault in self._faults.get(split, {}).items()
            if fault.kind != RECOVERED
        )

    def summary(self) -> list[str]:
        """Lines that name what was left out or recovered, if anything was."""
        lines = []
        for split, faults in self._faults.items():
            names = self._names[split]
            lost = [names[i] for i in sorted(self.left_out(split))]
            cut = [
                names[i] for i in sorted(faults.keys() - self.left_out(split))
            ]
            if lost:
                lines.append(f"split {split!r}: left out {_list(lost)}")
            if cut:
                lines.append(
                    f"split {split!r}: without an end, used as viewers show "
                    f"it: {_list(cut)}"
                )
        return lines

    def _look_through(
        self, files: Sequence[ImageFile], positions: Iterable[int]
    ) -> Faults:
        """Faults of files at positions, of which only others are read."""
        # Pillow and zlib let other threads run, and so does TensorFlow.
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            faults = pool.map(
                lambda i: self._fault_of_file(files[i]), positions
            )
            return {i: f for i, f in zip(positions, faults) if f is not None}

    def _fault_of_file(self, file: ImageFile) -> Fault | None:
        if file.missing and not os.path.exists(file.path):
            return Fault("missing_image", file.missing)
        try:
            facts = os.stat(file.path)
            state = [facts.st_size, facts.st_mtime_ns]
            known = self.known.get(file.path, [])
            if known[:2] == state:
                return Fault(*known[2:]) if known[2:] else None
            encoded = pathlib.Path(file.path).read_bytes()
        except OSError as error:
            self.known.pop(file.path, None)
            return images.fault_of_reading(error)
        fault = images.fault_of(encoded, is_thorough=False)
        self.known[file.path] = [*state, *(fault or ())]
        return fault

    def _decoded(
        self, split: str, positions: Iterable[int]
    ) -> Iterator[tuple[int, str, Fault]]:
        """(position, file or name, fault) of images that do not decode."""
        if self._has_files:
            files = self._source.image_files(split)
            for i in sorted(positions):
                try:
                    encoded = pathlib.Path(files[i].path).read_bytes()
                except OSError:
                    continue  # told of the file
                fault = images.fault_of(encoded)
                if fault and fault.kind != RECOVERED:
                    known = self.known.get(files[i].path, [0, 0])
                    self.known[files[i].path] = [*known[:2], *fault]
                    yield i, files[i].path, fault
            return
        for i, example in self._examples(split, sorted(positions)):
            fault = images.fault_of(example["image"])
            if fault and fault.kind != RECOVERED:
                yield int(i), example["image_id"].decode(), fault

    def _examples(self, split: str, positions: list[int]) -> Iterator:
        wanted = tf.constant(positions, tf.int64)
        if isinstance(self._source, RandomAccess):
            indices = tf.data.Dataset.from_tensor_slices(wanted)
            examples = self._source.examples_at(split, indices)
            return zip(positions, examples.as_numpy_iterator())
        examples = self._source.dataset(split).enumerate()
        examples = examples.filter(lambda i, _: tf.reduce_any(i == wanted))
        return examples.as_numpy_iterator()

    def _add(self, split: str, i: int, name: str, fault: Fault) -> None:
        faults = self._faults.setdefault(split, {})
        if faults.get(i) == fault:
            return
        faults[i] = fault
        self._names.setdefault(split, {})[i] = name
        if len(faults) <= _LINES_AT_MOST:
            what = "" if fault.kind == RECOVERED else "; left out"
            message = fault.message.removeprefix(f"{name}: ")
            logging.warning("%s: %s%s", name, message, what)

    def _check_limit(self, split: str) -> None:
        number, of = len(self.left_out(split)), self._source.num_examples(split)
        if number <= self._max_bad_images * of:
            return
        first = min(self.left_out(split))
        fault = self._faults[split][first]
        raise InputError(
            f"{number} of the {of} images of split {split!r} cannot be used, "
            f"more than --max_bad_images={self._max_bad_images:g} of them; the "
            f"first is {self._names[split][first]}: {fault.message}"
        )


def _list(names: list[str]) -> str:
    """The number of images and their names, as in "2 images (a, b)"."""
    more = len(names) - _NAMES_AT_MOST
    shown = [*names[:_NAMES_AT_MOST], *([f"{more} more"] if more > 0 else [])]
    noun = "image" if len(names) == 1 else "images"
    return f"{len(names)} {noun} ({', '.join(shown)})"
