"""Augmentation policies: an example in, a training image and its boxes out."""

import dataclasses
import functools

import tensorflow as tf

from ssd_tf import box_ops
from ssd_tf.config import Recipe
from ssd_tf.data.augmentation import geometry, photometric
from ssd_tf.data.images import resampling
from ssd_tf.errors import InputError

# R, G, B; the mean that Caffe fills the canvas of the zoom-out with.
_FILL_RGB = (123.0, 117.0, 104.0)


@dataclasses.dataclass(frozen=True)
class Policy:
    """What happens to a training image. All of it is drawn from one seed.

    Attributes:
      photometric: fraction of Caffe's colour distortion; 0 is off.
      expand_ratio: largest zoom-out, canvas side over image side; 1 is off.
      crop: whether to apply SSD's batch samplers.
      flip_left_right: mirror half of the images.
      flip_up_down: turn half of the images upside down.
      transpose: swap rows and columns of half of the images; with both
        flips, all rotations by 90 degrees.
      interpolations: keys of `resampling.INTERPOLATIONS`, of which each image
        draws one.
    """

    photometric: float = 0.0
    expand_ratio: float = 1.0
    crop: bool = False
    flip_left_right: bool = False
    flip_up_down: bool = False
    transpose: bool = False
    interpolations: tuple[str, ...] = ("bilinear",)


POLICIES = {
    "ssd": Policy(
        photometric=1.0,
        expand_ratio=4.0,
        crop=True,
        flip_left_right=True,
        interpolations=tuple(resampling.INTERPOLATIONS),
    ),
    # Half of the colours and a little of the zoom-out: enough for pictures
    # that one camera took.
    "ssd_light": Policy(
        photometric=0.5, expand_ratio=1.5, crop=True, flip_left_right=True
    ),
    "none": Policy(),
}


def build_policy(recipe: Recipe) -> Policy:
    """The policy that a recipe names, with its switches.

    Raises:
      InputError: for an unknown name; lists the known ones.
    """
    if recipe.augmentation not in POLICIES:
        raise InputError(
            f"unknown augmentation {recipe.augmentation!r}; "
            f"known: {', '.join(POLICIES)}"
        )
    policy = POLICIES[recipe.augmentation]
    if recipe.flip_up_down or recipe.rotate_90:
        policy = dataclasses.replace(policy, flip_up_down=True)
    if recipe.rotate_90:
        # With both mirrors, or half of the eight positions never come up.
        policy = dataclasses.replace(
            policy, transpose=True, flip_left_right=True
        )
    return policy


def augment(image, gt_labels, gt_boxes, *, policy: Policy, size: int, seed):
    """Transforms one image and its objects.

    Zoom-out, crop, resize, colours, flips. Caffe changes the colours first.
    Here that happens to the resized image, which has half of the pixels of a
    photograph. All operations are pixel by pixel; the two orders differ
    where an edge is interpolated and hue, saturation or clipping, which are
    not linear, apply. The canvas of the zoom-out is left alone, as in Caffe.

    Args:
      image: [H, W, 3] uint8 RGB.
      gt_labels: [M] int32.
      gt_boxes: [M, 4] float32 yxyx.
      policy: what to do.
      size: side of the output in pixels.
      seed: [2] int32; the same seed gives the same result.

    Returns:
      `(image, gt_labels, gt_boxes)`: [size, size, 3] float32 RGB 0..255 and
      the N <= M objects whose centre is still visible, clipped. N may be 0.
    """
    seeds = tf.random.split(seed, 5)
    view = tf.constant(geometry.WHOLE_IMAGE)
    if policy.expand_ratio > 1.0:
        view = geometry.random_expand(seeds[0], max_ratio=policy.expand_ratio)
    if policy.crop:
        crop = geometry.random_crop(
            seeds[1], geometry.boxes_in_view(gt_boxes, view)
        )
        view = geometry.compose(view, crop)
    gt_labels, gt_boxes = _visible_objects(gt_labels, gt_boxes, view)
    image = _random_render(image, view, size, policy, seeds[4])
    if policy.photometric > 0.0:
        image = photometric.distort(
            image, seeds[2], strength=policy.photometric
        )
    if policy.expand_ratio > 1.0:
        image = resampling.fill_outside(image, view, fill_rgb=_FILL_RGB)
    image, gt_boxes = _random_flips(image, gt_boxes, policy, seeds[3])
    return tf.ensure_shape(image, [size, size, 3]), gt_labels, gt_boxes


def _visible_objects(gt_labels, gt_boxes, view):
    """Labels [N] and clipped boxes [N, 4] of what is left in a view."""
    gt_boxes = geometry.boxes_in_view(gt_boxes, view)
    keep = geometry.keep_centred(gt_boxes)
    gt_boxes = box_ops.clip(gt_boxes)
    keep &= box_ops.is_valid(gt_boxes)
    return tf.boolean_mask(gt_labels, keep), tf.boolean_mask(gt_boxes, keep)


def _random_render(image, view, size: int, policy: Policy, seed):
    names = policy.interpolations
    branches = [
        functools.partial(
            resampling.render, image, view, size, interpolation=name
        )
        for name in names
    ]
    if len(branches) == 1:
        return branches[0]()
    return tf.switch_case(
        tf.random.stateless_uniform(
            [], seed, minval=0, maxval=len(names), dtype=tf.int32
        ),
        branches,
    )


def _random_flips(image, boxes, policy: Policy, seed):
    # tf.reverse: slicing with [::-1] takes ten times as long.
    flips = (
        (
            policy.flip_left_right,
            lambda pixels: tf.reverse(pixels, [1]),
            box_ops.flip_left_right,
        ),
        (
            policy.flip_up_down,
            lambda pixels: tf.reverse(pixels, [0]),
            box_ops.flip_up_down,
        ),
        (
            policy.transpose,
            lambda pixels: tf.transpose(pixels, [1, 0, 2]),
            box_ops.transpose,
        ),
    )
    coins = tf.random.stateless_uniform([len(flips)], seed) < 0.5
    for i, (is_used, flip_pixels, flip_boxes) in enumerate(flips):
        if is_used:
            image, boxes = _maybe(
                coins[i], flip_pixels, flip_boxes, image, boxes
            )
    return image, boxes


def _maybe(coin, flip_pixels, flip_boxes, image, boxes):
    return tf.cond(
        coin,
        lambda: (flip_pixels(image), flip_boxes(boxes)),
        lambda: (image, boxes),
    )
