"""A training image on its way through the operations of a policy."""

import zlib
from collections.abc import Sequence
from typing import NamedTuple, Protocol

import tensorflow as tf

from ssd_tf.data.augmentation import geometry

_NUM_STREAMS = 5


class Sample(NamedTuple):
    """A training image on its way through a policy.

    Attributes:
      image: [H, W, 3] uint8 RGB; from `Resample` on [S, S, 3] float32 0..255.
      view: [4] float32 yxyx, relative to the image as it was decoded; may
        reach beyond it.
      gt_labels: [M] int32.
      gt_boxes: [M, 4] float32 yxyx, relative to the image as it was decoded;
        from `Resample` on relative to what is seen.
    """

    image: tf.Tensor
    view: tf.Tensor
    gt_labels: tf.Tensor
    gt_boxes: tf.Tensor


class Operation(Protocol):
    """A step of a policy: any callable of this form, best a frozen dataclass.

    Its seed comes from the name of its class and how many of that class come
    before it, so what it draws does not depend on the other operations.
    Those of this file declare one of five numbered streams instead.
    """

    def __call__(self, sample: Sample, *, seed, size: int) -> Sample:
        """Returns the changed sample.

        Args:
          sample: what the operations before it made; not changed.
          seed: [2] int32, for stateless random numbers.
          size: side S of the output in pixels.
        """


Policy = Sequence[Operation]


def augment(image, gt_labels, gt_boxes, *, policy: Policy, size: int, seed):
    """Transforms one image and its objects.

    Args:
      image: [H, W, 3] uint8 RGB.
      gt_labels: [M] int32.
      gt_boxes: [M, 4] float32 yxyx.
      policy: what to do, in this order; with a `Resample`.
      size: side of the output in pixels.
      seed: [2] int32; the same seed gives the same result.

    Returns:
      `(image, gt_labels, gt_boxes)`: [size, size, 3] float32 RGB 0..255 and
      the N <= M objects whose centre is still visible, clipped. N may be 0.

    Raises:
      ValueError: nothing in the policy makes the pixels of the output.
    """
    whole_image = tf.constant(geometry.WHOLE_IMAGE)
    sample = Sample(image, whole_image, gt_labels, gt_boxes)
    for operation, own_seed in zip(policy, _seeds(policy, seed)):
        sample = operation(sample, seed=own_seed, size=size)
    if sample.image.dtype != tf.float32:
        raise ValueError(f"policy without Resample: {policy}")
    image = tf.ensure_shape(sample.image, [size, size, 3])
    return image, sample.gt_labels, sample.gt_boxes


def _seeds(policy: Policy, seed):
    """A [2] int32 seed for each operation."""
    streams = tf.random.split(seed, _NUM_STREAMS)  # [5, 2]
    names = [type(operation).__name__ for operation in policy]
    for i, operation in enumerate(policy):
        stream = getattr(operation, "stream", None)
        if stream is not None:
            yield streams[stream]
        else:
            label = f"{names[i]} {names[:i].count(names[i])}"
            yield tf.random.experimental.stateless_fold_in(
                seed, zlib.crc32(label.encode()) >> 1  # int32
            )
