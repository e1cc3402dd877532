"""Pictures that an example is mixed with: from the seed, and nothing else."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from ssd_tf.config import Recipe
from ssd_tf.data import balancing, pipeline, shuffling
from ssd_tf.data.augmentation import build_policy
from ssd_tf.data.memory_cache import cache_in_memory
from ssd_tf.errors import InputError
from tests.data.toy_source import (
    SeekableToySource,
    ToySource,
    encode,
    to_example,
)

NUM_IMAGES = 7
POLICY = build_policy(
    Recipe(augmentation="ssd_light", mosaic=0.6, mixup=0.5, flip_up_down=True)
)


def examples():
    rng = np.random.default_rng(0)
    for i in range(NUM_IMAGES):
        pixels = rng.integers(0, 256, (20 + i, 30, 3), np.uint8)
        low = rng.uniform(0, 0.5, (i % 3, 2))
        boxes = np.concatenate([low, low + 0.4], axis=1)
        is_crowd = np.arange(i % 3) == 1
        yield to_example(encode(pixels), f"{i}.png", boxes, None, is_crowd)


@pytest.fixture
def source():
    return SeekableToySource(examples())


def batches(source, *, count=6, batch_size=6, **how):
    dataset = pipeline.training_batches(
        source,
        "train",
        encoder=lambda labels, boxes: (tf.shape(labels)[0],),
        policy=POLICY,
        image_size=16,
        batch_size=batch_size,
        seed=1,
        **how,
    )
    return list(itertools.islice(dataset.as_numpy_iterator(), count))


def assert_equal(found, expected):
    for one, other in zip(found, expected, strict=True):
        tf.nest.map_structure(np.testing.assert_array_equal, one, other)


def test_a_batch_has_the_objects_of_all(source):
    """Without crowds, which have the label 0 on their way."""
    (batch,) = batches(source, count=1)
    assert batch.images.shape == (6, 16, 16, 3)
    counts = (batch.gt_labels > 0).sum(axis=1)
    np.testing.assert_array_equal(batch.targets[0], counts)
    assert max((b.gt_labels > 0).sum(axis=1).max() for b in batches(source)) > 1


@pytest.mark.parametrize("start_step", [1, 4])
def test_it_resumes_where_it_was(source, start_step):
    rest = batches(source, count=6 - start_step, start_step=start_step)
    assert_equal(rest, batches(source)[start_step:])


def test_shares_make_the_batch(source):
    whole = batches(source, count=3)
    shares = [
        batches(source, count=3, share=shuffling.Share(i, 3)) for i in range(3)
    ]
    for batch, *parts in zip(whole, *shares, strict=True):
        joined = np.concatenate([part.images for part in parts])
        np.testing.assert_array_equal(joined, batch.images)


def test_a_cache_changes_nothing(source):
    assert_equal(batches(cache_in_memory(source, "train")), batches(source))


def test_one_example_can_be_seen_again_alone(source):
    found = batches(source, count=2)
    order = shuffling.shuffled_examples(source, "train", seed=1, num_partners=4)
    seen = [image for batch in found for image in batch.images]
    for image, (example, partners, seed) in zip(seen, order):
        assert len(partners) == 4
        again = pipeline.prepare_example(
            example,
            seed,
            encoder=lambda labels, boxes: (),
            policy=POLICY,
            image_size=16,
            partners=partners,
        )
        # Eagerly some operations round in another way.
        np.testing.assert_allclose(again.images, image, atol=1e-3)


def test_examples_are_those_of_a_training_without_partners(source):
    plain = shuffling.shuffled_examples(source, "train", seed=1)
    mixed = shuffling.shuffled_examples(source, "train", seed=1, num_partners=1)
    for (example, seed), (same, _, same_seed) in zip(plain.take(9), mixed):
        assert example["image_id"] == same["image_id"]
        np.testing.assert_array_equal(seed, same_seed)


def test_partners_are_any_images(source):
    order = shuffling.shuffled_examples(source, "train", seed=1, num_partners=2)
    found = [
        tuple(p["image_id"].numpy().decode() for p in partners)
        for _, partners, _ in order.take(60 * NUM_IMAGES)
    ]
    for k in range(2):
        counts = [[p[k] for p in found].count(f"{i}.png") for i in range(7)]
        assert min(counts) > 35 and max(counts) < 90  # of 60
    assert sum(one == other for one, other in found) < 100  # of 60


def test_partners_of_balanced_classes_are_balanced(source):
    factors = np.array([1.0] * 6 + [6.0])
    order = shuffling.shuffled_examples(
        source, "train", seed=1, num_partners=1, factors=factors
    )
    found = [p["image_id"].numpy() for _, (p,), _ in order.take(210)]
    assert 75 < found.count(b"6.png") < 140  # half of them
    draws = balancing.Draws(factors)
    assert int(draws.image_at(tf.constant(6, tf.int64), seed=[0, 0])) == 6


def test_names_of_a_batch_have_the_partners_behind(source):
    how = {"batch_size": 2, "seed": 1, "step": 1}
    names = shuffling.batch_image_ids(source, "train", **how)
    more = shuffling.batch_image_ids(source, "train", **how, num_partners=3)
    assert more[:2] == names and len(more) > 2
    assert len(set(more)) == len(more)


def test_a_source_that_is_read_from_its_beginning():
    with pytest.raises(InputError, match="several pictures needs a data set "):
        batches(ToySource(examples()))
