"""What stands in the places of images that cannot be used."""

import numpy as np
import pytest
import tensorflow as tf

from ssd_tf.data import left_out, shuffling
from ssd_tf.errors import InputError
from tests.data.toy_source import SeekableToySource, ToySource, to_example

NUM_IMAGES = 7
KINDS = [ToySource, SeekableToySource]


@pytest.mark.parametrize(
    "lost, expected",
    [
        ([], [0, 1, 2, 3, 4, 5, 6]),
        ([3], [0, 1, 2, 2, 4, 5, 6]),
        ([3, 4, 6], [0, 1, 2, 2, 2, 5, 5]),
        ([0, 1], [2, 2, 2, 3, 4, 5, 6]),  # none comes before
        ([0, 1, 2, 3, 4, 5], [6] * 7),
    ],
)
def test_the_image_before_stands_for_one_that_is_lost(lost, expected):
    assert left_out.substitutes(NUM_IMAGES, lost).tolist() == expected


def test_nothing_stands_for_all():
    with pytest.raises(InputError, match="no image of the split can be used"):
        left_out.substitutes(2, [0, 1])


def order(kind, lost=(), **values):
    """(image, seed) of the places of three epochs."""
    source = kind([to_example(b"%d" % i, f"{i}") for i in range(NUM_IMAGES)])
    found = shuffling.shuffled_examples(
        source, "train", seed=5, left_out=lost, **values
    )
    return [
        (int(example["image"].numpy()), tuple(seed.numpy().tolist()))
        for example, seed in found.take(3 * NUM_IMAGES)
    ]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lost", [[4], [0, 3, 4]])
def test_all_other_places_stay_as_they_are(kind, lost):
    stands_for = left_out.substitutes(NUM_IMAGES, lost)
    expected = [(stands_for[image], seed) for image, seed in order(kind)]
    assert order(kind, lost) == expected
    assert order(kind, lost, skip=5)[:9] == expected[5:14]


@pytest.mark.parametrize("kind", KINDS)
def test_positions_of_a_batch(kind):
    source = kind([to_example(b"%d" % i, f"{i}") for i in range(NUM_IMAGES)])
    images = [image for image, _ in order(kind)]
    for step in range(5):
        found = shuffling.batch_positions(
            source, "train", batch_size=3, seed=5, step=step
        )
        assert found == images[3 * step : 3 * step + 3]


def test_a_lost_image_is_not_read_at_any_position():
    class Watched(SeekableToySource):
        read: set[int] = set()

        def examples_at(self, split, indices):
            def note(i):
                self.read.add(int(i))
                return np.int64(i)

            noted = indices.map(
                lambda i: tf.numpy_function(note, [i], tf.int64)
            )
            return super().examples_at(split, noted)

    order(Watched, [4])
    assert Watched.read == {0, 1, 2, 3, 5, 6}
