"""Recipes: hyperparameters by name, and how a run changes them."""

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from ssd_tf import parameters
from ssd_tf.config import Recipe
from ssd_tf.data.augmentation import POLICIES
from ssd_tf.errors import InputError
from ssd_tf.losses import BOX_LOSSES
from ssd_tf.training.freezing import FREEZES
from ssd_tf.training.optimizer import OPTIMIZERS, SCHEDULES

# weiliu89/caffe, examples/ssd/ssd_pascal.py: SGD with momentum .9, rate 1e-3
# divided by ten at 80,000 and 100,000 steps, L2 of 5e-4 that leaves biases
# alone, and twice the rate for biases.
_VOC_SSD300 = Recipe(bias_lr_multiplier=2.0, eval_every=20_000)

# weiliu89/caffe, examples/ssd/ssd_coco.py; the paper's section 3.4 stops at
# 240,000 steps. Smaller anchors.
_COCO_SSD300 = dataclasses.replace(
    _VOC_SSD300,
    steps=400_000,
    decay_steps=(280_000, 360_000),
    eval_every=40_000,
    box_scales="coco",
)

# AdamW (Loshchilov and Hutter 2019) with warm-up, a cosine schedule and
# averaged weights. Small batches, because many steps matter more than smooth
# ones in a short training; twice the localisation loss, because a network
# from scratch finds objects sooner than their edges. Measured on the BCCD
# set: benchmarks/README.md.
_SMALL_DATA = Recipe(
    batch_size=8,
    steps=3_200,
    min_epochs=30,
    eval_every=1_000,
    optimizer="adamw",
    learning_rate=2e-3,
    schedule="cosine",
    decay_steps=(),
    warmup_steps=100,
    weight_decay=0.01,
    gradient_clip_norm=10.0,
    average_decay=0.999,
    augmentation="ssd_light",
    alpha=2.0,
)

# A backbone that has learnt from a million pictures is spoilt by the rate that
# new heads need, and its finest levels, most of the gradient's cost, are
# general as they are. Measured on BCCD and raccoon: benchmarks/README.md.
_FINE_TUNE = dataclasses.replace(
    _SMALL_DATA,
    steps=1_400,
    eval_every=700,
    freeze="stem",
    freeze_batch_norm=True,
    backbone_lr_multiplier=0.1,
)

RECIPES: dict[str, Recipe] = {
    # The embedded data set, in about three minutes on two CPU cores. Four
    # passes over 2,000 pictures: too few to need augmentation.
    "shapes": dataclasses.replace(
        _SMALL_DATA,
        steps=1_000,
        min_epochs=0,
        eval_every=0,
        average_decay=0.99,
        augmentation="none",
    ),
    # A few hundred to a few thousand pictures; the default for folders.
    "small_data": _SMALL_DATA,
    # The same, with weights that were trained elsewhere to begin with.
    "fine_tune": _FINE_TUNE,
    "voc_ssd300": _VOC_SSD300,
    # lufficc/SSD, configs/vgg_ssd512_voc0712.yaml for batch and steps; Caffe's
    # own script for 512 was not published.
    "voc_ssd512": dataclasses.replace(_VOC_SSD300, batch_size=24),
    "coco_ssd300": _COCO_SSD300,
    # lufficc/SSD, configs/vgg_ssd512_coco_trainval35k.yaml for batch and steps.
    "coco_ssd512": dataclasses.replace(
        _COCO_SSD300,
        batch_size=24,
        steps=520_000,
        decay_steps=(360_000, 480_000),
    ),
}

_NAMES = {
    "optimizer": tuple(OPTIMIZERS),
    "schedule": tuple(SCHEDULES),
    "augmentation": tuple(POLICIES),
    "freeze": tuple(FREEZES),
    "box_loss": BOX_LOSSES,
    "box_scales": ("", "voc", "coco"),
}


def default_preset(dataset: str) -> str:
    """Key of the preset for a data set: a trained backbone for own pictures."""
    is_own = default_recipe(dataset, 300) == "small_data"
    return "ssd300_efficientnet_lite0" if is_own else "ssd300_tiny"


def default_recipe(
    dataset: str, image_size: int, *, init_weights: str = "none"
) -> str:
    """Key of the recipe for a data set ("voc/2007" is VOC) and input size.

    An input size without a recipe of its own takes that of 300. Pictures of
    one's own have another recipe where `init_weights` is not "none".
    """
    family = dataset.partition("/")[0]
    names = (family, f"{family}_ssd{image_size}", f"{family}_ssd300")
    own = "small_data" if init_weights == "none" else "fine_tune"
    return next((name for name in names if name in RECIPES), own)


