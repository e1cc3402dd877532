"""The configuration of a training: a recipe, and that on a data set."""

import dataclasses
import math

from ssd_tf.config.base import Config
from ssd_tf.errors import InputError

# Keras' dtype policies; weights are float32 in all of them.
PRECISIONS = ("float32", "mixed_bfloat16", "mixed_float16")
ON_NAN = ("stop", "skip")


@dataclasses.dataclass(frozen=True)
class Recipe(Config):
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
