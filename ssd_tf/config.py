"""A detector and its training as two frozen dataclasses."""

import dataclasses
import math
from typing import Any, Self

from ssd_tf.errors import InputError


@dataclasses.dataclass(frozen=True)
class _Config:
    def to_dict(self) -> dict[str, Any]:
        """A dict for JSON; `from_dict` takes it back."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Self:
        """Takes what `to_dict` wrote, after a trip through JSON."""
        return cls(**{name: _to_tuples(v) for name, v in values.items()})


def _to_tuples(value):
    if isinstance(value, (list, tuple)):
        return tuple(_to_tuples(item) for item in value)
    return value


@dataclasses.dataclass(frozen=True)
class DetectorConfig(_Config):
    """Everything needed to rebuild a detector except its weights.

    Attributes:
      backbone: a key of `ssd_tf.models.BACKBONES`.
      image_size: side of the square input, in pixels.
      num_classes: object classes; background is implicit, index 0.
      class_names: names in index order (1..C), or empty.
      class_ids: category ids in index order, as COCO's; empty for 1..C.
      pixel_mean: R, G, B of 0..255 to take from the pixels; None for what the
        backbone was made for, as in the next two.
      pixel_scale: by which the pixels are multiplied then.
      channel_order: "rgb" or "bgr" for the backbone; images are always RGB.
      feature_sizes: cells per side of each level, fine to coarse.
      steps_px: distance between cell centres of each level, in pixels.
      min_sizes_px: side of each level's small square anchor, in pixels.
      max_sizes_px: the large square anchor has side sqrt(min * max).
      aspect_ratios: of each level; r stands for r and 1/r.
      head: a key of `ssd_tf.models.HEADS`.
      extras: a key of `ssd_tf.models.EXTRAS`, the levels behind the backbone.
      neck: a key of `ssd_tf.models.NECKS`, between the levels and the heads.
      clip_anchors: clip the anchors' corners to the image, as Caffe.
      clip_anchor_centers: move centres outside of the image to its edge.
      clip_anchor_sizes: cut widths and heights to those of the image, as
        torchvision; with the former too, as ssd.pytorch.
      truncate_sizes: truncate sizes to whole pixels, as Caffe's prior box
        layer does in training too. The published sizes at 300 are whole; those
        at 512 are not, and other ports leave them as they are.
      variances: of the box code's cx, cy, w, h.
      encode_variance_in_target: leave the variances out of the targets and
        let the loss divide by them, as Caffe's parameter of this name.
      matcher: a key of `ssd_tf.matchers.MATCHERS`.
      matcher_params: the matcher's parameters as (name, value) pairs.
      score_threshold: detections score above it.
      nms_iou_threshold: boxes of a class overlapping more are suppressed.
      pre_nms_top_k: boxes per class that enter NMS.
      max_detections: detections per image.
    """

    backbone: str
    image_size: int
    feature_sizes: tuple[int, ...]
    steps_px: tuple[float, ...]
    min_sizes_px: tuple[float, ...]
    max_sizes_px: tuple[float, ...]
    aspect_ratios: tuple[tuple[float, ...], ...]
    num_classes: int = 20
    class_names: tuple[str, ...] = ()
    class_ids: tuple[int, ...] = ()
    pixel_mean: tuple[float, float, float] | None = None
    pixel_scale: float | None = None
    channel_order: str = ""
    head: str = "conv"
    extras: str = "backbone"
    neck: str = "none"
    clip_anchors: bool = False
    clip_anchor_centers: bool = False
    clip_anchor_sizes: bool = False
    truncate_sizes: bool = False
    variances: tuple[float, float, float, float] = (0.1, 0.1, 0.2, 0.2)
    encode_variance_in_target: bool = False
    matcher: str = "ssd"
    matcher_params: tuple[tuple[str, Any], ...] = ()
    score_threshold: float = 0.01
    nms_iou_threshold: float = 0.45
    pre_nms_top_k: int = 400
    max_detections: int = 200

    def __post_init__(self):
        if self.num_classes < 1:
            raise InputError(
                f"num_classes must be at least 1, got {self.num_classes}"
            )
        if self.class_names and len(self.class_names) != self.num_classes:
            raise InputError(
                f"num_classes is {self.num_classes}, but class_names has "
                f"{len(self.class_names)}: {', '.join(self.class_names)}"
            )
        self._check_class_ids()
        self._check_pixels()
        if self.image_size < 1:
            raise InputError(
                f"image_size must be above 0, got {self.image_size}"
            )
        if len(self.variances) != 4 or min(self.variances) <= 0.0:
            raise InputError(
                f"variances must be four numbers above 0, got {self.variances}"
            )
        for name in ("score_threshold", "nms_iou_threshold"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise InputError(
                    f"{name} must be in 0..1, got {getattr(self, name)}"
                )
        levels = len(self.feature_sizes)
        for name in _PER_LEVEL:
            if len(getattr(self, name)) != levels:
                raise InputError(
                    f"{name} must have one entry for each of the {levels} "
                    f"feature_sizes, got {getattr(self, name)}"
                )

    def _check_class_ids(self):
        ids = self.class_ids
        if ids and (len(ids), len(set(ids))) != (self.num_classes,) * 2:
            raise InputError(
                f"class_ids must be one for each of the {self.num_classes} "
                f"classes, and no two the same, got {ids}"
            )

    def _check_pixels(self):
        mean, scale = self.pixel_mean, self.pixel_scale
        if mean is not None and not (
            len(mean) == 3 and all(map(math.isfinite, mean))
        ):
            raise InputError(f"pixel_mean must be three numbers, got {mean}")
        if scale is not None and not 0.0 < scale < math.inf:
            raise InputError(f"pixel_scale must be above 0, got {scale}")
        if self.channel_order not in ("", "rgb", "bgr"):
            raise InputError(
                f"channel_order must be 'rgb' or 'bgr', got "
                f"{self.channel_order!r}"
            )

    @property
    def boxes_per_cell(self) -> tuple[int, ...]:
        """Anchors in one cell of each level: 2 + 2 per listed ratio."""
        return tuple(2 + 2 * len(ratios) for ratios in self.aspect_ratios)


# Keras' dtype policies; weights are float32 in all of them.
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
ON_NAN = ("stop", "skip")

_PER_LEVEL = ("steps_px", "min_sizes_px", "max_sizes_px", "aspect_ratios")


@dataclasses.dataclass(frozen=True)
class Recipe(_Config):
    """Hyperparameters; by default those of the paper on VOC.

    Attributes:
      batch_size: images per step, over all devices.
      steps: optimiser steps.
      min_epochs: raise `steps` to this many passes over the data.
      eval_every: steps between evaluations; 0 evaluates at the end only.
      optimizer: a key of `ssd_tf.training.optimizer.OPTIMIZERS`.
      learning_rate: peak learning rate.
      schedule: a key of `ssd_tf.training.optimizer.SCHEDULES`.
      decay_steps: for "steps", where the rate drops tenfold.
      warmup_steps: steps of linear warm-up.
      momentum: of SGD.
      weight_decay: on kernels only; Caffe's L2 for SGD, decoupled for AdamW.
      bias_lr_multiplier: learning rate of biases over that of kernels.
      gradient_clip_norm: largest global norm of the gradient; 0 is off.
      freeze: what keeps its first weights: "none", "stem" (the backbone to the
        finest map), "backbone", or "all_but_heads".
      freeze_batch_norm: keep the batch normalisation of the backbone, its
        statistics too, as the first weights have it.
      backbone_lr_multiplier: learning rate of the backbone over that of the
        extra levels and heads.
      average_decay: of the moving average of the weights, which is what is
        evaluated and exported; 0 is off.
      balance_classes: draw images of rare classes more often; see
        `ssd_tf.data.balancing`.
      augmentation: a key of `ssd_tf.data.augmentation.policy.POLICIES`.
      mosaic: share of the images that are put together with three others.
      mixup: share of the images that are mixed with another.
      flip_left_right: mirror images where the policy does.
      flip_up_down, rotate_90: also turn images upside down, or by 90 degrees.
      box_loss: of the localisation, one of `ssd_tf.losses.BOX_LOSSES`.
      alpha: weight of the localisation loss.
      negative_ratio: mined negatives per positive.
      box_scales: "voc" or "coco", the published anchor sizes to train with;
        empty keeps the preset's.
    """

    batch_size: int = 32
    steps: int = 120_000
    min_epochs: int = 0
    eval_every: int = 0
    optimizer: str = "sgd"
    learning_rate: float = 1e-3
    schedule: str = "steps"
    decay_steps: tuple[int, ...] = (80_000, 100_000)
    warmup_steps: int = 0
    momentum: float = 0.9
    weight_decay: float = 5e-4
    bias_lr_multiplier: float = 1.0
    gradient_clip_norm: float = 0.0
    freeze: str = "none"
    freeze_batch_norm: bool = False
    backbone_lr_multiplier: float = 1.0
    average_decay: float = 0.0
    balance_classes: bool = False
    augmentation: str = "ssd"
    mosaic: float = 0.0
    mixup: float = 0.0
    flip_left_right: bool = True
    flip_up_down: bool = False
    rotate_90: bool = False
    box_loss: str = "smooth_l1"
    alpha: float = 1.0
    negative_ratio: float = 3.0
    box_scales: str = ""

    def __post_init__(self):
        for name in (field.name for field in dataclasses.fields(Recipe)):
            value = getattr(self, name)
            if isinstance(value, (int, float)):
                _check_number(name, value)
        if list(self.decay_steps) != sorted(self.decay_steps) or (
            self.decay_steps and self.decay_steps[0] < 0
        ):
            raise InputError(
                "decay_steps must be at least 0 and rise, got "
                f"{self.decay_steps}"
            )
        if self.flip_up_down and self.rotate_90 and not self.flip_left_right:
            raise InputError(
                "flip_up_down and rotate_90 together mirror left to right, "
                "too; expected one of them without flip_left_right"
            )


def _check_number(name: str, value: float) -> None:
    low = 1 if name in ("batch_size", "steps") else 0
    fractions = ("momentum", "average_decay", "mosaic", "mixup")
    high = 1 if name in fractions else math.inf
    if not (low <= value <= high and value < math.inf):
        expected = f"at least {low}" if high > 1 else f"in {low}..{high}"
        raise InputError(f"{name} must be {expected}, got {value}")


@dataclasses.dataclass(frozen=True)
class TrainConfig(Recipe):
    """A recipe applied to a data set.

    Attributes:
      dataset: a key of `ssd_tf.data.sources.SOURCES`.
      data_dir: where the data set lies; None for its usual place.
      train_split, eval_split: what to train and to evaluate on.
      val_fraction: part of a folder's images that a hash of their content
        chose for evaluation; 0 where the data have splits of their own.
      val_dir: folder of the images to evaluate on, where it is another.
      recipe: name of the recipe that the other values began with.
      seed: of the weights, the order of images and the augmentation.
      init_weights: "none", "imagenet", a run directory, a file of weights, or
        a key of `ssd_tf.weights.published.PUBLISHED`.
      class_map: which class takes over which one of `init_weights`, beside
        those of the same name; as of `ssd_tf.weights.class_map`.
      sync_batch_norm: take the statistics of batch normalisation from the
        images of all devices instead of those of each.
      precision: one of `PRECISIONS`, of the layers in training. Weights,
        losses and statistics are float32; so is all that is evaluated.
      jit_compile: compile the training step with XLA.
      on_nan: one of `ON_NAN`, what comes of a step whose loss or gradient is
        not finite: the end of the run, or it is left out.
      best_metric: a key of `ssd_tf.training.best.BEST_METRICS`, by which the
        best evaluation is chosen.
      patience: evaluations without gain in it after which the run stops; 0 is
        off.
    """

    dataset: str = "shapes"
    data_dir: str | None = None
    train_split: str = "train"
    eval_split: str = "test"
    val_fraction: float = 0.0
    val_dir: str | None = None
    recipe: str = ""
    seed: int = 0
    init_weights: str = "none"
    class_map: str = ""
    sync_batch_norm: bool = True
    precision: str = "float32"
    jit_compile: bool = False
    on_nan: str = "stop"
    best_metric: str = "coco_AP"
    patience: int = 0

    def __post_init__(self):
        super().__post_init__()
        if self.precision not in PRECISIONS:
            raise InputError(
                f"unknown precision {self.precision!r}; known: "
                f"{', '.join(PRECISIONS)}"
            )
        if self.on_nan not in ON_NAN:
            raise InputError(
                f"on_nan must be {' or '.join(ON_NAN)}, got {self.on_nan!r}"
            )
        if self.patience < 0:
            raise InputError(f"patience must be 0 or more, got {self.patience}")
        if self.patience and not 0 < self.eval_every < self.steps:
            raise InputError(
                f"--patience={self.patience} needs evaluations on the way, but "
                f"eval_every is {self.eval_every} of {self.steps} steps; give "
                "--eval_every"
            )