@dataclasses.dataclass(frozen=True)
class RecipeChoice:
    """A recipe and the values that replace some of its own.

    Attributes:
      name: a key of `RECIPES`.
      values: fields of `Recipe`. The steps at which the rate drops keep their
        places in a run of other `steps`, unless they are given too.
      scale_to_batch: apply `scaled_to_batch`.
      epochs: passes over the data, instead of steps.

    Raises:
      InputError: the values contradict one another, or one is impossible.
    """

    name: str
    values: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    scale_to_batch: bool = False
    epochs: float | None = None

    def __post_init__(self):
        for name, known in _NAMES.items():
            if self.values.get(name, known[0]) not in known:
                raise InputError(
                    f"recipe {self.name!r}: unknown {name} "
                    f"{self.values[name]!r}; known: "
                    f"{', '.join(filter(None, known))}"
                )
        try:
            dataclasses.replace(RECIPES[self.name], **self.values)
        except InputError as error:
            raise InputError(f"recipe {self.name!r}: {error}") from None
        if self.epochs is not None and "steps" in self.values:
            raise InputError("give --steps or --epochs, not both")
        if self.epochs is not None and not 0 < self.epochs < math.inf:
            raise InputError(f"--epochs must be above 0, got {self.epochs}")
        if self.scale_to_batch and "learning_rate" in self.values:
            raise InputError(
                "--scale_to_batch sets the learning rate, and learning_rate="
                f"{self.values['learning_rate']:g} does too; give one of them"
            )
        if self.scale_to_batch and "batch_size" not in self.values:
            raise InputError(
                "--scale_to_batch fits the recipe to another batch size; give "
                "--batch_size (the recipe's is "
                f"{RECIPES[self.name].batch_size})"
            )

    @property
    def box_scales(self) -> str:
        """Published anchor sizes to train with; empty for the preset's."""
        return self.values.get("box_scales", RECIPES[self.name].box_scales)

    def resolve(self, num_examples: int) -> Recipe:
        """The recipe of a run on so many images."""
        recipe = RECIPES[self.name]
        if self.scale_to_batch:
            recipe = scaled_to_batch(recipe, self.values["batch_size"])
        changed = dataclasses.replace(recipe, **self.values)
        steps = self._count_steps(changed, num_examples)
        values = {**self.values, "steps": steps}
        return dataclasses.replace(_with_steps(recipe, steps), **values)

    def _count_steps(self, recipe: Recipe, num_examples: int) -> int:
        steps_per_epoch = num_examples / recipe.batch_size
        if self.epochs is not None:
            return math.ceil(self.epochs * steps_per_epoch)
        if "steps" in self.values and "min_epochs" not in self.values:
            return recipe.steps
        return max(recipe.steps, math.ceil(recipe.min_epochs * steps_per_epoch))


def choose_recipe(
    name: str,
    *,
    flags: Mapping[str, Any],
    params: str = "",
    scale_to_batch: bool = False,
    epochs: float | None = None,
) -> RecipeChoice:
    """A recipe with the values of the command line.

    Args:
      name: a key of `RECIPES`.
      flags: fields of `Recipe` that have flags of their own; None where one
        was not given.
      params: any fields as "key=value,..."; see `ssd_tf.parameters.parse`.
      scale_to_batch, epochs: as in `RecipeChoice`.

    Raises:
      InputError: an unknown field, a bad value, or one that is given twice.
    """
    values = {key: value for key, value in flags.items() if value is not None}
    for key, value in parameters.parse(f"recipe {name!r}", Recipe, params):
        if key in values:
            raise InputError(
                f"--{key} and --recipe_params={key}=... are the same; give one "
                "of them"
            )
        values[key] = value
    return RecipeChoice(name, values, scale_to_batch, epochs)


def scaled_to_batch(recipe: Recipe, batch_size: int) -> Recipe:
    """A recipe for another batch size, by the linear rule.

    The learning rate grows as the batch does, and as many images are seen:
    steps, and the steps at which the rate drops, shrink as the batch grows.
    Source: Goyal et al. 2017 (arXiv:1706.02677), section 2.1.
    """
    ratio = batch_size / recipe.batch_size
    scaled = _with_steps(recipe, math.ceil(recipe.steps / ratio))
    return dataclasses.replace(
        scaled,
        learning_rate=recipe.learning_rate * ratio,
        eval_every=math.ceil(recipe.eval_every / ratio),
    )


def _with_steps(recipe: Recipe, steps: int) -> Recipe:
    """A recipe of another length whose rate drops at the same fractions."""
    decay_steps = tuple(
        round(step * steps / recipe.steps) for step in recipe.decay_steps
    )
    return dataclasses.replace(recipe, steps=steps, decay_steps=decay_steps)
