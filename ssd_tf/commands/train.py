"""Train a detector; the same command again goes on where it stopped."""

import os
import shlex

from absl import flags

from ssd_tf import PRESETS, Decoder, console, matchers, training
from ssd_tf.commands.flag_groups import flag_group
from ssd_tf.data import augmentation as policies
from ssd_tf.data import sources
from ssd_tf.evaluation import format_result

WHEN_STOPPED = "stopped; the same command goes on from here"
_RECIPE = " (default: the recipe's)"
_RECIPE_FLAGS = (
    "batch_size",
    "learning_rate",
    "weight_decay",
    "augmentation",
    "flip_up_down",
    "rotate_90",
    "eval_every",
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
    flags.DEFINE_enum(
        "dataset",
        "shapes",
        list(sources.SOURCES),
        "Data set to train on.",
        **group,
    )
    flags.DEFINE_string(
        "data_dir",
        None,
        "Folder of the data set; for TFDS data sets the folder that holds them "
        "(default: ~/tensorflow_datasets).",
        **group,
    )
    flags.DEFINE_string(
        "train_split",
        None,
        "Split to train on (default: the data set's).",
        **group,
    )
    flags.DEFINE_string(
        "eval_split",
        None,
        "Split to evaluate on (default: the data set's).",
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
        "Label assignment (default: the preset's).",
        **group,
    )
    flags.DEFINE_string(
        "matcher_params",
        "",
        "Parameters of the matcher as key=value,... (default: the matcher's).",
        **group,
    )
    flags.DEFINE_list(
        "min_sizes_px",
        None,
        "Side of each level's small square default box, pixels of the input; "
        "`python -m ssd_tf anchors` proposes them (default: the preset's).",
        **group,
    )
    flags.DEFINE_list(
        "max_sizes_px",
        None,
        "With --min_sizes_px: the large square has side sqrt(min * max), "
        "pixels.",
        **group,
    )
    flags.DEFINE_string(
        "aspect_ratios",
        None,
        "Ratios of each level, as in '2;2,3;2,3;2,3;2;2' (default: the "
        "preset's).",
        **group,
    )


def _define_training(group) -> None:
    flags.DEFINE_enum(
        "recipe",
        None,
        list(training.RECIPES),
        "Hyperparameters to begin with (default: the data set's and preset's).",
        **group,
    )
    flags.DEFINE_integer(
        "batch_size",
        None,
        "Images per step, all devices" + _RECIPE,
        lower_bound=1,
        **group,
    )
    flags.DEFINE_integer(
        "steps", None, "Optimiser steps" + _RECIPE, lower_bound=1, **group
    )
    flags.DEFINE_float(
        "epochs",
        None,
        "Passes over the data, instead of --steps.",
        lower_bound=0,
        **group,
    )
    flags.DEFINE_float(
        "learning_rate",
        None,
        "Peak learning rate" + _RECIPE,
        lower_bound=0,
        **group,
    )
    flags.DEFINE_bool(
        "scale_to_batch",
        False,
        "Fit the recipe to --batch_size by the linear rule: the learning rate "
        "grows as the batch does, and as many images are seen.",
        **group,
    )
    flags.DEFINE_float(
        "weight_decay",
        None,
        "Decay of the kernels" + _RECIPE,
        lower_bound=0,
        **group,
    )
    flags.DEFINE_string(
        "init_weights",
        None,
        "Weights to begin with: imagenet, none, or an earlier run's folder "
        "(default: imagenet where the backbone has it, else none).",
        **group,
    )
    flags.DEFINE_integer(
        "eval_every",
        None,
        "Steps between evaluations; 0: only at the end" + _RECIPE,
        lower_bound=0,
        **group,
    )
    flags.DEFINE_integer(
        "seed", 0, "Of the weights, the order and the augmentation.", **group
    )


def _define_augmentation(group) -> None:
    flags.DEFINE_enum(
        "augmentation",
        None,
        list(policies.POLICIES),
        "Policy" + _RECIPE,
        **group,
    )
    flags.DEFINE_bool(
        "flip_up_down",
        None,
        "Also turn images upside down" + _RECIPE,
        **group,
    )
    flags.DEFINE_bool(
        "rotate_90",
        None,
        "Also rotate images by 90 degrees" + _RECIPE,
        **group,
    )


def run(values: flags.FlagValues, arguments: list[str]) -> None:
    """Runs the mode that the flags ask for."""
    del arguments  # none
    path = values.run_dir or os.path.join(
        "runs", f"{values.preset}_{values.dataset.replace('/', '_')}"
    )
    run_dir = training.RunDir(path)
    if values.mode == "eval":
        evaluate(values, run_dir)
    else:
        train(values, run_dir)


def evaluate(values, run_dir: training.RunDir) -> None:
    """Prints the metrics of a trained run."""
    detector, config, model = training.load_run(run_dir.path)
    source = sources.build_source(
        config.dataset,
        data_dir=values.data_dir or config.data_dir,
        class_names=detector.class_names,
    )
    split = values.eval_split or config.eval_split
    figures, _ = training.evaluate(
        training.make_detect_function(model, Decoder(detector)),
        source,
        split,
        image_size=detector.image_size,
    )
    _print_table(figures, run_dir, source=source, split=split)


def _print_table(figures, run_dir: training.RunDir, *, source, split: str):
    """The table that `python -m ssd_tf evaluate` prints."""
    title = f"{run_dir.path} on {source.name} {split}"
    print(format_result(figures, title=title))


def train(values, run_dir: training.RunDir) -> None:
    """Trains, or says that there is nothing left to do."""
    source = sources.build_source(
        values.dataset,
        data_dir=values.data_dir,
        class_names=tuple(values.class_names) if values.class_names else None,
    )
    recipe = values.recipe or training.default_recipe(
        values.dataset, PRESETS[values.preset].image_size
    )
    detector = training.plan_detector(
        values.preset,
        source,
        num_classes=values.num_classes,
        matcher=values.matcher,
        matcher_params=values.matcher_params,
        box_scales=training.RECIPES[recipe].box_scales,
        box_sizes=training.parse_box_sizes(
            values.min_sizes_px, values.max_sizes_px, values.aspect_ratios
        ),
    )
    config = training.plan_training(
        source,
        dataset=values.dataset,
        data_dir=values.data_dir,
        backbone=detector.backbone,
        train_split=values.train_split,
        eval_split=values.eval_split,
        recipe=recipe,
        scale_to_batch=values.scale_to_batch,
        overrides={name: values[name].value for name in _RECIPE_FLAGS},
        steps=values.steps,
        epochs=values.epochs,
        seed=values.seed,
        init_weights=values.init_weights,
    )
    source.num_examples(config.eval_split)  # fails now rather than at the end
    run_dir.check(detector, config)
    if run_dir.is_finished:
        print(
            f"{run_dir.path} is finished after {config.steps} steps; give "
            "another --run_dir to train again"
        )
    else:
        run = training.TrainingRun(detector, config, source, run_dir)
        run.train()
    figures = run_dir.read_result()
    if "voc" in figures:
        _print_table(figures, run_dir, source=source, split=config.eval_split)
    else:  # of an earlier version, which wrote less
        evaluate(values, run_dir)
    path = shlex.quote(str(run_dir.path))
    print(
        f"\nrun directory: {run_dir.path} (picture: {run_dir.picture_file})\n"
        "next:\n"
        f"  {console.sibling('export')} --run_dir={path} "
        "--export_dir=exports\n"
        f"  python -m ssd_tf detect --model={path} IMAGE.jpg "
        "--output_dir=detections"
    )
