"""Input pipelines: a source's examples -> batches of images and targets.

Randomness is stateless. The order of an epoch depends on (seed, epoch) and
an example's augmentation on (seed, epoch, position in the epoch), so training
can start at any step and sees what an uninterrupted run would have seen.
"""

from collections.abc import Callable
from typing import NamedTuple, Protocol, runtime_checkable

import tensorflow as tf

from ssd_tf.data import images
from ssd_tf.data.augment import Policy, augment
from ssd_tf.errors import InputError

# Examples that wait in memory, still compressed, while they are shuffled.
_SHUFFLE_BUFFER = 5_000
# Two streams of random numbers of a run.
_ORDER, _AUGMENTATION = 0, 1


class TrainingBatch(NamedTuple):
    """B training images.

    Attributes:
      images: [B, S, S, 3] float32 RGB 0..255.
      targets: what the encoder returns, batched.
      gt_boxes: [B, M, 4] float32 yxyx, padded with zeros; some strategies
        compare them with predictions.
      gt_labels: [B, M] int32, padded with 0.
    """

    images: tf.Tensor
    targets: NamedTuple
    gt_boxes: tf.Tensor
    gt_labels: tf.Tensor


class EvaluationBatch(NamedTuple):
    """B images with their objects.

    Attributes:
      images: [B, S, S, 3] float32 RGB 0..255.
      encoded_images: [B] string, the images as they are stored.
      image_ids: [B] string.
      image_sizes: [B, 2] int32 height and width of the originals, pixels.
      gt_boxes: [B, M, 4] float32 yxyx, padded with zeros.
      gt_labels: [B, M] int32, padded with 0.
      gt_is_difficult: [B, M] bool.
      gt_is_crowd: [B, M] bool.
      gt_areas: [B, M] float32 fractions of the image.
    """

    images: tf.Tensor
    encoded_images: tf.Tensor
    image_ids: tf.Tensor
    image_sizes: tf.Tensor
    gt_boxes: tf.Tensor
    gt_labels: tf.Tensor
    gt_is_difficult: tf.Tensor
    gt_is_crowd: tf.Tensor
    gt_areas: tf.Tensor


@runtime_checkable
class RandomAccess(Protocol):
    """What a source may offer besides `ssd_tf.data.source.Source`."""

    def examples_at(
        self, split: str, indices: tf.data.Dataset
    ) -> tf.data.Dataset:
        """The examples at positions of `dataset(split)`, in that order."""


