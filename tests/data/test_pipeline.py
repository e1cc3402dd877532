"""Batches: every example once per epoch, the same for the same seed."""

import dataclasses
import functools
import itertools
from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf

from ssd_tf.data import pipeline, shuffling
from ssd_tf.data.augmentation import POLICIES
from ssd_tf.data.order import example_seed
from ssd_tf.errors import InputError
from ssd_tf.target_encoder import TargetEncoder
from tests.data.toy_source import (
    SeekableToySource,
    ToySource,
    encode,
    to_example,
)

NONE, SSD = POLICIES["none"], POLICIES["ssd"]
NUM_IMAGES = 7
BATCH_SIZE = 3


@dataclasses.dataclass(frozen=True)
class Noise:
    """An operation from outside of the package."""

    def __call__(self, sample, *, seed, size):
        noise = tf.random.stateless_uniform([size, size, 3], seed)
        return sample._replace(image=sample.image + noise)


NOISY = (*NONE, Noise())


class Targets(NamedTuple):
    count: tf.Tensor
    corners: tf.Tensor


def encoder(gt_labels, gt_boxes):
    return Targets(tf.reduce_sum(gt_labels), tf.reduce_sum(gt_boxes, axis=0))


def examples(count=NUM_IMAGES):
    """Image i has the gray value 10 i and i % 3 objects of label i."""
    rng = np.random.default_rng(0)
    for i in range(count):
        pixels = np.full((6 + i, 9, 3), 10 * i, np.uint8)
        low = rng.uniform(0, 0.5, (i % 3, 2))
        boxes = np.concatenate([low, low + 0.4], axis=1)
        labels = np.full(i % 3, i)
        yield to_example(encode(pixels), f"{i}.png", boxes, labels)


@pytest.fixture(params=[ToySource, SeekableToySource])
def kind(request):
    return request.param


@pytest.fixture
def source(kind):
    return kind(examples())


def batches(source, count, **values):
    how = {"policy": NONE, "seed": 1, "batch_size": BATCH_SIZE, **values}
    dataset = pipeline.training_batches(
        source,
        "train",
        encoder=encoder,
        image_size=8,
        **how,
    )
    return list(itertools.islice(dataset.as_numpy_iterator(), count))


@functools.cache
def run(kind, *, policy=NONE, seed=1):
    """The first 14 batches, six epochs, of a run over a kind of source."""
    return batches(kind(examples()), 14, policy=policy, seed=seed)


def ids(found):
    """The images of batches made with the policy "none", by gray value."""
    values = [image[0, 0, 0] / 10 for b in found for image in b.images]
    return [round(float(value)) for value in values]


def assert_equal(found, expected):
    assert len(found) == len(expected) > 0
    for a, b in zip(found, expected):
        tf.nest.map_structure(np.testing.assert_array_equal, a, b)


def test_a_batch(kind):
    batch = run(kind)[0]
    assert isinstance(batch, pipeline.TrainingBatch)
    assert batch.images.shape == (BATCH_SIZE, 8, 8, 3)
    assert batch.images.dtype == np.float32
    for i, labels in zip(ids([batch]), batch.targets.count):
        assert labels == i * (i % 3)


def test_every_example_once_per_epoch_in_another_order(kind):
    found = ids(run(kind))
    epochs = [found[i : i + NUM_IMAGES] for i in range(0, 42, NUM_IMAGES)]
    assert len(epochs) == 6
    for epoch in epochs:
        assert sorted(epoch) == list(range(NUM_IMAGES))
    assert len({tuple(epoch) for epoch in epochs}) == 6


def test_same_seed_same_batches_whatever_the_global_seed(source):
    tf.random.set_seed(0)
    expected = batches(source, 6, policy=SSD)
    tf.random.set_seed(1)
    assert_equal(batches(source, 6, policy=SSD), expected)


def test_other_seed_other_order_and_other_pictures(source, kind):
    assert ids(run(kind)[:4]) != ids(batches(source, 4, seed=2))


@pytest.mark.parametrize("start_step", [2, 3, 7])
def test_resumes_as_if_never_stopped(source, kind, start_step):
    rest = batches(source, 10 - start_step, policy=NOISY, start_step=start_step)
    assert_equal(rest, run(kind, policy=NOISY)[start_step:10])


def test_a_policy_can_be_handed_in(kind):
    for one, other in zip(run(kind), run(kind, policy=NOISY)):
        noise = other.images - one.images
        assert 0 <= noise.min() < 0.1 and 0.9 < noise.max() <= 1.001
        # An image draws noise of its own.
        assert len({round(float(n), 4) for n in noise.std(axis=(1, 2, 3))}) > 1
        np.testing.assert_array_equal(one.gt_boxes, other.gt_boxes)


