"""Train a detector; the same command again goes on where it stopped."""

import os
import shlex

from absl import flags, logging

from ssd_tf import (
    PRESETS,
    DetectorConfig,
    TrainConfig,
    console,
    serving,
    training,
)
from ssd_tf.commands.flag_groups import build_source
from ssd_tf.commands.train_flags import (
    DETECTOR_FIELDS,
    DEVICE_FIELDS,
    RECIPE_FIELDS,
    define_flags,
)
from ssd_tf.data import sources
from ssd_tf.errors import InputError
from ssd_tf.evaluation import format_result

__all__ = ["WHEN_STOPPED", "define_flags", "run"]
WHEN_STOPPED = "stopped; the same command goes on from here"


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
    predictor = serving.predictor_of_run(run_dir.path)
    _, train_config = run_dir.read_configs()
    source = sources.build_source(
        train_config.dataset,
        data_dir=values.data_dir or train_config.data_dir,
        class_names=predictor.class_names,
    )
    split = values.eval_split or train_config.eval_split
    figures, _ = training.evaluate(
        predictor.detect, source, split, image_size=predictor.image_size
    )
    _print_table(figures, run_dir, source=source, split=split)


def _print_table(figures, run_dir: training.RunDir, *, source, split: str):
    """The table that `python -m ssd_tf evaluate` prints."""
    title = f"{run_dir.path} on {source.name} {split}"
    print(format_result(figures, title=title))


def train(values, run_dir: training.RunDir) -> None:
    """Trains, or says that there is nothing left to do."""
    source = build_source(values)
    detector_config, train_config = _plan(values, source)
    source.num_examples(train_config.eval_split)  # rather now than at the end
    run_dir.check(detector_config, train_config)
    if run_dir.is_finished:
        print(
            f"{run_dir.path} is finished after {train_config.steps} steps; "
            "give another --run_dir to train again"
        )
    else:
        _check_splits(source, train_config.train_split, train_config.eval_split)
        run = training.TrainingRun(
            detector_config, train_config, source, run_dir
        )
        run.train()
    figures = run_dir.read_result()
    if "voc" in figures:
        _print_table(
            figures, run_dir, source=source, split=train_config.eval_split
        )
        print(f"\n{training.headline(figures)}")
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


def _check_splits(source, train_split: str, eval_split: str) -> None:
    """Refuses to train on nothing; tells what makes figures worthless."""
    if not sources.has_objects(
        source, train_split, counted=lambda example: ~example["gt_is_crowd"]
    ):
        raise InputError(
            f"split {train_split!r} of {source.name} has no object to learn "
            f"from; its splits: {', '.join(source.splits())}"
        )
    if not sources.has_objects(
        source,
        eval_split,
        counted=lambda example: ~(
            example["gt_is_crowd"] | example["gt_is_difficult"]
        ),
    ):
        logging.warning(
            "%s: split %r has no object to be found; mAP will be none",
            *(source.name, eval_split),
        )
    shared = sources.count_shared_files(source, train_split, eval_split)
    if shared and train_split != eval_split:
        logging.warning(
            "%s: split %r has %d of the images of split %r",
            *(source.name, eval_split, shared, train_split),
        )


def _plan(values, source) -> tuple[DetectorConfig, TrainConfig]:
    recipe = training.choose_recipe(
        values.recipe
        or training.default_recipe(
            values.dataset, PRESETS[values.preset].image_size
        ),
        flags={
            name: values[name].value for name in RECIPE_FIELDS if name in values
        },
        params=values.recipe_params,
        scale_to_batch=values.scale_to_batch,
        epochs=values.epochs,
    )
    detector_config = training.plan_detector(
        values.preset,
        source,
        num_classes=values.num_classes,
        matcher=values.matcher,
        matcher_params=values.matcher_params,
        box_scales=recipe.box_scales,
        changes={
            **{name: values[name].value for name in DETECTOR_FIELDS},
            **training.parse_box_sizes(
                values.min_sizes_px, values.max_sizes_px, values.aspect_ratios
            ),
        },
    )
    train_config = training.plan_training(
        source,
        recipe,
        dataset=values.dataset,
        data_dir=values.data_dir,
        backbone=detector_config.backbone,
        train_split=values.train_split,
        eval_split=values.eval_split,
        seed=values.seed,
        init_weights=values.init_weights,
        changes={name: values[name].value for name in DEVICE_FIELDS},
    )
    return detector_config, train_config