def shuffled_examples(source, split: str, *, seed: int, skip: int = 0):
    """A source's examples over and over, each epoch in an order of its own.

    Where a source can be read in any order, the order is a permutation of the
    whole split, nothing waits in memory, and what is skipped is not read.
    Elsewhere examples are drawn from a buffer.

    Args:
      source: `ssd_tf.data.source.Source`, may be `RandomAccess` as well.
      split: one of its splits.
      seed: of the run.
      skip: examples to leave out at the start; whole epochs cost nothing.

    Returns:
      endless `tf.data.Dataset` of (example, [2] int32 seed).

    Raises:
      InputError: the split has no examples.
    """
    num_examples = source.num_examples(split)
    if num_examples == 0:
        raise InputError(f"{source.name}: split {split!r} has no images")
    positions = tf.data.Dataset.counter(skip)
    seeds = positions.map(
        lambda i: _fold(
            _fold([seed, _AUGMENTATION], i // num_examples), i % num_examples
        )
    )
    if isinstance(source, RandomAccess):
        indices = positions.map(
            lambda i: tf.random.experimental.index_shuffle(
                i % num_examples,
                _fold([seed, _ORDER], i // num_examples),
                num_examples - 1,
            )
        )
        examples = source.examples_at(split, indices)
    else:
        dataset = source.dataset(split)
        buffer_size = min(num_examples, _SHUFFLE_BUFFER)
        first_epoch, position = divmod(skip, num_examples)
        epochs = tf.data.Dataset.range(first_epoch, tf.int64.max)
        examples = epochs.flat_map(
            lambda epoch: _shuffle(
                dataset, buffer_size, _fold([seed, _ORDER], epoch)
            )
        ).skip(position)
    return tf.data.Dataset.zip(examples, seeds)


def _fold(seed, number):
    """A [2] int32 seed that depends on another and on a number."""
    return tf.random.experimental.stateless_fold_in(
        seed, tf.cast(number, tf.int32)
    )


def _shuffle(dataset, buffer_size: int, seed):
    """`dataset.shuffle` with a [2] int32 tensor for a seed.

    The method mixes its seed with the global one, so that the order would
    depend on who else has set that, and it takes no tensor where that is 0.
    """
    variant = tf.raw_ops.ShuffleDatasetV3(
        input_dataset=tf.data.experimental.to_variant(dataset),
        buffer_size=buffer_size,
        seed=tf.cast(seed[0], tf.int64),
        seed2=tf.cast(seed[1], tf.int64),
        seed_generator=tf.raw_ops.DummySeedGenerator(),
        output_types=_flat(dataset, lambda spec: spec.dtype),
        output_shapes=_flat(dataset, lambda spec: spec.shape),
        reshuffle_each_iteration=False,
    )
    return tf.data.experimental.from_variant(variant, dataset.element_spec)


def _flat(dataset, attribute: Callable) -> list:
    return [attribute(spec) for spec in tf.nest.flatten(dataset.element_spec)]


def training_batches(
    source,
    split: str,
    *,
    encoder: Callable,
    policy: Policy,
    image_size: int,
    batch_size: int,
    seed: int,
    start_step: int = 0,
) -> tf.data.Dataset:
    """Endless batches of augmented images with encoded targets.

    Args:
      source: `ssd_tf.data.source.Source`.
      split: one of its splits.
      encoder: (gt_labels, gt_boxes) -> targets; `TargetEncoder`.
      policy: augmentation.
      image_size: side of the images in pixels.
      batch_size: images per batch.
      seed: of order and augmentation.
      start_step: batches that an earlier part of the run has seen.

    Returns:
      `tf.data.Dataset` of `TrainingBatch`.
    """

    def prepare(example, example_seed):
        example = _without_crowds(example)
        image, gt_labels, gt_boxes = augment(
            images.decode(example["image"]),
            example["gt_labels"],
            example["gt_boxes"],
            policy=policy,
            size=image_size,
            seed=example_seed,
        )
        targets = encoder(gt_labels, gt_boxes)
        return TrainingBatch(image, targets, gt_boxes, gt_labels)

    examples = shuffled_examples(
        source, split, seed=seed, skip=start_step * batch_size
    )
    return (
        examples.map(prepare, num_parallel_calls=tf.data.AUTOTUNE)
        .padded_batch(batch_size, drop_remainder=True)
        .prefetch(2)
    )


def _without_crowds(example):
    """An example without its crowds, which are no objects to learn from.

    Source: weiliu89/caffe, train_on_diff_gt=False for COCO, whose crowds are
    stored as difficult there.
    """
    keep = ~example["gt_is_crowd"]  # [M]
    return {
        key: tf.boolean_mask(value, keep) if key.startswith("gt_") else value
        for key, value in example.items()
    }


def evaluation_batches(
    source, split: str, *, image_size: int, batch_size: int
) -> tf.data.Dataset:
    """The examples of a split in order, once, resized and padded.

    Returns:
      `tf.data.Dataset` of `EvaluationBatch`; the last batch may be smaller.
    """

    def prepare(example):
        image = images.decode(example["image"])
        return EvaluationBatch(
            images=images.resize(image, image_size),
            encoded_images=example["image"],
            image_ids=example["image_id"],
            image_sizes=tf.shape(image)[:2],
            gt_boxes=example["gt_boxes"],
            gt_labels=example["gt_labels"],
            gt_is_difficult=example["gt_is_difficult"],
            gt_is_crowd=example["gt_is_crowd"],
            gt_areas=example["gt_areas"],
        )

    return (
        source.dataset(split)
        .map(prepare, num_parallel_calls=tf.data.AUTOTUNE)
        .padded_batch(batch_size)
        .prefetch(2)
    )


def batch_image_ids(
    source, split: str, *, batch_size: int, seed: int, step: int
) -> list[str]:
    """Names of the images that `training_batches` puts into one batch."""
    examples = shuffled_examples(
        source, split, seed=seed, skip=step * batch_size
    )
    return [
        example["image_id"].numpy().decode()
        for example, _ in examples.take(batch_size)
    ]
