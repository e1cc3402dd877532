"""Augmentation policies: ordered tuples of operations on a training image."""

import functools
import zlib
from collections.abc import Sequence

import tensorflow as tf

from ssd_tf.config import Recipe
from ssd_tf.data.augmentation import geometry
from ssd_tf.data.augmentation.mixing import Partner
from ssd_tf.data.augmentation.operations import (
    FLIPS,
    NUM_STREAMS,
    Crop,
    DistortColours,
    FillCanvas,
    Flip,
    Mixup,
    Mosaic,
    Operation,
    Policy,
    Resample,
    Rotate,
    Sample,
    ZoomOut,
)
from ssd_tf.data.images import resampling
from ssd_tf.errors import InputError

POLICIES: dict[str, Policy] = {
    # The paper's, with Caffe's values.
    "ssd": (
        ZoomOut(max_ratio=4.0),
        Crop(),
        Resample(tuple(resampling.INTERPOLATIONS)),
        DistortColours(strength=1.0),
        FillCanvas(),
        Flip("left_right"),
    ),
    # Milder: enough for pictures that one camera took.
    "ssd_light": (
        ZoomOut(max_ratio=1.5),
        Crop(),
        Resample(),
        DistortColours(strength=0.5),
        FillCanvas(),
        Flip("left_right"),
    ),
    "none": (Resample(),),
}


def build_policy(recipe: Recipe) -> Policy:
    """The policy that a recipe names, with its switches.

    Raises:
      InputError: the name is unknown.
    """
    if recipe.augmentation not in POLICIES:
        raise InputError(
            f"unknown augmentation {recipe.augmentation!r}; "
            f"known: {', '.join(POLICIES)}"
        )
    policy = tuple(POLICIES[recipe.augmentation])
    flips: list[Operation] = [Flip("up_down")] if recipe.flip_up_down else []
    if not recipe.flip_left_right:
        policy = tuple(o for o in policy if o != Flip("left_right"))
        if recipe.rotate_90:
            flips = [Rotate()]
    elif recipe.rotate_90:
        # With both mirrors, or half of the eight positions never come up.
        flips = [Flip(kind) for kind in FLIPS]
    policy += tuple(flip for flip in flips if flip not in policy)
    if recipe.mixup:
        # Flips turn both; before them the view is that of one.
        at = sum(not isinstance(o, (Flip, Rotate)) for o in policy)
        policy = (*policy[:at], Mixup(recipe.mixup), *policy[at:])
    if recipe.mosaic:
        policy = (Mosaic(recipe.mosaic), *policy)
    return policy


def count_partners(policy: Policy) -> int:
    """The pictures that a policy needs beside each example."""
    return sum(getattr(o, "num_partners", 0) for o in policy)


def augment(
    image,
    gt_labels,
    gt_boxes,
    *,
    policy: Policy,
    size: int,
    seed,
    partners: Sequence[Partner] = (),
):
    """Transforms one image and its objects; the seed decides.

    Args:
      image: [H, W, 3] uint8 RGB.
      gt_labels: [M] int32.
      gt_boxes: [M, 4] float32 yxyx.
      policy: what to do, in this order; with a `Resample`.
      size: side of the output in pixels.
      seed: [2] int32.
      partners: `count_partners(policy)` other pictures.

    Returns:
      `(image, gt_labels, gt_boxes)`: [size, size, 3] float32 RGB 0..255 and
      the N <= M objects whose centre is still visible, clipped. N may be 0.
    """
    whole_image = tf.constant(geometry.WHOLE_IMAGE)
    sample = Sample(image, whole_image, gt_labels, gt_boxes)
    if len(partners) != count_partners(policy):
        raise ValueError(
            f"the policy needs {count_partners(policy)} partners, got "
            f"{len(partners)}"
        )
    others = iter(partners)
    for operation, own_seed in zip(policy, _seeds(policy, seed)):
        step = functools.partial(operation, seed=own_seed, size=size)
        count = getattr(operation, "num_partners", 0)
        if count:
            step.keywords["partners"] = [next(others) for _ in range(count)]
        sample = step(sample)
    if sample.image.dtype != tf.float32:
        raise ValueError(f"policy without Resample: {policy}")
    image = tf.ensure_shape(sample.image, [size, size, 3])
    return image, sample.gt_labels, sample.gt_boxes


def _seeds(policy: Policy, seed):
    """A [2] int32 seed for each operation."""
    streams = tf.random.split(seed, NUM_STREAMS)  # [5, 2]
    names = [type(operation).__name__ for operation in policy]
    for i, operation in enumerate(policy):
        if hasattr(operation, "stream"):
            yield streams[operation.stream]
        else:
            label = f"{names[i]} {names[:i].count(names[i])}"
            yield tf.random.experimental.stateless_fold_in(
                seed, zlib.crc32(label.encode()) >> 1  # int32
            )
