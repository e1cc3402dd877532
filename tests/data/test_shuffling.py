"""The order of examples, and a seed for each."""

import numpy as np
import pytest

from ssd_tf.data import shuffling
from ssd_tf.data.sources.union_source import UnionSource
from ssd_tf.errors import InputError
from tests.data.toy_source import (
    SeekableToySource,
    ToySource,
    encode,
    to_example,
)

NUM_IMAGES = 7
PIXELS = encode(np.zeros((2, 2, 3), np.uint8))


def examples():
    return [to_example(PIXELS, f"{i}.png") for i in range(NUM_IMAGES)]


@pytest.fixture(params=[ToySource, SeekableToySource])
def source(request):
    return request.param(examples())


def test_a_source_that_can_seek_reads_nothing_that_is_skipped():
    plain, seekable = ToySource(examples()), SeekableToySource(examples())
    for source in (plain, seekable):
        order = shuffling.shuffled_examples(source, "train", seed=1, skip=6)
        next(iter(order))
    assert plain.num_read >= NUM_IMAGES
    assert seekable.num_read < NUM_IMAGES


def test_every_place_in_the_order_is_as_likely(source):
    """Over 140 epochs each image comes first about 20 times."""
    order = shuffling.shuffled_examples(source, "train", seed=3)
    names = [e["image_id"].numpy() for e, _ in order.take(140 * NUM_IMAGES)]
    first = names[::NUM_IMAGES]
    counts = [first.count(name) for name in sorted(set(names))]
    assert len(counts) == NUM_IMAGES
    assert max(abs(count - 20) for count in counts) < 18


def test_seeds_are_all_different(source):
    order = shuffling.shuffled_examples(source, "train", seed=3)
    seeds = {tuple(s.numpy()) for _, s in order.take(5 * NUM_IMAGES)}
    assert len(seeds) == 5 * NUM_IMAGES


def test_a_union_is_mixed_from_the_first_batch_to_the_last():
    """The buffer holds a third of the union, as with VOC 2007 and 2012."""
    parts = [
        ToySource([to_example(PIXELS, f"{name}{i}") for i in range(count)])
        for name, count in (("a", 30), ("b", 70))
    ]
    union = UnionSource("both", parts)
    for skip in (0, 37):
        dataset = union.dataset("train", skip=skip)
        names = [e["image_id"].numpy().decode() for e in dataset]
        assert len(names) == 100 - skip
        shares = [
            np.mean([name[0] == "a" for name in names[i : i + 21]])
            for i in range(0, len(names) - 20, 21)
        ]
        assert all(0.1 < share < 0.6 for share in shares)
        assert sorted(names) == sorted(set(names))
        whole = [e["image_id"] for e in union.dataset("train")]
        assert names == [n.numpy().decode() for n in whole[skip:]]


def test_a_split_without_images():
    with pytest.raises(InputError, match="toy: split 'train' has no images"):
        shuffling.shuffled_examples(ToySource([]), "train", seed=1)
