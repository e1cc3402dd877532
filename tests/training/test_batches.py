"""The batches of a run, by its configuration."""

import dataclasses
import itertools
import types

import numpy as np
import pytest
import tensorflow as tf
from absl import logging

from ssd_tf.data.augmentation import build_policy
from ssd_tf.data.usable_images import UsableImages
from ssd_tf.errors import InputError
from ssd_tf.training.batches import Batches
from ssd_tf.training.workers import Workers
from tests.data.toy_source import (
    SeekableToySource,
    ToySource,
    encode,
    to_example,
)

BOX = (0.2, 0.2, 0.8, 0.8)


def examples():
    """Nine images of class 1, and one of class 2."""
    for i in range(10):
        pixels = np.full((12, 12, 3), 20 * i, np.uint8)
        yield to_example(encode(pixels), f"{i}.png", [BOX], [1 + (i == 9)])


class OfTwo(SeekableToySource):
    class_names = ("common", "rare")


@pytest.fixture
def batches_of(small_train):
    """(source, cache, recipe values) -> `Batches` of 5 images."""
    strategy = tf.distribute.get_strategy()
    trainer = types.SimpleNamespace(
        encoder=lambda labels, boxes: (tf.shape(labels)[0],), strategy=strategy
    )

    def build(source, cache="none", max_bad_images=0.05, **values):
        train = dataclasses.replace(small_train, batch_size=5, **values)
        return Batches(
            source,
            train,
            trainer,
            policy=build_policy(train),
            image_size=8,
            workers=Workers(strategy),
            usable=UsableImages(source, max_bad_images=max_bad_images),
            cache=cache,
        )

    return build


def take(batches, count, *, after=0):
    return list(itertools.islice(iter(batches.after(after)), count))


def test_rare_classes_come_more_often_and_are_told(batches_of, caplog):
    """sqrt(.9 / .1) is 3: three of twelve parts, 2.5 of ten images."""
    logging.set_verbosity(logging.INFO)
    batches = batches_of(OfTwo(examples()), balance_classes=True)
    assert "by class common 8 for 9, rare 2 for 1" in caplog.text
    labels = np.concatenate([b.gt_labels[:, 0] for b in take(batches, 40)])
    assert 45 <= (labels == 2).sum() <= 55
    names = [name for k in range(4) for name in batches.image_ids(k)]
    assert [name == "9.png" for name in names] == (labels[:20] == 2).tolist()


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"balance_classes": True},
        {"mosaic": 0.5, "mixup": 0.5, "balance_classes": True},
    ],
)
def test_a_cache_changes_nothing_wherever_a_run_resumes(batches_of, values):
    source = OfTwo(examples())
    plain = batches_of(source, **values)
    cached = batches_of(source, cache="memory", **values)
    for after in (0, 3):
        for one, other in zip(
            take(plain, 5 - after, after=after),
            take(cached, 5 - after, after=after),
            strict=True,
        ):
            tf.nest.map_structure(np.testing.assert_array_equal, one, other)
        assert cached.image_ids(after) == plain.image_ids(after)
    whole = take(cached, 5)
    for one, other in zip(take(cached, 2, after=3), whole[3:], strict=True):
        np.testing.assert_array_equal(one.images, other.images)


def test_names_of_a_mixed_batch(batches_of):
    """All whose pixels may be in it, if its loss is not finite."""
    names = batches_of(OfTwo(examples()), mosaic=0.5).image_ids(0)
    assert len(names) > 5 and len(set(names)) == len(names)


def test_several_pictures_of_a_source_that_cannot_seek(batches_of):
    source = ToySource(examples())
    with pytest.raises(InputError, match="mosaic or mixup needs a data set "):
        batches_of(source, mixup=0.1)


BROKEN = to_example(b"no picture", "broken.jpg", [BOX], [1])


@pytest.mark.parametrize("kind", [OfTwo, ToySource])
def test_a_picture_that_does_not_decode_is_left_out_of_memory(batches_of, kind):
    """As without a cache, where it is found when its turn comes."""
    pictures = list(examples())
    sources = [kind([*pictures[:4], BROKEN, *pictures[4:]]) for _ in range(2)]
    plain, cached = (
        batches_of(source, cache=cache, max_bad_images=0.5)
        for source, cache in zip(sources, ("none", "memory"), strict=True)
    )
    for one, other in zip(
        itertools.islice(plain.sound(plain.after(0), 0), 6),
        take(cached, 6),
        strict=True,
    ):
        tf.nest.map_structure(np.testing.assert_array_equal, one, other)


def test_too_many_of_them(batches_of):
    broken = OfTwo([*examples(), BROKEN])
    with pytest.raises(InputError, match="broken.jpg"):
        batches_of(broken, cache="memory")
