"""Class-balanced sampling: images of rare classes are drawn more often.

Repeat-factor sampling of LVIS (Gupta et al. 2019, arXiv:1908.03195, section
4.2): a class that a fraction f of the images has gets the factor
sqrt(t / f), at least 1, and an image the largest of its classes. There t is
.001 for 1,203 classes; here it is the f of the most frequent class, which has
a meaning for a few classes as well.

An epoch keeps its length: of N draws an image gets N r_i / sum(r), rounded up
or down in each epoch anew by systematic sampling, so that any draw of any
epoch is known without those before it.
"""

import numpy as np
import tensorflow as tf


def repeat_factors(presence: np.ndarray) -> np.ndarray:
    """Factors [I] float64, from 1, of images that have classes, [I, C] bool."""
    fractions = presence.mean(axis=0)  # [C]
    is_there = fractions > 0.0
    of_class = np.ones(presence.shape[1])
    of_class[is_there] = np.sqrt(
        fractions.max(initial=0.0) / fractions[is_there]
    )
    return np.where(presence, of_class, 1.0).max(axis=1, initial=1.0)


class Draws:
    """Which image each of the N draws of an epoch is.

    Args:
      factors: [I] float64 above zero, one for each of N = I images.
    """

    def __init__(self, factors: np.ndarray):
        self._count = len(factors)
        ends = np.cumsum(factors / factors.sum()) * self._count
        ends[-1] = self._count  # whatever was rounded
        with tf.device("/CPU:0"):
            self._ends = tf.constant(ends, tf.float64)

    def image_at(self, draw, *, seed):
        """The position of the image, int64 scalar.

        Args:
          draw: int64 scalar, 0..N-1; images follow one another in the order
            of the data set, an image that comes several times in a row.
          seed: [2] int32 of the epoch.
        """
        offset = tf.random.stateless_uniform([], seed, dtype=tf.float64)
        place = tf.cast(draw, tf.float64) + offset
        index = tf.searchsorted(
            self._ends, place[None], side="right", out_type=tf.int64
        )[0]
        return tf.minimum(index, self._count - 1)

    def draws_of(self, image, *, seed):
        """The draws of an image: the first, and their number, int64 scalars."""
        offset = tf.random.stateless_uniform([], seed, dtype=tf.float64)
        begin = tf.where(
            image > 0, self._ends[image - 1], tf.zeros([], tf.float64)
        )
        first, end = (
            tf.cast(tf.math.ceil(value - offset), tf.int64)
            for value in (begin, self._ends[image])
        )
        first = tf.maximum(first, 0)
        return first, tf.minimum(end, self._count) - first
