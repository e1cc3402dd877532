"""Augmentation policies: an example in, a training image and its boxes out."""

import dataclasses

import tensorflow as tf

from ssd_tf import box_ops
from ssd_tf.config import Recipe
from ssd_tf.data import geometry, photometric
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
    """

    photometric: float = 0.0
    expand_ratio: float = 1.0
    crop: bool = False
    flip_left_right: bool = False
    flip_up_down: bool = False
    transpose: bool = False


POLICIES = {
    "ssd": Policy(
        photometric=1.0, expand_ratio=4.0, crop=True, flip_left_right=True
    ),
    "ssd_light": Policy(photometric=0.5, crop=True, flip_left_right=True),
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
        policy = dataclasses.replace(policy, transpose=True)
    return policy


def augment(image, gt_labels, gt_boxes, *, policy: Policy, size: int, seed):
    """Transforms one image and its objects.

    Args:
      image: [H, W, 3] uint8 RGB.
      gt_labels: [M] int32.
      gt_boxes: [M, 4] float32 yxyx.
      policy: what to do.
      size: side of the output in pixels.
      seed: [2] int32; the same seed gives the same result.

    Returns:
      `(image, gt_labels, gt_boxes)`: [size, size, 3] float32 RGB 0..255 and
      the N <= M objects whose centre is still visible, clipped.
    """
    seeds = tf.random.split(seed, 4)
    view = tf.constant(geometry.WHOLE_IMAGE)
    if policy.expand_ratio > 1.0:
        view = geometry.random_expand(seeds[0], max_ratio=policy.expand_ratio)
    if policy.crop:
        crop = geometry.random_crop(
            seeds[1], geometry.boxes_in_view(gt_boxes, view)
        )
        view = geometry.compose(view, crop)
    image = geometry.render(image, view, size, fill_rgb=_FILL_RGB)
    gt_boxes = geometry.boxes_in_view(gt_boxes, view)
    keep = geometry.keep_centred(gt_boxes)
    gt_boxes = box_ops.clip(gt_boxes)
    keep &= box_ops.is_valid(gt_boxes)
    gt_labels, gt_boxes = gt_labels[keep], gt_boxes[keep]
    # Colours are changed after the resize: a third of the pixels, and the
    # operations are pixel by pixel, so only saturation at 0 and 255 differs.
    if policy.photometric > 0.0:
        image = photometric.distort(
            image, seeds[2], strength=policy.photometric
        )
    image, gt_boxes = _random_flips(image, gt_boxes, policy, seeds[3])
    return tf.ensure_shape(image, [size, size, 3]), gt_labels, gt_boxes


def _random_flips(image, boxes, policy, seed):
    coins = tf.random.stateless_uniform([3], seed) < 0.5
    if policy.flip_left_right:
        image, boxes = tf.cond(
            coins[0],
            lambda: (image[:, ::-1], box_ops.flip_left_right(boxes)),
            lambda: (image, boxes),
        )
    if policy.flip_up_down:
        upright, boxes_upright = image, boxes
        image, boxes = tf.cond(
            coins[1],
            lambda: (upright[::-1], box_ops.flip_up_down(boxes_upright)),
            lambda: (upright, boxes_upright),
        )
    if policy.transpose:
        straight, boxes_straight = image, boxes
        image, boxes = tf.cond(
            coins[2],
            lambda: (
                tf.transpose(straight, [1, 0, 2]),
                box_ops.transpose(boxes_straight),
            ),
            lambda: (straight, boxes_straight),
        )
    return image, boxes
