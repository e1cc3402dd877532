"""Sources that are read from their beginning, shuffled in a buffer."""

from collections.abc import Collection

import tensorflow as tf

from ssd_tf.data.left_out import with_substitutes
from ssd_tf.data.order import Order

# Examples that wait in memory, still compressed, while they are shuffled.
_SHUFFLE_BUFFER = 5_000


def buffered(
    source,
    split: str,
    order: Order,
    *,
    skip: int,
    left_out: Collection[int] = (),
):
    """(index, example, seed) of a source that is read in its own order."""
    num_examples = order.num_examples
    dataset = source.dataset(split).enumerate()
    if left_out:
        dataset = with_substitutes(dataset, num_examples, left_out)
    buffer_size = min(num_examples, _SHUFFLE_BUFFER)
    first_epoch, position = divmod(skip, num_examples)

    def drawn(epoch):
        """(draw, index, example) of an epoch."""
        draws = order.draws
        if draws is None:
            return dataset.map(lambda index, example: (index, index, example))

        def repeat(index, example):
            first, count = draws.draws_of(index, seed=order.balance_seed(epoch))
            return tf.data.Dataset.range(first, first + count).map(
                lambda draw: (draw, index, example)
            )

        return dataset.flat_map(repeat)

    def one_epoch(epoch):
        shuffled = _shuffle(drawn(epoch), buffer_size, order.order_seed(epoch))
        return shuffled.map(
            lambda draw, index, example: (
                index,
                example,
                order.example_seed(epoch, draw),
            )
        )

    epochs = tf.data.Dataset.range(first_epoch, tf.int64.max)
    return epochs.flat_map(one_epoch).skip(position)


def _shuffle(dataset, buffer_size: int, seed):
    """`dataset.shuffle` with a [2] int32 tensor for a seed.

    The method mixes its seed with the global one, so that the order would
    depend on who else has set that, and it takes no tensor where that is 0.
    """
    specs = tf.nest.flatten(dataset.element_spec)
    variant = tf.raw_ops.ShuffleDatasetV3(
        input_dataset=tf.data.experimental.to_variant(dataset),
        buffer_size=buffer_size,
        seed=tf.cast(seed[0], tf.int64),
        seed2=tf.cast(seed[1], tf.int64),
        seed_generator=tf.raw_ops.DummySeedGenerator(),
        output_types=[spec.dtype for spec in specs],
        output_shapes=[spec.shape for spec in specs],
        reshuffle_each_iteration=False,
    )
    return tf.data.experimental.from_variant(variant, dataset.element_spec)
