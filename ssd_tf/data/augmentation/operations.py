"""Operations of augmentation policies: a training image -> a changed one.

Zoom-out and crop move the *view*, the rectangle of the image that will be
seen; `Resample` turns the view into pixels, once; colours and flips come
after it. Caffe changes the colours first, of twice as many pixels; the orders
differ where an edge is interpolated and a change is not linear.
"""

import dataclasses
import functools
from collections.abc import Callable, Sequence
from typing import ClassVar, NamedTuple, Protocol

import tensorflow as tf

from ssd_tf import box_ops
from ssd_tf.data.augmentation import geometry, mixing, photometric
from ssd_tf.data.augmentation.mixing import Partner
from ssd_tf.data.images import resampling

# Numbered streams of random numbers, which operations of this file declare.
NUM_STREAMS = 5


class Sample(NamedTuple):
    """A training image on its way through a policy.

    Attributes:
      image: [H, W, 3] uint8 RGB; from `Resample` on [S, S, 3] float32 0..255.
      view: [4] float32 yxyx, relative to the decoded image; may leave it.
      gt_labels: [M] int32; 0 for crowds, which steer crops and then leave.
      gt_boxes: [M, 4] float32 yxyx, relative to the decoded image; from
        `Resample` on to what is seen.
    """

    image: tf.Tensor
    view: tf.Tensor
    gt_labels: tf.Tensor
    gt_boxes: tf.Tensor


class Operation(Protocol):
    """A step of a policy: any callable of this form, best a frozen dataclass.

    Unless it declares a stream, its seed, [2] int32, comes from the name of its
    class and how many of that class come before it: what it draws does not
    depend on other operations.
    """

    def __call__(self, sample: Sample, *, seed, size: int) -> Sample:
        """The changed sample, for an output of `size` x `size` pixels."""


class MixingOperation(Protocol):
    """An `Operation` that needs other pictures of the data set."""

    @property
    def num_partners(self) -> int:
        """How many it needs."""

    def __call__(
        self, sample: Sample, *, seed, size: int, partners: Sequence[Partner]
    ) -> Sample:
        """As of `Operation`, with `num_partners` other pictures."""


Policy = Sequence[Operation | MixingOperation]


@dataclasses.dataclass(frozen=True)
class Mosaic:
    """Puts a share of the images together with three others; comes first."""

    probability: float
    num_partners: ClassVar[int] = 3

    def __call__(
        self, sample: Sample, *, seed, size: int, partners: Sequence[Partner]
    ) -> Sample:
        seeds = tf.random.split(seed, 2)
        image, _, gt_labels, gt_boxes = sample
        own = Partner(lambda: image, gt_labels, gt_boxes)
        image, gt_labels, gt_boxes = tf.cond(
            tf.random.stateless_uniform([], seeds[0]) < self.probability,
            lambda: mixing.mosaic([own, *partners], size=size, seed=seeds[1]),
            lambda: (image, gt_labels, gt_boxes),
        )
        return sample._replace(
            image=image, gt_labels=gt_labels, gt_boxes=gt_boxes
        )


@dataclasses.dataclass(frozen=True)
class Mixup:
    """Mixes a share of the images with another; after `Resample`."""

    probability: float
    num_partners: ClassVar[int] = 1

    def __call__(
        self, sample: Sample, *, seed, size: int, partners: Sequence[Partner]
    ) -> Sample:
        seeds = tf.random.split(seed, 2)
        image, _, gt_labels, gt_boxes = sample
        objects = (gt_labels, gt_boxes)
        image, gt_labels, gt_boxes = tf.cond(
            tf.random.stateless_uniform([], seeds[0]) < self.probability,
            lambda: mixing.mixup(image, *objects, partners[0], seed=seeds[1]),
            lambda: (image, *objects),
        )
        return sample._replace(
            image=image, gt_labels=gt_labels, gt_boxes=gt_boxes
        )


