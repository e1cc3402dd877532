"""The order of training examples, and a seed for each.

Randomness is stateless. The order of an epoch depends on (seed of the run,
epoch), and what is random about an example on (seed of the run, epoch, index
in the data set). So training can start at any step and sees what an
uninterrupted run would have seen, and one example can be seen again alone.
"""

import dataclasses
from collections.abc import Collection
from typing import Protocol, runtime_checkable

import tensorflow as tf

from ssd_tf.data.left_out import substitutes, with_substitutes
from ssd_tf.errors import InputError

# Examples that wait in memory, still compressed, while they are shuffled.
_SHUFFLE_BUFFER = 5_000
# Two streams of random numbers of a run.
_ORDER, _AUGMENTATION = 0, 1


@runtime_checkable
class RandomAccess(Protocol):
    """A `ssd_tf.data.sources.base.Source` that is read at any position."""

    def examples_at(
        self, split: str, indices: tf.data.Dataset
    ) -> tf.data.Dataset:
        """The examples at positions of `dataset(split)`, in that order."""


@dataclasses.dataclass(frozen=True)
class Share:
    """One worker's part of the data: number `index` of `count` equal ones."""

    index: int = 0
    count: int = 1

    def positions(self, batch_size: int) -> range:
        """The positions within each batch that are this worker's."""
        size = batch_size // self.count
        return range(self.index * size, (self.index + 1) * size)


def example_seed(seed: int, *, epoch, index):
    """The seed [2] int32 of an example's augmentation.

    `index` is its position in `dataset(split)`, `epoch` the number of passes
    over the data that came before; scalars.
    """
    return _fold(_fold([seed, _AUGMENTATION], epoch), index)


def shuffled_examples(
    source,
    split: str,
    *,
    seed: int,
    skip: int = 0,
    batch_size: int = 1,
    share: Share = Share(),
    left_out: Collection[int] = (),
):
    """A source's examples over and over, each epoch in an order of its own.

    Of a source with `RandomAccess` the order is a permutation of the whole
    split, nothing waits in memory, and what is skipped is not read. Of others
    examples are drawn from a buffer; to skip whole epochs costs nothing.

    Of each `batch_size` examples only a worker's share is given, which is all
    that it reads with `RandomAccess`, and all that it decodes without.

    `left_out` are positions of images that cannot be used. In the place of one
    stands the image that comes before it in the split, or the first one that
    can be used, augmented with the seed of the place. All other places stay as
    they are.

    Returns:
      endless `tf.data.Dataset` of (example, [2] int32 seed).

    Raises:
      InputError: the split has no examples.
    """
    num_examples = source.num_examples(split)
    if num_examples == 0:
        raise InputError(f"{source.name}: split {split!r} has no images")
    mine = share.positions(batch_size)
    if isinstance(source, RandomAccess):
        counter = tf.data.Dataset.counter().map(
            lambda k: skip
            + k // len(mine) * batch_size
            + mine.start
            + k % len(mine)
        )
        return _permuted(
            *(source, split, num_examples),
            seed=seed,
            places=counter,
            left_out=left_out,
        )
    examples = _buffered(
        *(source, split, num_examples), seed=seed, skip=skip, left_out=left_out
    ).map(lambda index, example, seed: (example, seed))
    if share.count == 1:
        return examples
    return (
        examples.enumerate()
        .filter(lambda k, _: k % batch_size // len(mine) == share.index)
        .map(lambda _, example: example)
    )


def batch_positions(
    source, split: str, *, batch_size: int, seed: int, step: int
) -> list[int]:
    """Positions in the split of the images of one batch of a training."""
    num_examples = source.num_examples(split)
    first = step * batch_size
    if isinstance(source, RandomAccess):
        places = tf.data.Dataset.range(first, first + batch_size)
        places = places.map(_place(num_examples, seed))
        return [int(index) for _, index in places.as_numpy_iterator()]
    examples = _buffered(source, split, num_examples, seed=seed, skip=first)
    indices = examples.map(lambda index, example, seed: index)
    return [int(i) for i in indices.take(batch_size).as_numpy_iterator()]


def batch_image_ids(
    source,
    split: str,
    *,
    batch_size: int,
    seed: int,
    step: int,
    left_out: Collection[int] = (),
) -> list[str]:
    """Names of the images that `training_batches` puts into one batch."""
    examples = shuffled_examples(
        *(source, split),
        seed=seed,
        skip=step * batch_size,
        left_out=left_out,
    )
    return [
        example["image_id"].numpy().decode()
        for example, _ in examples.take(batch_size)
    ]


def _place(num_examples: int, seed: int):
    """The function from a place in the order to (epoch, index)."""

    def place(i):
        epoch = i // num_examples
        index = tf.random.experimental.index_shuffle(
            i % num_examples, _order_seed(seed, epoch), num_examples - 1
        )
        return epoch, index

    return place


def _permuted(
    source,
    split: str,
    num_examples: int,
    *,
    seed: int,
    places,
    left_out: Collection[int],
):
    """Examples of a source that is `RandomAccess`, at places in the order."""
    places = places.map(_place(num_examples, seed))
    indices = places.map(lambda epoch, index: index)
    if left_out:
        stands_for = substitutes(num_examples, left_out)
        indices = indices.map(lambda i: tf.gather(stands_for, i))
    return tf.data.Dataset.zip(
        source.examples_at(split, indices),
        places.map(
            lambda epoch, index: example_seed(seed, epoch=epoch, index=index)
        ),
    )


def _buffered(
    source,
    split: str,
    num_examples: int,
    *,
    seed: int,
    skip: int,
    left_out: Collection[int] = (),
):
    """(index, example, seed) of a source that is read in its own order."""
    dataset = source.dataset(split).enumerate()
    if left_out:
        dataset = with_substitutes(dataset, num_examples, left_out)
    buffer_size = min(num_examples, _SHUFFLE_BUFFER)
    first_epoch, position = divmod(skip, num_examples)

    def one_epoch(epoch):
        shuffled = _shuffle(dataset, buffer_size, _order_seed(seed, epoch))
        return shuffled.map(
            lambda index, example: (
                index,
                example,
                example_seed(seed, epoch=epoch, index=index),
            )
        )

    epochs = tf.data.Dataset.range(first_epoch, tf.int64.max)
    return epochs.flat_map(one_epoch).skip(position)


def _order_seed(seed: int, epoch):
    return _fold([seed, _ORDER], epoch)


def _fold(seed, number):
    return tf.random.experimental.stateless_fold_in(
        seed, tf.cast(number, tf.int32)
    )


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