def test_augmentation_changes_from_epoch_to_epoch():
    source = ToySource(list(examples())[5:6])
    found = batches(source, 4, policy=SSD)
    pictures = {image.tobytes() for b in found for image in b.images}
    assert len(pictures) >= 11  # 12 epochs of one image


@pytest.mark.parametrize("epoch", [0, 2])
def test_one_example_can_be_seen_again_alone(source, epoch):
    """Its seed needs no more than the run's, the epoch and its index."""
    order = shuffling.shuffled_examples(
        source, "train", seed=1, skip=epoch * NUM_IMAGES
    )
    seen = {
        example["image_id"].numpy(): pipeline.prepare_example(
            example, seed, encoder=encoder, policy=SSD, image_size=8
        )
        for example, seed in order.take(NUM_IMAGES)
    }
    for index, example in enumerate(source.dataset("train")):
        again = pipeline.prepare_example(
            example,
            example_seed(1, epoch=epoch, index=index),
            encoder=encoder,
            policy=SSD,
            image_size=8,
        )
        tf.nest.map_structure(
            np.testing.assert_array_equal,
            again,
            seen[example["image_id"].numpy()],
        )


@pytest.mark.parametrize("step", [0, 2, 5])
def test_batch_image_ids(source, kind, step):
    names = shuffling.batch_image_ids(
        source, "train", batch_size=BATCH_SIZE, seed=1, step=step
    )
    assert names == [f"{i}.png" for i in ids([run(kind)[step]])]


@pytest.mark.parametrize("start_step", [0, 4])
def test_shares_are_disjoint_and_cover_every_batch(kind, start_step):
    """Three workers of two images make one machine's batches of six."""
    how = {"batch_size": 6, "policy": NOISY, "start_step": start_step}
    whole = batches(kind(examples()), 4, **how)
    parts = [
        batches(kind(examples()), 4, **how, share=shuffling.Share(i, 3))
        for i in range(3)
    ]
    for batch, *shares in zip(whole, *parts, strict=True):
        for name in ("images", "targets"):
            joined = tf.nest.map_structure(
                lambda *values: np.concatenate(values),
                *(getattr(share, name) for share in shares),
            )
            tf.nest.map_structure(
                np.testing.assert_array_equal, joined, getattr(batch, name)
            )


@pytest.mark.parametrize("count", [2, 3])
def test_shares_of_an_evaluation_are_its_batches(kind, count):
    def names(share):
        source = kind(examples())
        mine = pipeline.shared_positions(NUM_IMAGES, batch_size=2, share=share)
        found = pipeline.evaluation_batches(
            source, "train", image_size=8, batch_size=2, positions=mine
        )
        return [batch.image_ids.numpy().tolist() for batch in found]

    whole = names(shuffling.Share())
    assert [len(ids) for ids in whole] == [2, 2, 2, 1]
    for i in range(count):
        assert names(shuffling.Share(i, count)) == whole[i::count]


def test_a_worker_reads_only_its_share():
    source = SeekableToySource(examples())
    mine = pipeline.shared_positions(
        NUM_IMAGES, batch_size=1, share=shuffling.Share(1, 7)
    )
    list(
        pipeline.evaluation_batches(
            source, "train", image_size=8, batch_size=1, positions=mine
        )
    )
    assert source.num_read == 1


def with_crowds(boxes, labels, is_crowd):
    for i in range(3):
        pixels = np.full((64, 64, 3), 10 * i, np.uint8)
        yield to_example(encode(pixels), f"{i}.png", boxes, labels, is_crowd)


@pytest.fixture
def classes_of(toy_config):
    """Batches of an example three times, and the classes of their anchors."""
    encoder = TargetEncoder(toy_config)

    def make(*objects, policy):
        dataset = pipeline.training_batches(
            SeekableToySource(with_crowds(*objects)),
            "train",
            encoder=encoder,
            policy=POLICIES[policy],
            image_size=64,
            batch_size=3,
            seed=1,
        )
        found = list(dataset.take(4).as_numpy_iterator())
        return found, set(np.unique([b.targets.gclasses for b in found]))

    return make


THING, CROWD = (0.1, 0.1, 0.5, 0.5), (0.4, 0.4, 1.0, 1.0)


def test_crowds_are_never_positive(classes_of):
    boxes, labels = [CROWD, THING], [2, 1]
    _, classes = classes_of(boxes, labels, [False, False], policy="none")
    assert classes == {0, 1, 2}
    found, classes = classes_of(boxes, labels, [True, False], policy="none")
    assert classes == {0, 1}
    assert found[0].gt_labels.tolist() == [[1], [1], [1]]
    found, classes = classes_of([CROWD], [2], [True], policy="none")
    assert classes == {0}
    assert found[0].gt_boxes.shape == (3, 0, 4)


