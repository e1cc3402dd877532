"""Whole pictures of a split, to be looked at."""

import contextlib
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from ssd_tf.data import images
from ssd_tf.data.shuffling import RandomAccess


def read_pictures(
    source, split: str, positions: Sequence[int]
) -> dict[str, np.ndarray]:
    """Pixels [H, W, 3] uint8 RGB of a few images by their ids, upright.

    Args:
      source: `ssd_tf.data.sources.base.Source`.
      split: one of its splits.
      positions: of the images in `dataset(split)`; one that cannot be read
        is left out.
    """
    if not positions:
        return {}
    wanted = tf.constant(sorted(positions), tf.int64)
    if isinstance(source, RandomAccess):
        indices = tf.data.Dataset.from_tensor_slices(wanted)
        examples = source.examples_at(split, indices)
    else:
        examples = (
            source.dataset(split)
            .take(max(positions) + 1)
            .enumerate()
            .filter(lambda k, _: tf.reduce_any(k == wanted))
            .map(lambda _, example: example)
        )
    pictures = {}
    for example in examples.ignore_errors():  # files that are gone by now
        with contextlib.suppress(tf.errors.InvalidArgumentError):
            pixels = images.decode(example["image"]).numpy()
            pictures[example["image_id"].numpy().decode()] = pixels
    return pictures
