"""Input pipelines: a source's examples -> batches of images and targets."""

import functools
from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from ssd_tf.data import images, service, sources
from ssd_tf.data.augmentation import Partner, Policy, augment, count_partners
from ssd_tf.data.shuffling import RandomAccess, Share, shuffled_examples


class TrainingBatch(NamedTuple):
    """B training images; objects are padded with zeros."""

    images: tf.Tensor  # [B, S, S, 3] float32 RGB 0..255
    targets: NamedTuple  # what the encoder returns, batched
    gt_boxes: tf.Tensor  # [B, M, 4] float32 yxyx
    gt_labels: tf.Tensor  # [B, M] int32


class EvaluationBatch(NamedTuple):
    """B images with their objects, padded with zeros."""

    images: tf.Tensor  # [B, S, S, 3] float32 RGB 0..255 or [B, H, W, 3] uint8
    image_ids: tf.Tensor  # [B] string
    image_sizes: tf.Tensor  # [B, 2] int32 height, width of the originals, px
    gt_boxes: tf.Tensor  # [B, M, 4] float32 yxyx
    gt_labels: tf.Tensor  # [B, M] int32
    gt_is_difficult: tf.Tensor  # [B, M] bool
    gt_is_crowd: tf.Tensor  # [B, M] bool
    gt_areas: tf.Tensor  # [B, M] float32 fractions of the image


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
    share: Share = Share(),
    factors: np.ndarray | None = None,
    data_service: str | None = None,
    left_out: Collection[int] = (),
) -> tf.data.Dataset:
    """Endless batches of augmented images with encoded targets.

    Args:
      source: `ssd_tf.data.sources.base.Source`.
      split: one of its splits.
      encoder: (gt_labels, gt_boxes) -> targets; `TargetEncoder`.
      policy: see `ssd_tf.data.augmentation`.
      image_size: side of the images in pixels.
      batch_size: images per batch.
      seed: of order and augmentation.
      start_step: batches that an earlier part of the run has seen.
      share: this worker's; the shares of all, in order, are the batch.
      factors: of `balancing.repeat_factors`, to draw some images more often.
      data_service: grpc://HOST:PORT of a dispatcher whose workers prepare the
        batches; see `ssd_tf.data.service`.
      left_out: positions of images that cannot be used; see
        `shuffling.shuffled_examples`.

    Returns:
      `tf.data.Dataset` of `TrainingBatch`, each a share of a batch.
    """
    num_partners = count_partners(policy)

    def prepare(example, *partners_and_seed) -> TrainingBatch:
        *partners, example_seed = partners_and_seed
        return prepare_example(
            example,
            example_seed,
            encoder=encoder,
            policy=policy,
            image_size=image_size,
            partners=partners[0] if partners else (),
        )

    def batches_from(step) -> tf.data.Dataset:
        return (
            shuffled_examples(
                source,
                split,
                seed=seed,
                skip=step * batch_size,
                batch_size=batch_size,
                share=share,
                left_out=left_out,
                factors=factors,
                num_partners=num_partners,
            )
            .map(prepare, num_parallel_calls=tf.data.AUTOTUNE)
            .padded_batch(len(share.positions(batch_size)), drop_remainder=True)
        )

    if data_service:
        service.check_source(source)
        source.num_examples(split)  # is read now, not in the batches' graph
        batches = service.distribute(
            data_service,
            lambda step: batches_from(step).take(1),
            start_step=start_step,
        )
    else:
        batches = batches_from(start_step)
    return batches.prefetch(2)