@pytest.mark.parametrize("boxes", [[CROWD, THING], [CROWD]])
def test_crowds_steer_the_crops_and_leave(classes_of, boxes):
    """The pictures are those with an object in the place of the crowd."""
    labels, is_crowd = [2, 1][: len(boxes)], [True, False][: len(boxes)]
    found, classes = classes_of(boxes, labels, is_crowd, policy="ssd")
    no_crowd = [False] * len(boxes)
    expected, _ = classes_of(boxes, labels, no_crowd, policy="ssd")
    assert 2 not in classes
    for batch, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(batch.images, other.images)
        for i in range(3):
            of_things = other.gt_labels[i] == 1
            kept = batch.gt_labels[i] > 0
            np.testing.assert_array_equal(
                batch.gt_boxes[i][kept], other.gt_boxes[i][of_things]
            )
            assert batch.gt_labels[i][kept].tolist() == [1] * of_things.sum()


def test_crowds_are_kept_for_evaluation():
    boxes = [(0.0, 0.0, 0.5, 0.5), (0.25, 0.5, 0.75, 1.0)]
    source = ToySource(with_crowds(boxes, [1, 1], [False, True]))
    (batch,) = pipeline.evaluation_batches(
        source, "train", image_size=8, batch_size=3
    )
    assert batch.gt_is_crowd.numpy().tolist() == [[False, True]] * 3
    assert batch.gt_areas.numpy().tolist() == [[0.25, 0.25]] * 3


def test_images_without_objects():
    blank = [to_example(encode(np.zeros((5, 5, 3), np.uint8)), "0.png")]
    (batch,) = batches(ToySource(blank), 1, policy=SSD)
    assert batch.targets.count.tolist() == [0, 0, 0]
    (batch,) = pipeline.evaluation_batches(
        ToySource(blank), "train", image_size=8, batch_size=2
    )
    assert batch.gt_boxes.shape == (1, 0, 4)


def test_a_split_without_images():
    with pytest.raises(InputError, match="toy: split 'train' has no images"):
        batches(ToySource([]), 1)


def test_evaluation_batches(source):
    found = list(
        pipeline.evaluation_batches(
            source, "train", image_size=8, batch_size=BATCH_SIZE
        ).as_numpy_iterator()
    )
    assert [len(batch.images) for batch in found] == [3, 3, 1]
    assert ids(found) == list(range(NUM_IMAGES))
    names = [name for batch in found for name in batch.image_ids]
    assert names == [b"%d.png" % i for i in range(NUM_IMAGES)]
    sizes = np.concatenate([batch.image_sizes for batch in found])
    assert sizes.tolist() == [[6 + i, 9] for i in range(NUM_IMAGES)]
    # Images 3, 4, 5 have 0, 1 and 2 objects.
    batch = found[1]
    assert batch.gt_labels.tolist() == [[0, 0], [4, 0], [5, 5]]
    assert batch.gt_boxes.shape == (3, 2, 4)
    assert not batch.gt_boxes[0].any() and not batch.gt_boxes[1, 1].any()
    assert batch.gt_boxes[1, 0].any() and batch.gt_boxes[2, 1].any()
    assert batch.gt_is_difficult.shape == (3, 2)
    assert found[2].gt_boxes.shape == (1, 0, 4)


@pytest.mark.parametrize(
    "count, padded", [(0, 16), (1, 16), (16, 16), (17, 32), (64, 64), (65, 128)]
)
def test_objects_are_padded_to_few_numbers(count, padded):
    rng = np.random.default_rng(0)
    boxes = rng.random((2, count, 4), np.float32)
    labels = rng.integers(1, 5, (2, count)).astype(np.int32)
    batch = pipeline.TrainingBatch(
        tf.zeros([2, 8, 8, 3]), (), tf.constant(boxes), tf.constant(labels)
    )
    found = pipeline.pad_objects(batch)
    np.testing.assert_array_equal(found.gt_boxes[:, :count], boxes)
    np.testing.assert_array_equal(found.gt_labels[:, :count], labels)
    assert found.gt_boxes.shape == (2, padded, 4)
    assert found.gt_labels.shape == (2, padded)
    assert not np.any(found.gt_labels[:, count:])
    assert pipeline.drop_objects(batch).gt_boxes.shape == (2, 0, 4)
    assert pipeline.drop_objects(batch).gt_labels.shape == (2, 0)


def test_positions_of_an_evaluation_without_those_left_out():
    found = pipeline.shared_positions(7, batch_size=2, left_out=[0, 5])
    assert found.tolist() == [1, 2, 3, 4, 6]
    share = shuffling.Share(1, 2)
    found = pipeline.shared_positions(
        7, batch_size=2, share=share, left_out=[2, 4]
    )
    assert found.tolist() == [3, 6]
