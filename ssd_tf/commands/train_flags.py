"""The flags of train."""

import dataclasses

from absl import flags

from ssd_tf import PRESETS, matchers, models, training
from ssd_tf.commands.flag_groups import (
    FlagGroup,
    define_dataset,
    define_matcher_params,
    define_max_bad_images,
)
from ssd_tf.config import ON_NAN, PRECISIONS, Recipe
from ssd_tf.data import augmentation
from ssd_tf.data.memory_cache import CACHES, LIMIT_BYTES
from ssd_tf.losses import BOX_LOSSES

_PRESET = " (default: the preset's)."
_RECIPE = " (default: the recipe's)."
RECIPE_FIELDS = [field.name for field in dataclasses.fields(Recipe)]
DEVICE_FIELDS = ("sync_batch_norm", "precision", "jit_compile")
RUN_FIELDS = ("best_metric", "patience", "on_nan")
DETECTOR_FIELDS = (
    "head",
    "extras",
    "neck",
    "truncate_sizes",
    "clip_anchors",
    "encode_variance_in_target",
)


def define_flags(values: flags.FlagValues) -> None:
    """Declares the flags."""
    run = FlagGroup(values, "run")
    run.choice("mode", ["train", "eval"], "What to do with a run.", "train")
    run.text("run_dir", "Folder of the run (default: runs/PRESET_DATASET).")
    run.choice(
        "best_metric",
        training.BEST_METRICS,
        "Figure by which an evaluation is the best, whose weights are kept "
        "and are those that detect, evaluate and export take.",
        "coco_AP",
    )
    run.count(
        "patience",
        "Evaluations without gain in --best_metric after which the run stops "
        "early; 0: never.",
        0,
        lower_bound=0,
    )
    run.choice(
        "on_nan",
        ON_NAN,
        "What comes of a step whose loss or gradient is not finite: stop ends "
        "the run; skip leaves the step out, up to ten in a row, and names the "
        "images of its batch.",
        "stop",
    )
    run.count(
        "profile",
        "Steps to trace for TensorBoard's profiler, after the first ten; 0: "
        "none.",
        0,
        lower_bound=0,
    )
    _define_data(FlagGroup(values, "data"))
    _define_detector(FlagGroup(values, "detector"))
    _define_training(FlagGroup(values, "training"))
    _define_devices(FlagGroup(values, "devices"))
    policy = FlagGroup(values, "augmentation")
    policy.choice(
        "augmentation", augmentation.POLICIES, f"Augmentation policy{_RECIPE}"
    )
    policy.number(
        "mosaic",
        "Share of the images, 0..1, that are put together with three others "
        f"around a point; for folders{_RECIPE}",
        lower_bound=0.0,
        upper_bound=1.0,
    )
    policy.number(
        "mixup",
        "Share of the images, 0..1, that are mixed with another, pixel by "
        f"pixel; for folders{_RECIPE}",
        lower_bound=0.0,
        upper_bound=1.0,
    )
    policy.switch(
        "flip_left_right",
        "Mirror images left to right where the policy does; "
        "--noflip_left_right for what has a direction, such as road signs, "
        f"arrows and letters{_RECIPE}",
        None,
    )
    policy.switch(
        "flip_up_down", f"Also turn images upside down{_RECIPE}", None
    )
    policy.switch(
        "rotate_90", f"Also rotate images by 90 degrees{_RECIPE}", None
    )


def _define_data(data: FlagGroup) -> None:
    define_dataset(data)
    data.text("train_split", "Split to train on (default: the data set's).")
    data.text("eval_split", "Split to evaluate on (default: the data set's).")
    data.choice(
        "cache",
        CACHES,
        "memory: keep the decoded pictures to train on, for small sets, up to "
        f"{LIMIT_BYTES / 2**30:g} GiB of pixels. Changes the time alone.",
        "none",
    )
    data.switch(
        "balance_classes",
        "Draw images of rare classes more often, by repeat factors as of LVIS; "
        f"an epoch keeps its length{_RECIPE}",
        None,
    )
    data.count(
        "num_classes",
        "Object classes, without background; checked against the data "
        "(default: the data's).",
        lower_bound=1,
    )
    define_max_bad_images(data)
    data.switch(
        "accept_changed_data",
        "Go on with a run whose images or objects have changed since it began, "
        "from its weights and its step.",
    )
    data.items(
        "class_names",
        "Names of a folder's classes in index order, 1..C (default: those "
        "found in its annotations, sorted).",
    )


