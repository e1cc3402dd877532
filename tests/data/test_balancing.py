"""Images of rare classes come more often, in an order that is known."""

import collections

import numpy as np
import pytest
import tensorflow as tf

from ssd_tf.data import balancing, shuffling, sources
from tests.data.toy_source import (
    SeekableToySource,
    ToySource,
    encode,
    to_example,
)

PIXELS = encode(np.zeros((2, 2, 3), np.uint8))
# Class 1 is in 8 of 10 images, class 2 in 2, class 3 in none; the last has
# nothing but a crowd of class 3.
LABELS = [[1], [1, 1], [1], [1], [1], [1], [1], [1, 2], [2], [3]]
IS_CROWD = [[False] * len(row) for row in LABELS[:-1]] + [[True]]
BOX = (0.1, 0.1, 0.5, 0.5)


def examples():
    for i, (labels, crowds) in enumerate(zip(LABELS, IS_CROWD, strict=True)):
        boxes = [BOX] * len(labels)
        yield to_example(PIXELS, f"{i}", boxes, labels, crowds)


class OfThree:
    class_names = ("a", "b", "c")


class Buffered(OfThree, ToySource):
    pass


class Seekable(OfThree, SeekableToySource):
    pass


@pytest.fixture(params=[Buffered, Seekable])
def source(request):
    return request.param(examples())


@pytest.fixture
def factors():
    return balancing.repeat_factors(
        sources.class_presence(source_of(), "train")
    )


def source_of(kind=Buffered):
    return kind(examples())


def test_presence_and_factors_by_hand(source, factors):
    presence = sources.class_presence(source, "train")
    assert presence.dtype == bool and presence.shape == (10, 3)
    assert presence.sum(axis=0).tolist() == [8, 2, 0]  # no crowd
    assert presence[7].tolist() == [True, True, False]
    # sqrt(.8 / .2) is 2.
    assert factors.tolist() == [1.0] * 7 + [2.0, 2.0, 1.0]


def test_one_class_or_none_changes_nothing():
    assert balancing.repeat_factors(np.ones((4, 1), bool)).tolist() == [1.0] * 4
    nothing = np.zeros((3, 2), bool)
    assert balancing.repeat_factors(nothing).tolist() == [1.0] * 3


def test_draws_are_spread_as_the_factors(factors):
    """Ten draws; 10 / 12 or 20 / 12 of an image, rounded up or down."""
    draws = balancing.Draws(factors)
    total = np.zeros(10)
    for epoch in range(60):
        seed = tf.constant([epoch, 1])
        found = [
            int(draws.image_at(tf.constant(k, tf.int64), seed=seed))
            for k in range(10)
        ]
        assert found == sorted(found)
        counts = np.bincount(found, minlength=10)
        assert set(counts[:7]) <= {0, 1} and set(counts[7:9]) <= {1, 2}
        total += counts
        # The same the other way round.
        for image in range(10):
            first, count = (
                int(v)
                for v in draws.draws_of(tf.constant(image, tf.int64), seed=seed)
            )
            assert count == counts[image]
            assert found[first : first + count] == [image] * count
    np.testing.assert_allclose(total / 60, factors / 1.2, atol=0.2)


def order_of(source, factors, *, count=40, **how):
    """Names and seeds of examples in the order of training."""
    order = shuffling.shuffled_examples(
        source, "train", seed=5, factors=factors, **how
    )
    return [
        (example["image_id"].numpy().decode(), tuple(seed.numpy()))
        for example, seed in order.take(count)
    ]


def test_an_epoch_keeps_its_length_and_has_seeds_of_its_own(source, factors):
    found = order_of(source, factors, count=200)
    assert len({seed for _, seed in found}) == 200
    counts = collections.Counter(name for name, _ in found)
    # 20 epochs of 10 / 12 and 20 / 12.
    rare = {"7", "8"}
    for name, count in counts.items():
        # Of 33.3 and 16.7, within 4 standard deviations.
        low, high = (25, 40) if name in rare else (8, 20)
        assert low <= count <= high
    epochs = [found[k : k + 10] for k in range(0, 200, 10)]
    names = [tuple(name for name, _ in epoch) for epoch in epochs]
    assert len(set(names)) == 20
    for epoch in names:
        assert rare <= set(epoch)  # in every one


@pytest.mark.parametrize("skip", [3, 10, 27])
def test_it_resumes_where_it_was(source, factors, skip):
    whole = order_of(source, factors)
    rest = order_of(source, factors, count=40 - skip, skip=skip)
    assert rest == whole[skip:]


def test_both_kinds_of_sources_draw_the_same(factors):
    """In other orders; with the same seeds, so that pictures are the same."""
    by_kind = [
        order_of(source_of(kind), factors, count=30)
        for kind in (Buffered, Seekable)
    ]
    for epoch in range(0, 30, 10):
        one, other = (sorted(found[epoch : epoch + 10]) for found in by_kind)
        assert one == other


def test_shares_are_disjoint_and_cover_all(source, factors):
    whole = order_of(source, factors, count=24, batch_size=6)
    shares = [
        order_of(
            source,
            factors,
            count=8,
            batch_size=6,
            share=shuffling.Share(i, 3),
        )
        for i in range(3)
    ]
    joined = [
        example
        for step in range(4)
        for share in shares
        for example in share[2 * step : 2 * step + 2]
    ]
    assert joined == whole


def test_names_of_a_batch(source, factors):
    names = shuffling.batch_image_ids(
        source, "train", batch_size=4, seed=5, step=3, factors=factors
    )
    assert names == [n for n, _ in order_of(source, factors)[12:16]]


def test_without_factors_all_is_as_before(source):
    ones = order_of(source, np.ones(10))
    plain = order_of(source, None)
    assert ones == plain
