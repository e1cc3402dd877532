"""Recipes: hyperparameters by name, each with its source."""

import dataclasses

from ssd_tf.config import Recipe


@dataclasses.dataclass(frozen=True)
class VocSsd300(Recipe):
    """SSD300 on VOC, 120,000 steps of batch 32.

    Source: weiliu89/caffe, examples/ssd/ssd_pascal.py: SGD with momentum .9,
    rate 1e-3 divided by ten at 80,000 and 100,000 steps, L2 of 5e-4 that
    leaves biases alone, and twice the rate for biases.
    """

    bias_lr_multiplier: float = 2.0
    eval_every: int = 20_000


@dataclasses.dataclass(frozen=True)
class VocSsd512(VocSsd300):
    """SSD512 on VOC, 120,000 steps of batch 24.

    Source: lufficc/SSD, configs/vgg_ssd512_voc0712.yaml for batch and steps;
    the rest as SSD300. Caffe's own script for 512 was not published.
    """

    batch_size: int = 24


@dataclasses.dataclass(frozen=True)
class CocoSsd300(VocSsd300):
    """SSD300 on COCO, 400,000 steps of batch 32, with smaller default boxes.

    Source: weiliu89/caffe, examples/ssd/ssd_coco.py; the paper's section 3.4
    stops at 240,000.
    """

    steps: int = 400_000
    decay_steps: tuple[int, ...] = (280_000, 360_000)
    eval_every: int = 40_000
    box_scales: str = "coco"


@dataclasses.dataclass(frozen=True)
class CocoSsd512(CocoSsd300):
    """SSD512 on COCO, 520,000 steps of batch 24, with smaller default boxes.

    Source: lufficc/SSD, configs/vgg_ssd512_coco_trainval35k.yaml for batch
    and steps; the rest as SSD300.
    """

    batch_size: int = 24
    steps: int = 520_000
    decay_steps: tuple[int, ...] = (360_000, 480_000)


@dataclasses.dataclass(frozen=True)
class SmallData(Recipe):
    """A few hundred to a few thousand pictures; the default for folders.

    AdamW (Loshchilov and Hutter 2019) with warm-up, a cosine schedule and
    averaged weights. Small batches, because many steps matter more than
    smooth ones in a short training; twice the localisation loss, because a
    network from scratch finds objects sooner than their edges. Measured on
    the BCCD set: benchmarks/README.md.
    """

    batch_size: int = 8
    steps: int = 3_200
    min_epochs: int = 30
    eval_every: int = 1_000
    optimizer: str = "adamw"
    learning_rate: float = 2e-3
    schedule: str = "cosine"
    decay_steps: tuple[int, ...] = ()
    warmup_steps: int = 100
    weight_decay: float = 0.01
    gradient_clip_norm: float = 10.0
    average_decay: float = 0.999
    augmentation: str = "ssd_light"
    alpha: float = 2.0


@dataclasses.dataclass(frozen=True)
class Shapes(SmallData):
    """The embedded data set, in about three minutes on two CPU cores.

    Four passes over 2,000 pictures: too few to need augmentation.
    """

    steps: int = 1_000
    min_epochs: int = 0
    eval_every: int = 0
    average_decay: float = 0.99
    augmentation: str = "none"


RECIPES: dict[str, Recipe] = {
    "shapes": Shapes(),
    "small_data": SmallData(),
    "voc_ssd300": VocSsd300(),
    "voc_ssd512": VocSsd512(),
    "coco_ssd300": CocoSsd300(),
    "coco_ssd512": CocoSsd512(),
}

_FOLDER_RECIPE = "small_data"


def default_recipe(dataset: str, image_size: int) -> str:
    """The recipe that trains well without a flag, a key of `RECIPES`.

    Args:
      dataset: a key of `ssd_tf.data.sources.SOURCES`; "voc/2007" is VOC.
      image_size: side of the network's input in pixels.
    """
    family = dataset.partition("/")[0]
    names = (family, f"{family}_ssd{image_size}")
    return next((name for name in names if name in RECIPES), _FOLDER_RECIPE)