@dataclasses.dataclass(frozen=True)
class ZoomOut:
    """Lays the image on a canvas of up to `max_ratio` times its sides."""

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

    Each image draws one of the interpolations, `resampling.INTERPOLATIONS`.
    """

    interpolations: tuple[str, ...] = ("bilinear",)
    stream: ClassVar[int] = 4

    def __call__(self, sample: Sample, *, seed, size: int) -> Sample:
        image, view, gt_labels, gt_boxes = sample
        gt_boxes, keep = geometry.visible_boxes(gt_boxes, view)
        render = functools.partial(resampling.render, image, view, size)
        branches = [
            functools.partial(render, interpolation=name)
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
    """Caffe's distortion of colours, over a fraction of its ranges."""

    strength: float
    stream: ClassVar[int] = 2

    def __call__(self, sample: Sample, *, seed, size: int) -> Sample:
        image = photometric.distort(sample.image, seed, strength=self.strength)
        return sample._replace(image=image)


@dataclasses.dataclass(frozen=True)
class FillCanvas:
    """Colours what the view shows beyond the image.

    After the colours, which leave the canvas alone in Caffe, and before flips,
    which the view does not follow.
    """

    # Caffe's.
    fill_rgb: tuple[float, float, float] = (123.0, 117.0, 104.0)

    def __call__(self, sample: Sample, *, seed, size: int) -> Sample:
        image, view = sample.image, sample.view
        image = resampling.fill_outside(image, view, fill_rgb=self.fill_rgb)
        return sample._replace(image=image)


# Pixels and boxes; an image draws one coin for each, in this order.
# tf.reverse: slicing with [::-1] takes ten times as long.
FLIPS: dict[str, tuple[Callable, Callable]] = {
    "left_right": (lambda x: tf.reverse(x, [1]), box_ops.flip_left_right),
    "up_down": (lambda x: tf.reverse(x, [0]), box_ops.flip_up_down),
    "transpose": (lambda x: tf.transpose(x, [1, 0, 2]), box_ops.transpose),
}


@dataclasses.dataclass(frozen=True)
class Flip:
    """Mirrors half of the images; all three kinds give all rotations by 90.

    A kind is "left_right", "up_down" or "transpose" (rows for columns).
    """

    kind: str
    stream: ClassVar[int] = 3

    def __call__(self, sample: Sample, *, seed, size: int) -> Sample:
        flip_pixels, flip_boxes = FLIPS[self.kind]
        coins = tf.random.stateless_uniform([len(FLIPS)], seed) < 0.5
        image, gt_boxes = tf.cond(
            coins[list(FLIPS).index(self.kind)],
            lambda: (flip_pixels(sample.image), flip_boxes(sample.gt_boxes)),
            lambda: (sample.image, sample.gt_boxes),
        )
        return sample._replace(image=image, gt_boxes=gt_boxes)


@dataclasses.dataclass(frozen=True)
class Rotate:
    """Turns images by 0, 90, 180 or 270 degrees and mirrors none."""

    stream: ClassVar[int] = 3

    def __call__(self, sample: Sample, *, seed, size: int) -> Sample:
        coins = tf.random.stateless_uniform([len(FLIPS)], seed) < 0.5
        for coin, kinds in (
            (coins[0], ("left_right", "up_down")),  # half a turn
            (coins[1], ("transpose", "up_down")),  # a quarter, to the left
        ):
            image, gt_boxes = tf.cond(
                coin,
                functools.partial(_flip, sample.image, sample.gt_boxes, kinds),
                lambda: (sample.image, sample.gt_boxes),
            )
            sample = sample._replace(image=image, gt_boxes=gt_boxes)
        return sample


def _flip(image, gt_boxes, kinds: Sequence[str]):
    for kind in kinds:
        flip_pixels, flip_boxes = FLIPS[kind]
        image, gt_boxes = flip_pixels(image), flip_boxes(gt_boxes)
    return image, gt_boxes
