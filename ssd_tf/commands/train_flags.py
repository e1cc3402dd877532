"""The flags of train: the run, its hyperparameters and its devices."""

import dataclasses

from absl import flags

from ssd_tf import training
from ssd_tf.commands.detector_flags import (
    define_augmentation,
    define_data,
    define_detector,
)
from ssd_tf.commands.flag_groups import OF_RECIPE, FlagGroup
from ssd_tf.config import ON_NAN, PRECISIONS, Recipe
from ssd_tf.losses import BOX_LOSSES

RECIPE_FIELDS = [field.name for field in dataclasses.fields(Recipe)]
DEVICE_FIELDS = ("sync_batch_norm", "precision", "jit_compile")
RUN_FIELDS = ("best_metric", "patience", "on_nan")


def define_flags(values: flags.FlagValues) -> None:
    """Declares the flags."""
    _define_run(FlagGroup(values, "run"))
    define_data(FlagGroup(values, "data"))
    define_detector(FlagGroup(values, "detector"))
    _define_training(FlagGroup(values, "training"))
    _define_devices(FlagGroup(values, "devices"))
    define_augmentation(FlagGroup(values, "augmentation"))


def _define_run(run: FlagGroup) -> None:
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
        f"Images per step, over all devices{OF_RECIPE}",
        lower_bound=1,
    )
    group.count("steps", f"Optimiser steps{OF_RECIPE}", lower_bound=1)
    group.number(
        "epochs", "Passes over the data, instead of --steps.", lower_bound=0
    )
    group.number(
        "learning_rate", f"Peak learning rate{OF_RECIPE}", lower_bound=0
    )
    group.switch(
        "scale_to_batch",
        "Fit the recipe to --batch_size by the linear rule: the learning rate "
        "grows as the batch does, and as many images are seen.",
    )
    group.number(
        "weight_decay", f"Weight decay of the kernels{OF_RECIPE}", lower_bound=0
    )
    group.choice(
        "box_loss",
        BOX_LOSSES,
        "Loss of the positives' boxes: smooth L1 of their offsets, or 1 - GIoU "
        f"or 1 - CIoU of the boxes themselves{OF_RECIPE}",
    )
    _define_frozen(group)
    _define_weights(group)
    group.count(
        "eval_every",
        f"Steps between evaluations; 0: only at the end{OF_RECIPE}",
        lower_bound=0,
    )
    group.count(
        "seed",
        "Seed of the weights, the order of images and the augmentation.",
        0,
        lower_bound=0,
        upper_bound=2**32 - 1,  # Keras' range
    )


def _define_frozen(group: FlagGroup) -> None:
    group.choice(
        "freeze",
        training.FREEZES,
        "What keeps its first weights; the stem is the backbone to the finest "
        f"map{OF_RECIPE}",
    )
    group.switch(
        "freeze_batch_norm",
        "Keep the backbone's batch normalisation, its statistics too, as it "
        f"is in the first weights{OF_RECIPE}",
        None,
    )
    group.number(
        "backbone_lr_multiplier",
        "Learning rate of the backbone over that of extra levels and heads"
        f"{OF_RECIPE}",
        lower_bound=0,
    )


def _define_weights(group: FlagGroup) -> None:
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
