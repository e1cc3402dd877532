"""A walk over the images of a data set, several being decoded at a time."""

import collections
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

from ssd_tf.data.sources.base import RawImage, Source
from ssd_tf.data.sources.rules import mark_repeats
from ssd_tf.data.validation.checks import Problem, check_image, to_problem
from ssd_tf.data.validation.files import inspect_image

# Encoded images that wait in memory, for each thread.
_WAITING_PER_THREAD = 4


class Checked(NamedTuple):
    """An image as a split lists it, checked.

    Attributes:
      is_new: no split before has listed it, nor this one.
      is_listed_again: this split has listed it before.
      problems: of the image if it is new, and of its being listed.
    """

    split: str
    raw: RawImage
    is_new: bool
    is_listed_again: bool
    problems: Sequence[Problem] = ()


def check_splits(
    source: Source,
    splits: Iterable[str],
    *,
    class_names: Sequence[str] | None,
) -> Iterator[Checked]:
    """Checks the images of one split after the other, reading each image once.

    Args:
      source: of the images.
      splits: names of splits.
      class_names: the classes to train on; None where they are not known.

    Raises:
      InputError: a split as a whole cannot be used.
    """
    num_threads = os.cpu_count() or 1
    waiting: collections.deque[Future[Checked]] = collections.deque()
    # TensorFlow decodes without the lock of the interpreter.
    with ThreadPoolExecutor(num_threads) as pool:
        for listed in _list_images(source, splits):
            waiting.append(pool.submit(_check, listed, class_names))
            if len(waiting) > _WAITING_PER_THREAD * num_threads:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


def _list_images(source: Source, splits: Iterable[str]) -> Iterator[Checked]:
    # Two splits may annotate one file; each annotation is checked.
    seen: set[tuple[str, str]] = set()
    for split in splits:
        for raw, is_repeat in mark_repeats(source.raw_images(split)):
            key = raw.location, raw.image_path
            yield Checked(split, raw, key not in seen, is_repeat)
            seen.add(key)


def _check(listed: Checked, class_names: Sequence[str] | None) -> Checked:
    problems: list[Problem] = []
    if listed.is_new:
        facts = inspect_image(listed.raw)
        problems += check_image(listed.raw, facts, class_names)
    if listed.is_listed_again:
        message = f"split {listed.split!r} lists it twice; taken once"
        problems.append(to_problem(listed.raw, "listed_twice", message))
    return listed._replace(problems=problems)
