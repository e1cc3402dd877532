"""Images that stand in the places of those that cannot be used.

A training has as many places as its split has images, so that the order of all
others does not depend on which image cannot be used, nor on when that was
found out.
"""

from collections.abc import Collection

import numpy as np
import tensorflow as tf

from ssd_tf.errors import InputError


def substitutes(num_examples: int, left_out: Collection[int]) -> np.ndarray:
    """The positions that stand for those of a split, [N] int64.

    Raises:
      InputError: all are left out.
    """
    positions = np.arange(num_examples)
    is_sound = np.ones(num_examples, bool)
    is_sound[list(left_out)] = False
    if not is_sound.any():
        raise InputError("no image of the split can be used")
    before = np.maximum.accumulate(np.where(is_sound, positions, -1))
    return np.where(before < 0, np.flatnonzero(is_sound)[0], before)


def with_substitutes(
    dataset: tf.data.Dataset, num_examples: int, left_out: Collection[int]
) -> tf.data.Dataset:
    """A split's (index, example) with `substitutes` for what is left out."""
    stands_for = substitutes(num_examples, left_out)
    _, first = next(iter(dataset.skip(int(stands_for[0]))))

    def step(last, item):
        index, example = item
        is_sound = tf.equal(tf.gather(stands_for, index), index)
        example = tf.cond(is_sound, lambda: example, lambda: last)
        return example, (index, example)

    return dataset.scan(first, step)
