"""The order of training examples, and a seed for each.

Randomness is stateless. The order of an epoch depends on (seed of the run,
epoch), and what is random about an example on (seed of the run, epoch, index
in the data set). So training can start at any step and sees what an
uninterrupted run would have seen, and one example can be seen again alone.
"""

import tensorflow as tf

from ssd_tf.data.balancing import Draws

# Streams of random numbers of a run.
_ORDER, _AUGMENTATION, _BALANCE, _PARTNERS = 0, 1, 2, 3


def example_seed(seed: int, *, epoch, index):
    """The seed [2] int32 of an example's augmentation.

    `index` is its position in `dataset(split)`, or, with balanced classes, the
    number of its draw in the epoch; `epoch` is the number of passes over the
    data that came before; scalars.
    """
    return _fold(_fold([seed, _AUGMENTATION], epoch), index)


class Order:
    """Which image stands at each place of a training.

    Args:
      num_examples: N, of the split.
      seed: of the run.
      factors: of `balancing.repeat_factors`, or None.
    """

    def __init__(self, num_examples: int, seed: int, factors=None):
        self.num_examples = num_examples
        self.seed = seed
        self.draws = None if factors is None else Draws(factors)

    def order_seed(self, epoch):
        """The seed [2] of the permutation of an epoch."""
        return _fold([self.seed, _ORDER], epoch)

    def balance_seed(self, epoch):
        """The seed [2] of the draws of an epoch."""
        return _fold([self.seed, _BALANCE], epoch)

    def place(self, i):
        """(epoch, draw) of place i; without factors draw k is image k."""
        epoch = i // self.num_examples
        draw = tf.random.experimental.index_shuffle(
            i % self.num_examples,
            self.order_seed(epoch),
            self.num_examples - 1,
        )
        return epoch, draw

    def image_at(self, epoch, draw):
        """The position in the split of a draw."""
        if self.draws is None:
            return draw
        return self.draws.image_at(draw, seed=self.balance_seed(epoch))

    def partner(self, k: int):
        """The function from (epoch, draw) to the position of partner k."""

        def image_of(epoch, draw):
            own = _fold(_fold([self.seed, _PARTNERS], epoch), draw)
            other = tf.random.stateless_uniform(
                [], _fold(own, k), maxval=self.num_examples, dtype=tf.int64
            )
            return self.image_at(epoch, other)

        return image_of

    def example_seed(self, epoch, draw):
        """As `example_seed`, of this run."""
        return example_seed(self.seed, epoch=epoch, index=draw)


def _fold(seed, number):
    return tf.random.experimental.stateless_fold_in(
        seed, tf.cast(number, tf.int32)
    )