def prepare_example(
    example,
    seed,
    *,
    encoder: Callable,
    policy: Policy,
    image_size: int,
    partners: Sequence = (),
) -> TrainingBatch:
    """One example as it goes into a batch, without the batch axis.

    To see again what a run saw, give it the seed, [2] int32, that
    `ssd_tf.data.order.example_seed` returns, and the `partners`, examples,
    that `shuffled_examples` has with it for a policy that needs some.
    """
    image, gt_labels, gt_boxes = augment(
        _pixels(example["image"]),
        sources.labels_to_learn(example),
        example["gt_boxes"],
        policy=policy,
        size=image_size,
        seed=seed,
        partners=[
            Partner(
                functools.partial(_pixels, other["image"]),
                sources.labels_to_learn(other),
                other["gt_boxes"],
            )
            for other in partners
        ],
    )
    # Not before: crowds steer the crops, too.
    gt_labels, gt_boxes = sources.drop_unlabelled(gt_labels, gt_boxes)
    targets = encoder(gt_labels, gt_boxes)
    return TrainingBatch(image, targets, gt_boxes, gt_labels)


def _pixels(image):
    """[H, W, 3] uint8 of an encoded image, or of one that is decoded."""
    is_decoded = getattr(image, "dtype", None) == tf.uint8
    return image if is_decoded else images.decode(image)


def drop_objects(batch: TrainingBatch) -> TrainingBatch:
    """The batch for a step that needs its targets only: M is 0."""
    return batch._replace(
        gt_boxes=batch.gt_boxes[:, :0], gt_labels=batch.gt_labels[:, :0]
    )


def pad_objects(batch: TrainingBatch) -> TrainingBatch:
    """The batch with M a power of two, at least 16, for few shapes in all."""
    count = batch.gt_labels.shape[1]
    missing = max(16, 1 << (count - 1).bit_length() if count else 0) - count
    return batch._replace(
        gt_boxes=tf.pad(batch.gt_boxes, [(0, 0), (0, missing), (0, 0)]),
        gt_labels=tf.pad(batch.gt_labels, [(0, 0), (0, missing)]),
    )


def evaluation_batches(
    source,
    split: str,
    *,
    image_size: int | None,
    batch_size: int,
    positions: np.ndarray | None = None,
) -> tf.data.Dataset:
    """The examples of a split in order, once, padded.

    Returns:
      `tf.data.Dataset` of `EvaluationBatch`; the last batch may be smaller.
      Without an `image_size` images are left whole. With `positions`, which
      rise, only the examples at these are given.
    """

    def prepare(example):
        image = images.decode(example["image"])
        return EvaluationBatch(
            images=images.resize(image, image_size) if image_size else image,
            image_ids=example["image_id"],
            image_sizes=tf.shape(image)[:2],
            gt_boxes=example["gt_boxes"],
            gt_labels=example["gt_labels"],
            gt_is_difficult=example["gt_is_difficult"],
            gt_is_crowd=example["gt_is_crowd"],
            gt_areas=example["gt_areas"],
        )

    return (
        _examples_in_order(source, split, positions)
        .map(prepare, num_parallel_calls=tf.data.AUTOTUNE)
        .padded_batch(batch_size)
        .prefetch(2)
    )


def shared_positions(
    num_examples: int,
    *,
    batch_size: int,
    share: Share = Share(),
    left_out: Collection[int] = (),
) -> np.ndarray:
    """Positions of a worker's share of a split: every so many batches, one."""
    positions = np.arange(num_examples)
    is_mine = positions // batch_size % share.count == share.index
    is_mine[list(left_out)] = False
    return positions[is_mine]


def _examples_in_order(
    source, split: str, positions: np.ndarray | None
) -> tf.data.Dataset:
    """The examples at positions, or all."""
    if positions is None or len(positions) == source.num_examples(split):
        return source.dataset(split)
    if isinstance(source, RandomAccess):  # the others are not even read
        return source.examples_at(
            split, tf.data.Dataset.from_tensor_slices(positions)
        )
    is_wanted = np.zeros(source.num_examples(split), bool)
    is_wanted[positions] = True
    examples = source.dataset(split).enumerate()
    examples = examples.filter(lambda k, _: tf.gather(is_wanted, k))
    return examples.map(lambda _, example: example)
