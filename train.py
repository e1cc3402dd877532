"""Trains a detector, or evaluates a trained one.

    python train.py
    python train.py --dataset=voc_folder --data_dir=PATH --run_dir=RUN

Running the same command again goes on where the run stopped.
"""

import os
import shlex

from absl import flags

# TensorFlow reads this once, while it is imported.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

from ssd_tf import (  # noqa: E402
    PRESETS,
    Decoder,
    console,
    matchers,
    training,
)
from ssd_tf.data import augment, registry  # noqa: E402

_RECIPE = " (default: the recipe's)"

flags.DEFINE_enum("mode", "train", ["train", "eval"], "What to do with a run.")
flags.DEFINE_enum("preset", "ssd300_tiny", list(PRESETS), "Detector to train.")
flags.DEFINE_integer(
    "num_classes",
    None,
    "Object classes, without background; checked against the data "
    "(default: the data's).",
    lower_bound=1,
)
flags.DEFINE_list(
    "class_names",
    None,
    "Names of a folder's classes in index order, 1..C (default: those found "
    "in its annotations, sorted).",
)
flags.DEFINE_enum(
    "dataset", "shapes", list(registry.SOURCES), "Data set to train on."
)
flags.DEFINE_string(
    "data_dir",
    None,
    "Folder of the data set; for TFDS data sets the folder that holds them "
    "(default: ~/tensorflow_datasets).",
)
flags.DEFINE_string(
    "train_split", None, "Split to train on (default: the data set's)."
)
flags.DEFINE_string(
    "eval_split", None, "Split to evaluate on (default: the data set's)."
)
flags.DEFINE_string(
    "run_dir",
    None,
    "Folder of the run (default: runs/PRESET_DATASET).",
)
flags.DEFINE_enum(
    "recipe",
    None,
    list(training.RECIPES),
    "Hyperparameters to begin with (default: the data set's and preset's).",
)
flags.DEFINE_integer(
    "batch_size", None, "Images per step, all devices" + _RECIPE, lower_bound=1
)
flags.DEFINE_integer("steps", None, "Optimiser steps" + _RECIPE, lower_bound=1)
flags.DEFINE_float(
    "epochs", None, "Passes over the data, instead of --steps.", lower_bound=0
)
flags.DEFINE_float(
    "learning_rate", None, "Peak learning rate" + _RECIPE, lower_bound=0
)
flags.DEFINE_bool(
    "scale_to_batch",
    False,
    "Fit the recipe to --batch_size by the linear rule: the learning rate "
    "grows as the batch does, and as many images are seen.",
)
flags.DEFINE_float(
    "weight_decay", None, "Decay of the kernels" + _RECIPE, lower_bound=0
)
flags.DEFINE_enum(
    "augmentation", None, list(augment.POLICIES), "Policy" + _RECIPE
)
flags.DEFINE_bool(
    "flip_up_down", None, "Also turn images upside down" + _RECIPE
)
flags.DEFINE_bool(
    "rotate_90", None, "Also rotate images by 90 degrees" + _RECIPE
)
flags.DEFINE_enum(
    "matcher",
    None,
    sorted(matchers.MATCHERS),
    "Label assignment (default: the preset's).",
)
flags.DEFINE_string(
    "matcher_params",
    "",
    "Parameters of the matcher as key=value,... (default: the matcher's).",
)
flags.DEFINE_list(
    "min_sizes_px",
    None,
    "Side of each level's small square default box, pixels of the input; "
    "`python -m ssd_tf anchors` proposes them (default: the preset's).",
)
flags.DEFINE_list(
    "max_sizes_px",
    None,
    "With --min_sizes_px: the large square has side sqrt(min * max), pixels.",
)
flags.DEFINE_string(
    "aspect_ratios",
    None,
    "Ratios of each level, as in '2;2,3;2,3;2,3;2;2' (default: the preset's).",
)
flags.DEFINE_string(
    "init_weights",
    None,
    "Weights to begin with: imagenet, none, or an earlier run's folder "
    "(default: imagenet where the backbone has it, else none).",
)
flags.DEFINE_integer(
    "eval_every",
    None,
    "Steps between evaluations; 0: only at the end" + _RECIPE,
    lower_bound=0,
)
flags.DEFINE_integer(
    "seed", 0, "Of the weights, the order and the augmentation."
)

FLAGS = flags.FLAGS
_RECIPE_FLAGS = (
    "batch_size",
    "learning_rate",
    "weight_decay",
    "augmentation",
    "flip_up_down",
    "rotate_90",
    "eval_every",
)


def main(argv):
    """Runs the mode that the flags ask for."""
    console.expect_no_arguments(argv)
    path = FLAGS.run_dir or os.path.join(
        "runs", f"{FLAGS.preset}_{FLAGS.dataset.replace('/', '_')}"
    )
    run_dir = training.RunDir(path)
    if FLAGS.mode == "eval":
        evaluate(run_dir)
    else:
        train(run_dir)


def evaluate(run_dir: training.RunDir):
    """Prints the metrics of a trained run."""
    detector, config, model = training.load_run(run_dir.path)
    source = registry.build_source(
        config.dataset,
        data_dir=FLAGS.data_dir or config.data_dir,
        class_names=detector.class_names,
    )
    metrics, _ = training.evaluate(
        training.make_detect_function(model, Decoder(detector)),
        source,
        FLAGS.eval_split or config.eval_split,
        image_size=detector.image_size,
    )
    print(training.format_metrics(metrics))


def train(run_dir: training.RunDir):
    """Trains, or says that there is nothing left to do."""
    source = registry.build_source(
        FLAGS.dataset,
        data_dir=FLAGS.data_dir,
        class_names=tuple(FLAGS.class_names) if FLAGS.class_names else None,
    )
    recipe = FLAGS.recipe or training.default_recipe(
        FLAGS.dataset, PRESETS[FLAGS.preset].image_size
    )
    detector = training.plan_detector(
        FLAGS.preset,
        source,
        num_classes=FLAGS.num_classes,
        matcher=FLAGS.matcher,
        matcher_params=FLAGS.matcher_params,
        box_scales=training.RECIPES[recipe].box_scales,
        box_sizes=training.parse_box_sizes(
            FLAGS.min_sizes_px, FLAGS.max_sizes_px, FLAGS.aspect_ratios
        ),
    )
    config = training.plan_training(
        source,
        dataset=FLAGS.dataset,
        data_dir=FLAGS.data_dir,
        backbone=detector.backbone,
        train_split=FLAGS.train_split,
        eval_split=FLAGS.eval_split,
        recipe=recipe,
        scale_to_batch=FLAGS.scale_to_batch,
        overrides={name: FLAGS[name].value for name in _RECIPE_FLAGS},
        steps=FLAGS.steps,
        epochs=FLAGS.epochs,
        seed=FLAGS.seed,
        init_weights=FLAGS.init_weights,
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
    print(training.format_metrics(run_dir.read_result()))
    path = shlex.quote(str(run_dir.path))
    print(
        f"\nrun directory: {run_dir.path} (picture: {run_dir.picture_file})\n"
        "next:\n"
        f"  python export.py --run_dir={path} "
        "--export_dir=exports\n"
        f"  python -m ssd_tf detect --model={path} IMAGE.jpg "
        "--output_dir=detections"
    )


if __name__ == "__main__":
    console.run(
        main, when_stopped="stopped; the same command goes on from here"
    )
