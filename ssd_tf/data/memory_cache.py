"""A small data set as decoded pictures in memory.

Decoding is most of what the input of a small detector costs. Pictures are
kept as they are decoded, uint8 of their own size, so that all that follows is
what it would be without.
"""

from collections.abc import Collection
from typing import Any

import numpy as np
import tensorflow as tf
from absl import logging

from ssd_tf.data import images
from ssd_tf.data.shuffling import RandomAccess
from ssd_tf.data.sources.base import ELEMENT_SPEC, Source
from ssd_tf.errors import InputError

# Of pixels; a split of 2,000 photographs of 640 x 480 has 1.7 GiB.
LIMIT_BYTES = 2 * 2**30
CACHES = ("none", "memory")
_PER_OBJECT = [name for name in ELEMENT_SPEC if name.startswith("gt_")]


def cache_in_memory(
    source: Source,
    split: str,
    *,
    limit_bytes: int = LIMIT_BYTES,
    left_out: Collection[int] = (),
) -> "CachedSource":
    """The source with the pictures of a split in memory.

    Args:
      source: one whose examples have encoded images.
      split: one of its splits.
      limit_bytes: of pixels that may be kept.
      left_out: positions of images that cannot be used, and have no pixels.

    Raises:
      InputError: the pictures need more.
      tf.errors.OpError: one cannot be read or does not decode.
    """
    kind = CachedSource
    if isinstance(source, RandomAccess):
        kind = _CachedRandomAccess
    return kind(source, split, limit_bytes=limit_bytes, left_out=left_out)


class CachedSource:
    """A source of which one split is in memory.

    Its examples are those of the source, in its order, but that "image" is
    [H, W, 3] uint8 RGB. All else is the source's.
    """

    def __init__(
        self,
        source: Source,
        split: str,
        *,
        limit_bytes: int,
        left_out: Collection[int],
    ):
        self._source = source
        self._split = split
        self._read(limit_bytes, left_out)

    def __getattr__(self, name: str):
        return getattr(self._source, name)

    def dataset(self, split: str, *, skip: int = 0) -> tf.data.Dataset:
        """See `base.Source`."""
        if split != self._split:
            return self._source.dataset(split, skip=skip)
        end = max(skip, self._source.num_examples(split))
        return self._examples_at(tf.data.Dataset.range(skip, end))

    def _read(self, limit_bytes: int, left_out: Collection[int]) -> None:
        is_sound = np.ones(self._source.num_examples(self._split), bool)
        is_sound[list(left_out)] = False
        examples = self._encoded(is_sound).map(
            lambda example: {
                **example,
                "image": images.decode(example["image"]),
            },
            num_parallel_calls=tf.data.AUTOTUNE,
            deterministic=True,
        )
        pixels: list[bytes] = []
        sizes: list[tuple[int, int]] = []
        kept: list[dict[str, Any]] = []
        used = 0
        for example in examples.as_numpy_iterator():
            picture = example.pop("image")
            used += picture.nbytes
            if used > limit_bytes:
                raise self._too_large(len(pixels), limit_bytes)
            pixels.append(picture.tobytes())
            sizes.append(picture.shape[:2])
            kept.append(example)
        counts = np.zeros(len(is_sound), np.int64)
        counts[is_sound] = [len(example["gt_labels"]) for example in kept]
        # The place of an image is its position among those that are kept.
        places = np.cumsum(is_sound) - 1
        # In strings, each of which has memory of its own; not on a GPU.
        with tf.device("/CPU:0"):
            self._places = tf.constant(places)  # [N] of I that are kept
            self._pixels = tf.constant(pixels, tf.string)  # [I]
            self._sizes = tf.constant(sizes, tf.int32, [len(sizes), 2])
            self._ids = tf.constant([e["image_id"] for e in kept], tf.string)
            self._ends = tf.constant(np.cumsum([0, *counts]), tf.int64)
            self._columns = {
                name: tf.constant(np.concatenate([e[name] for e in kept]))
                for name in _PER_OBJECT
            }
        logging.info(
            "cache: %d pictures of split %r, %.0f MiB in memory",
            *(len(pixels), self._split, used / 2**20),
        )

    def _encoded(self, is_sound: np.ndarray) -> tf.data.Dataset:
        """The examples as the source has them, where they are sound [N]."""
        if isinstance(self._source, RandomAccess):
            positions = tf.data.Dataset.from_tensor_slices(
                np.flatnonzero(is_sound)
            )
            return self._source.examples_at(self._split, positions)
        return (
            self._source.dataset(self._split)
            .enumerate()
            .filter(lambda i, _: tf.gather(is_sound, i))
            .map(lambda _, example: example)
        )

    def _too_large(self, num_read: int, limit_bytes: int) -> InputError:
        count = self._source.num_examples(self._split)
        return InputError(
            f"--cache=memory keeps up to {limit_bytes / 2**30:.3g} GiB of "
            f"pixels, and {num_read} of the {count} pictures of split "
            f"{self._split!r} of {self._source.name} fill that; train without "
            "it, or make the pictures smaller"
        )

    def _examples_at(self, indices: tf.data.Dataset) -> tf.data.Dataset:
        def example_at(i):
            begin, end = self._ends[i], self._ends[i + 1]
            # Of one that is left out, for which another stands, any.
            place = tf.maximum(self._places[i], 0)
            size = self._sizes[place]
            pixels = tf.io.decode_raw(self._pixels[place], tf.uint8)
            return {
                "image": tf.reshape(pixels, [size[0], size[1], 3]),
                "image_id": self._ids[place],
                **{k: v[begin:end] for k, v in self._columns.items()},
            }

        return indices.map(
            example_at, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
        )


class _CachedRandomAccess(CachedSource):
    """Of a source that is read at any position."""

    _source: Any

    def examples_at(
        self, split: str, indices: tf.data.Dataset
    ) -> tf.data.Dataset:
        """See `shuffling.RandomAccess`."""
        if split != self._split:
            return self._source.examples_at(split, indices)
        return self._examples_at(indices)
