"""The examples of a source in the order of a training, from any step on."""

import dataclasses
from collections.abc import Collection
from typing import Protocol, runtime_checkable

import numpy as np
import tensorflow as tf

from ssd_tf.data.buffered import buffered
from ssd_tf.data.left_out import substitutes
from ssd_tf.data.order import Order
from ssd_tf.errors import InputError


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


def shuffled_examples(
    source,
    split: str,
    *,
    seed: int,
    skip: int = 0,
    batch_size: int = 1,
    share: Share = Share(),
    left_out: Collection[int] = (),
    factors: np.ndarray | None = None,
    num_partners: int = 0,
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

    With `factors`, of `balancing.repeat_factors`, an epoch has as many examples
    as the split, among which some come more often than others.

    Returns:
      endless `tf.data.Dataset` of (example, [2] int32 seed), or, with
      `num_partners`, of (example, a tuple of other examples, seed). The others
      are drawn from the split, as often as they are drawn themselves.

    Raises:
      InputError: the split has no examples, or partners are asked of a source
        without `RandomAccess`.
    """
    num_examples = source.num_examples(split)
    if num_examples == 0:
        raise InputError(f"{source.name}: split {split!r} has no images")
    mine = share.positions(batch_size)
    order = Order(num_examples, seed, factors)
    if isinstance(source, RandomAccess):
        counter = tf.data.Dataset.counter().map(
            lambda k: skip
            + k // len(mine) * batch_size
            + mine.start
            + k % len(mine)
        )
        return _permuted(
            *(source, split, order),
            places=counter,
            left_out=left_out,
            num_partners=num_partners,
        )
    if num_partners:
        check_random_access(source, "an operation on several pictures")
    examples = buffered(
        *(source, split, order), skip=skip, left_out=left_out
    ).map(lambda index, example, seed: (example, seed))
    if share.count == 1:
        return examples
    return (
        examples.enumerate()
        .filter(lambda k, _: k % batch_size // len(mine) == share.index)
        .map(lambda _, example: example)
    )


def check_random_access(source, what: str) -> None:
    """Raises InputError for a source of which single images cannot be read.

    `what` needs them.
    """
    if not isinstance(source, RandomAccess):
        raise InputError(
            f"{what} needs a data set that is read at any position; "
            f"{source.name} is read from its beginning. A folder (voc_folder, "
            "coco_folder) can be used"
        )


def batch_positions(
    source,
    split: str,
    *,
    batch_size: int,
    seed: int,
    step: int,
    factors: np.ndarray | None = None,
    num_partners: int = 0,
) -> list[int]:
    """Positions in the split of the images of one batch of a training.

    Those of all partners stand behind them.
    """
    order = Order(source.num_examples(split), seed, factors)
    first = step * batch_size
    if isinstance(source, RandomAccess):
        places = tf.data.Dataset.range(first, first + batch_size)
        places = places.map(order.place)
        columns = [order.image_at, *map(order.partner, range(num_partners))]
        return [
            int(index)
            for column in columns
            for index in places.map(column).as_numpy_iterator()
        ]
    examples = buffered(source, split, order, skip=first)
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
    factors: np.ndarray | None = None,
    num_partners: int = 0,
) -> list[str]:
    """Names of the images that `training_batches` puts into one batch.

    With partners theirs come behind those of the examples.
    """
    examples = shuffled_examples(
        *(source, split),
        seed=seed,
        skip=step * batch_size,
        left_out=left_out,
        factors=factors,
        num_partners=num_partners,
    )
    names: list[str] = []
    of_partners: list[str] = []
    for example, *partners, _ in examples.take(batch_size):
        names.append(_name(example))
        of_partners += map(_name, *partners or [()])
    return names + [n for n in dict.fromkeys(of_partners) if n not in names]


def _name(example) -> str:
    return example["image_id"].numpy().decode()


def _permuted(
    source,
    split: str,
    order: Order,
    *,
    places,
    left_out: Collection[int],
    num_partners: int,
):
    """Examples of a source that is `RandomAccess`, at places in the order."""
    places = places.map(order.place)

    def examples_at(position):
        indices = places.map(position)
        if left_out:
            stands_for = substitutes(order.num_examples, left_out)
            indices = indices.map(lambda i: tf.gather(stands_for, i))
        return source.examples_at(split, indices)

    examples = examples_at(order.image_at)
    seeds = places.map(order.example_seed)
    if not num_partners:
        return tf.data.Dataset.zip(examples, seeds)
    partners = tuple(examples_at(order.partner(k)) for k in range(num_partners))
    return tf.data.Dataset.zip((examples, partners, seeds))