def _define_detector(detector: FlagGroup) -> None:
    detector.choice(
        "preset",
        PRESETS,
        "Detector to train; where --init_weights names a whole detector, that "
        "one if --preset is not given.",
        "ssd300_tiny",
    )
    detector.choice(
        "head",
        models.HEADS,
        "Kind of heads: 3x3 convolutions, or SSDLite's depthwise and 1x1 "
        f"convolutions{_PRESET}",
    )
    detector.choice(
        "extras",
        models.EXTRAS,
        "Levels behind the backbone: its own, or SSDLite's depthwise "
        f"separable ones{_PRESET}",
    )
    detector.choice(
        "neck",
        models.NECKS,
        "Between the levels and the heads: nothing, or a feature pyramid of "
        f"depthwise separable convolutions, as of FPNLite{_PRESET}",
    )
    detector.choice(
        "matcher", sorted(matchers.MATCHERS), f"Label assignment{_PRESET}"
    )
    define_matcher_params(detector)
    detector.items(
        "min_sizes_px",
        "Side of each level's small square anchor, pixels of the input; "
        f"`python -m ssd_tf anchors` proposes them{_PRESET}",
    )
    detector.items(
        "max_sizes_px",
        "With --min_sizes_px: the large square has side sqrt(min * max), "
        "pixels.",
    )
    detector.text(
        "aspect_ratios",
        f"Ratios of each level, as in '2;2,3;2,3;2,3;2;2'{_PRESET}",
    )
    detector.switch(
        "truncate_sizes",
        "Truncate anchor sizes to whole pixels, as Caffe does and the 512 "
        f"preset, whose sizes are not whole{_PRESET}",
        None,
    )
    detector.switch("clip_anchors", f"Clip anchors to the image{_PRESET}", None)
    detector.switch(
        "encode_variance_in_target",
        "Leave the variances out of the targets and divide by them in the "
        f"loss, as Caffe's parameter of this name{_PRESET}",
        None,
    )


def _define_training(group: FlagGroup) -> None:
    group.choice(
        "recipe",
        training.RECIPES,
        "Hyperparameters to begin with (default: the data set's and preset's).",
    )
    group.text(
        "recipe_params",
        "Any values of the recipe as key=value,..., such as alpha=1,"
        "warmup_steps=500,decay_steps=80000:100000; several numbers are "
        f"divided by ':'. Keys: {', '.join(RECIPE_FIELDS)}.",
        "",
    )
    group.count(
        "batch_size",
        f"Images per step, over all devices{_RECIPE}",
        lower_bound=1,
    )
    group.count("steps", f"Optimiser steps{_RECIPE}", lower_bound=1)
    group.number(
        "epochs", "Passes over the data, instead of --steps.", lower_bound=0
    )
    group.number("learning_rate", f"Peak learning rate{_RECIPE}", lower_bound=0)
    group.switch(
        "scale_to_batch",
        "Fit the recipe to --batch_size by the linear rule: the learning rate "
        "grows as the batch does, and as many images are seen.",
    )
    group.number(
        "weight_decay", f"Weight decay of the kernels{_RECIPE}", lower_bound=0
    )
    group.choice(
        "box_loss",
        BOX_LOSSES,
        "Loss of the positives' boxes: smooth L1 of their offsets, or 1 - GIoU "
        f"or 1 - CIoU of the boxes themselves{_RECIPE}",
    )
    group.choice(
        "freeze",
        training.FREEZES,
        "What keeps its first weights; the stem is the backbone to the finest "
        f"map{_RECIPE}",
    )
    group.switch(
        "freeze_batch_norm",
        "Keep the backbone's batch normalisation, its statistics too, as it "
        f"is in the first weights{_RECIPE}",
        None,
    )
    group.number(
        "backbone_lr_multiplier",
        "Learning rate of the backbone over that of extra levels and heads"
        f"{_RECIPE}",
        lower_bound=0,
    )
    group.text(
        "init_weights",
        "Weights to begin with: imagenet, none, an earlier run's folder, a "
        "file of another project's weights, or a name that `python -m ssd_tf "
        "weights` lists (default: imagenet where the backbone has it, else "
        "none).",
    )
    group.items(
        "class_map",
        "Classes that take over one of the weights' classes, beside those of "
        "the same name: motorbike=motorcycle,sofa=couch; none for none at all.",
    )
    group.count(
        "eval_every",
        f"Steps between evaluations; 0: only at the end{_RECIPE}",
        lower_bound=0,
    )
    group.count(
        "seed",
        "Seed of the weights, the order of images and the augmentation.",
        0,
        lower_bound=0,
        upper_bound=2**32 - 1,  # Keras' range
    )


def _define_devices(group: FlagGroup) -> None:
    group.choice(
        "strategy",
        training.STRATEGIES,
        "Devices to train on: one_device; mirrored, all GPUs of this machine; "
        "multi_worker, the machines that TF_CONFIG names; or auto, the most of "
        "these that there is.",
        "auto",
    )
    group.text(
        "data_service",
        "grpc://HOST:PORT of a dispatcher (`python -m ssd_tf data_service`), "
        "whose workers prepare the training images of a folder (default: "
        "done here).",
    )
    group.switch(
        "sync_batch_norm",
        "Where several devices train, take the statistics of batch "
        "normalisation from the images of all, as one device would. Without, "
        "each takes those of its own images, which is faster where each has "
        "many.",
        True,
    )
    group.choice(
        "precision",
        PRECISIONS,
        "Numbers in which the layers calculate while they are trained. "
        "Weights, losses and the statistics of batch normalisation are float32 "
        "in each, and so are evaluation and export. bfloat16 needs hardware "
        "for it to be faster; float16, for GPUs, scales the loss.",
        "float32",
    )
    group.switch(
        "jit_compile",
        "Compile the training step with XLA (on one device).",
    )
