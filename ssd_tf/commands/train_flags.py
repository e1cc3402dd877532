"""The flags of train."""

import dataclasses
import functools

from absl import flags

from ssd_tf import PRESETS, matchers, training
from ssd_tf.commands.flag_groups import flag_group
from ssd_tf.config import Recipe
from ssd_tf.data import augmentation, sources

_PRESET = " (default: the preset's)."
_RECIPE = " (default: the recipe's)."
RECIPE_FIELDS = [field.name for field in dataclasses.fields(Recipe)]
DETECTOR_SWITCHES = (
    "truncate_sizes",
    "clip_anchors",
    "encode_variance_in_target",
)


def define_flags(values: flags.FlagValues) -> None:
    """Declares the flags."""
    _define_run(flag_group(values, "run"))
    _define_data(flag_group(values, "data"))
    _define_detector(flag_group(values, "detector"))
    _define_training(flag_group(values, "training"))
    _define_augmentation(flag_group(values, "augmentation"))


def _define_run(group) -> None:
    flags.DEFINE_enum(
        "mode", "train", ["train", "eval"], "What to do with a run.", **group
    )
    flags.DEFINE_string(
        "run_dir",
        None,
        "Folder of the run (default: runs/PRESET_DATASET).",
        **group,
    )


def _define_data(group) -> None:
    flags.DEFINE_enum(
        "dataset",
        "shapes",
        list(sources.SOURCES),
        "Data set to train on.",
        **group,
    )
    text = functools.partial(flags.DEFINE_string, default=None, **group)
    text(
        "data_dir",
        help="Folder of the data set; for TFDS data sets the folder that holds "
        "them (default: ~/tensorflow_datasets).",
    )
    text("train_split", help="Split to train on (default: the data set's).")
    text("eval_split", help="Split to evaluate on (default: the data set's).")
    flags.DEFINE_integer(
        "num_classes",
        None,
        "Object classes, without background; checked against the data "
        "(default: the data's).",
        lower_bound=1,
        **group,
    )
    flags.DEFINE_list(
        "class_names",
        None,
        "Names of a folder's classes in index order, 1..C (default: those "
        "found in its annotations, sorted).",
        **group,
    )


def _define_detector(group) -> None:
    flags.DEFINE_enum(
        "preset", "ssd300_tiny", list(PRESETS), "Detector to train.", **group
    )
    flags.DEFINE_enum(
        "matcher",
        None,
        sorted(matchers.MATCHERS),
        f"Label assignment{_PRESET}",
        **group,
    )
    flags.DEFINE_string(
        "matcher_params",
        "",
        "Parameters of the matcher as key=value,... (default: the matcher's).",
        **group,
    )
    sizes = functools.partial(flags.DEFINE_list, default=None, **group)
    sizes(
        "min_sizes_px",
        help="Side of each level's small square anchor, pixels of the input; "
        f"`python -m ssd_tf anchors` proposes them{_PRESET}",
    )
    sizes(
        "max_sizes_px",
        help="With --min_sizes_px: the large square has side sqrt(min * max), "
        "pixels.",
    )
    flags.DEFINE_string(
        "aspect_ratios",
        None,
        f"Ratios of each level, as in '2;2,3;2,3;2,3;2;2'{_PRESET}",
        **group,
    )
    switch = functools.partial(flags.DEFINE_bool, default=None, **group)
    switch(
        "truncate_sizes",
        help="Truncate anchor sizes to whole pixels, as Caffe does; SSD512 "
        f"trained there has such anchors{_PRESET}",
    )
    switch("clip_anchors", help=f"Clip anchors to the image{_PRESET}")
    switch(
        "encode_variance_in_target",
        help="Leave the variances out of the targets and divide by them in the "
        f"loss, as Caffe's parameter of this name{_PRESET}",
    )


def _define_training(group) -> None:
    flags.DEFINE_enum(
        "recipe",
        None,
        list(training.RECIPES),
        "Hyperparameters to begin with (default: the data set's and preset's).",
        **group,
    )
    flags.DEFINE_string(
        "recipe_params",
        "",
        "Any values of the recipe as key=value,..., such as alpha=1,"
        "warmup_steps=500,decay_steps=80000:100000; several numbers are "
        f"divided by ':'. Keys: {', '.join(RECIPE_FIELDS)}.",
        **group,
    )
    count = functools.partial(flags.DEFINE_integer, default=None, **group)
    count(
        "batch_size",
        help=f"Images per step, over all devices{_RECIPE}",
        lower_bound=1,
    )
    count("steps", help=f"Optimiser steps{_RECIPE}", lower_bound=1)
    number = functools.partial(
        flags.DEFINE_float, default=None, lower_bound=0, **group
    )
    number("epochs", help="Passes over the data, instead of --steps.")
    number("learning_rate", help=f"Peak learning rate{_RECIPE}")
    flags.DEFINE_bool(
        "scale_to_batch",
        False,
        "Fit the recipe to --batch_size by the linear rule: the learning rate "
        "grows as the batch does, and as many images are seen.",
        **group,
    )
    number("weight_decay", help=f"Weight decay of the kernels{_RECIPE}")
    flags.DEFINE_string(
        "init_weights",
        None,
        "Weights to begin with: imagenet, none, or an earlier run's folder "
        "(default: imagenet where the backbone has it, else none).",
        **group,
    )
    count(
        "eval_every",
        help=f"Steps between evaluations; 0: only at the end{_RECIPE}",
        lower_bound=0,
    )
    flags.DEFINE_integer(
        "seed",
        0,
        "Seed of the weights, the order of images and the augmentation.",
        **group,
    )


def _define_augmentation(group) -> None:
    flags.DEFINE_enum(
        "augmentation",
        None,
        list(augmentation.POLICIES),
        f"Augmentation policy{_RECIPE}",
        **group,
    )
    switch = functools.partial(flags.DEFINE_bool, default=None, **group)
    switch("flip_up_down", help=f"Also turn images upside down{_RECIPE}")
    switch("rotate_90", help=f"Also rotate images by 90 degrees{_RECIPE}")
