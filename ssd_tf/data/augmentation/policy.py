"""Augmentation policies: ordered tuples of operations on a training image.

Zoom-out and crop move the *view*, the rectangle of the image that will be
seen; `Resample` turns the view into pixels, once; colours and flips come
after it. Caffe changes the colours first. Here that happens to the resampled
image, which has half of the pixels of a photograph. All operations are pixel
by pixel; the two orders differ where an edge is interpolated and hue,
saturation or clipping, which are not linear, apply.
"""

import dataclasses
import functools
from collections.abc import Callable
from typing import ClassVar

import tensorflow as tf

from ssd_tf import box_ops
from ssd_tf.config import Recipe
from ssd_tf.data.augmentation import geometry, photometric
from ssd_tf.data.augmentation.sample import Policy, Sample
from ssd_tf.data.images import resampling
from ssd_tf.errors import InputError


@dataclasses.dataclass(frozen=True)
class ZoomOut:
    """Lays the image somewhere on a larger canvas; see `FillCanvas`.

    Attributes:
      max_ratio: largest canvas side over image side.
    """

    max_ratio: float
    stream: ClassVar[int] = 0

    def __call__(self, sample: Sample, *, seed, size: int) -> Sample:
        canvas = geometry.random_expand(seed, max_ratio=self.max_ratio)
        return sample._replace(view=geometry.compose(sample.view, canvas))


@dataclasses.dataclass(frozen=True)
class Crop:
    """Looks at a part of the view, by SSD's batch samplers."""

    stream: ClassVar[int] = 1

    def __call__(self, sample: Sample, *, seed, size: int) -> Sample:
        boxes = geometry.boxes_in_view(sample.gt_boxes, sample.view)
        crop = geometry.random_crop(seed, boxes)
        return sample._replace(view=geometry.compose(sample.view, crop))


@dataclasses.dataclass(frozen=True)
class Resample:
    """Makes the pixels of the view; drops objects with their centre outside.

    Attributes:
      interpolations: keys of `resampling.INTERPOLATIONS`, of which each image
        draws one.
    """

    interpolations: tuple[str, ...] = ("bilinear",)
    stream: ClassVar[int] = 4

    def __call__(self, sample: Sample, *, seed, size: int) -> Sample:
        image, view, gt_labels, gt_boxes = sample
        gt_boxes, keep = geometry.visible_boxes(gt_boxes, view)
        branches = [
            functools.partial(
                resampling.render, image, view, size, interpolation=name
            )
            for name in self.interpolations
        ]
        index = tf.random.stateless_uniform(
            [], seed, minval=0, maxval=len(branches), dtype=tf.int32
        )
        return Sample(
            # A switch of one branch costs time.
            tf.switch_case(index, branches) if branches[1:] else branches[0](),
            view,
            tf.boolean_mask(gt_labels, keep),
            tf.boolean_mask(gt_boxes, keep),
        )


@dataclasses.dataclass(frozen=True)
class DistortColours:
    """Caffe's distortion of brightness, contrast, saturation and hue.

    Attributes:
      strength: fraction of Caffe's ranges.
    """

    strength: float
    stream: ClassVar[int] = 2

    def __call__(self, sample: Sample, *, seed, size: int) -> Sample:
        image = photometric.distort(sample.image, seed, strength=self.strength)
        return sample._replace(image=image)


@dataclasses.dataclass(frozen=True)
class FillCanvas:
    """Colours what the view shows beyond the image.

    It comes after the colours, which leave the canvas alone in Caffe, and
    before flips, which the view does not follow.

    Attributes:
      fill_rgb: R, G, B; the mean that Caffe fills the canvas with.
    """

    fill_rgb: tuple[float, float, float] = (123.0, 117.0, 104.0)

    def __call__(self, sample: Sample, *, seed, size: int) -> Sample:
        image = resampling.fill_outside(
            sample.image, sample.view, fill_rgb=self.fill_rgb
        )
        return sample._replace(image=image)


# Pixels and boxes; an image draws one coin for each, in this order.
# tf.reverse: slicing with [::-1] takes ten times as long.
_FLIPS: dict[str, tuple[Callable, Callable]] = {
    "left_right": (lambda x: tf.reverse(x, [1]), box_ops.flip_left_right),
    "up_down": (lambda x: tf.reverse(x, [0]), box_ops.flip_up_down),
    "transpose": (lambda x: tf.transpose(x, [1, 0, 2]), box_ops.transpose),
}


@dataclasses.dataclass(frozen=True)
class Flip:
    """Mirrors half of the images; all three flips give all rotations by 90.

    Attributes:
      kind: "left_right", "up_down" or "transpose", which swaps rows and
        columns.
    """

    kind: str
    stream: ClassVar[int] = 3

    def __call__(self, sample: Sample, *, seed, size: int) -> Sample:
        flip_pixels, flip_boxes = _FLIPS[self.kind]
        coins = tf.random.stateless_uniform([len(_FLIPS)], seed) < 0.5
        image, gt_boxes = tf.cond(
            coins[list(_FLIPS).index(self.kind)],
            lambda: (flip_pixels(sample.image), flip_boxes(sample.gt_boxes)),
            lambda: (sample.image, sample.gt_boxes),
        )
        return sample._replace(image=image, gt_boxes=gt_boxes)


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
    # Half of the colours and a little of the zoom-out: enough for pictures
    # that one camera took.
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
      InputError: for an unknown name; lists the known ones.
    """
    if recipe.augmentation not in POLICIES:
        raise InputError(
            f"unknown augmentation {recipe.augmentation!r}; "
            f"known: {', '.join(POLICIES)}"
        )
    policy = tuple(POLICIES[recipe.augmentation])
    flips = [Flip("up_down")] if recipe.flip_up_down else []
    if recipe.rotate_90:
        # With both mirrors, or half of the eight positions never come up.
        flips = [Flip(kind) for kind in _FLIPS]
    return policy + tuple(flip for flip in flips if flip not in policy)
