"""Train a detector; the same command again goes on where it stopped."""

import dataclasses
import os
import shlex
from typing import Any

from absl import flags, logging

from ssd_tf import (
    PRESETS,
    DetectorConfig,
    TrainConfig,
    console,
    interrupts,
    serving,
    training,
)
from ssd_tf.commands.flag_groups import build_source, dataset_of
from ssd_tf.commands.train_flags import (
    DETECTOR_FIELDS,
    DEVICE_FIELDS,
    RECIPE_FIELDS,
    RUN_FIELDS,
    define_flags,
)
from ssd_tf.data import service, sources
from ssd_tf.errors import InputError
from ssd_tf.evaluation import format_result

__all__ = ["WHEN_STOPPED", "define_flags", "run"]
WHEN_STOPPED = "stopped before the training began"


def run(values: flags.FlagValues, arguments: list[str]) -> None:
    """Runs the mode that the flags ask for."""
    del arguments  # none
    base = PRESETS[values.preset]
    if values.mode == "train":
        base = training.choose_detector(
            values.preset,
            values.init_weights,
            is_given=values["preset"].present > 0,
            path=values.run_dir,
        )
    name = values.preset
    if _is_of_weights(values, base):
        name = f"ssd{base.image_size}_{base.backbone}"
    path = values.run_dir or os.path.join(
        "runs", f"{name}_{_data_name(values).replace('/', '_')}"
    )
    run_dir = training.RunDir(path)
    with interrupts.handled() as signals:
        signals.line = lambda: f"stopped; {run_dir.way_on()}"
    if values.mode == "eval":
        evaluate(values, run_dir)
    else:
        train(values, run_dir, base)


def _data_name(values) -> str:
    """The data set's name, or that of the folder which is recognised."""
    dataset = dataset_of(values)
    if dataset == "folder" and values.data_dir:
        return os.path.basename(os.path.abspath(values.data_dir)) or dataset
    return dataset


def evaluate(values, run_dir: training.RunDir) -> None:
    """Prints the metrics of a trained run."""
    predictor = serving.predictor_of_run(run_dir.path)
    predictor = predictor.without_unused_classes()
    _, train_config = run_dir.read_configs()
    source = sources.build_source_of_run(
        train_config,
        predictor.class_names,
        data_dir=values.data_dir,
        val_dir=values.val_dir,
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


def train(values, run_dir: training.RunDir, base: DetectorConfig) -> None:
    """Trains a detector, or says that there is nothing left to do."""
    # First: it cannot join other machines once something was computed.
    strategy = training.build_strategy(values.strategy)
    workers = training.Workers(strategy)
    with workers.naming_lost():
        source = workers.chief_first(lambda: build_source(values))
    if values.data_service and values.cache != "none":
        raise InputError(
            "--cache keeps pictures here, and --data_service prepares them on "
            "other machines; give one of them"
        )
    if values.data_service:
        service.check_source(source)
        service.check_service("data_service", values.data_service)
    detector_config, train_config = _plan(values, source, base)
    if values.accept_changed_data:
        with workers.naming_lost():
            kept = workers.from_chief(lambda: _kept_steps(values, run_dir))
        if kept:
            train_config = dataclasses.replace(
                train_config, steps=kept[0], decay_steps=tuple(kept[1])
            )
    source.num_examples(train_config.eval_split)  # rather now than at the end
    training.check_batch_size(train_config.batch_size, strategy)

    def needs_training() -> bool:
        # First: other data may have changed the number of steps.
        if not values.accept_changed_data and not run_dir.is_finished:
            training.check_data(run_dir, source, train_config)
        run_dir.check(detector_config, train_config)
        return run_dir.needs_training(train_config)

    with workers.naming_lost():
        is_to_train = workers.from_chief(needs_training)
    time_spent = ""
    if not is_to_train and workers.is_chief:
        print(_describe_end(run_dir, train_config))
    elif is_to_train:
        _check_splits(source, train_config.train_split, train_config.eval_split)
        run = training.TrainingRun(
            detector_config,
            train_config,
            source,
            run_dir,
            strategy=strategy,
            data_service=values.data_service,
            profile=values.profile,
            max_bad_images=values.max_bad_images,
            accept_changed_data=values.accept_changed_data,
            command=[
                *shlex.split(console.sibling("train")),
                *(values[n].serialize() for n in values if values[n].present),
            ],
            cache=values.cache,
        )
        if workers.is_chief:
            logging.info(
                "%s",
                _describe_start(
                    detector_config, train_config, source, run.step
                ),
            )
        run.train()
        time_spent = f"\n{run.describe_time()}"
    if workers.is_chief:
        _report(values, run_dir, source, train_config.eval_split)
        print(time_spent, end="\n" if time_spent else "")


def _describe_start(
    detector: DetectorConfig, train: TrainConfig, source, step: int
) -> str:
    """What is about to happen, in a line."""
    images = {
        split: source.num_examples(split)
        for split in (train.train_split, train.eval_split)
    }
    return (
        f"steps {step + 1} to {train.steps} of {detector.backbone} at "
        f"{detector.image_size} px, {detector.num_classes} classes, from "
        f"{train.init_weights} weights: train on {train.train_split} "
        f"({images[train.train_split]} images), evaluate on "
        f"{train.eval_split} ({images[train.eval_split]})"
    )


def _describe_end(run_dir: training.RunDir, train_config: TrainConfig) -> str:
    done = run_dir.read_result()["step"]
    early = (
        f" of {train_config.steps}, early for want of gain"
        if run_dir.has_stopped_early
        else ""
    )
    return (
        f"{run_dir.path} is finished after {done} steps{early}; give another "
        "--run_dir to train again"
    )


def _kept_steps(values, run_dir: training.RunDir) -> list[Any]:
    """Steps and decay of a run, which may depend on the number of images."""
    is_given = values["steps"].present or values["epochs"].present
    if is_given or not run_dir.has_checkpoints:
        return []
    _, config = run_dir.read_configs()
    return [config.steps, list(config.decay_steps)]


def _report(values, run_dir: training.RunDir, source, split: str) -> None:
    """Prints the figures of a finished run, and what to do with it."""
    last = run_dir.read_result()
    # What is detected with and exported; of an earlier version, the last.
    best = last.get("best") or last
    if "voc" in best:
        _print_table(best, run_dir, source=source, split=split)
        print()
        if best["step"] != last["step"]:
            print(f"last, {training.headline(last)}\nbest, ", end="")
        print(training.headline(best))
    else:  # of an earlier version, which wrote less
        evaluate(values, run_dir)
    path = shlex.quote(str(run_dir.path))
    print(
        f"\nrun directory: {run_dir.path} (picture: {run_dir.picture_file})\n"
        f"report: {run_dir.report_file}\n"
        "next:\n"
        f"  {console.sibling('export')} --run_dir={path} "
        "--export_dir=exports\n"
        f"  python -m ssd_tf detect --model={path} IMAGE.jpg "
        "--output_dir=detections"
    )


def _is_of_weights(values, base: DetectorConfig) -> bool:
    """True where the weights decided on the detector, and not a preset."""
    return not values["preset"].present and base != PRESETS[values.preset]


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


def _plan(
    values, source, base: DetectorConfig
) -> tuple[DetectorConfig, TrainConfig]:
    recipe = training.choose_recipe(
        values.recipe or training.default_recipe(source.name, base.image_size),
        flags={
            name: values[name].value for name in RECIPE_FIELDS if name in values
        },
        params=values.recipe_params,
        scale_to_batch=values.scale_to_batch,
        epochs=values.epochs,
    )
    detector_config = training.plan_detector(
        base,
        source,
        num_classes=values.num_classes,
        matcher=values.matcher,
        matcher_params=values.matcher_params,
        # Weights bring their own, which a data set's recipe leaves alone.
        box_scales=(
            recipe.values.get("box_scales", "")
            if _is_of_weights(values, base)
            else recipe.box_scales
        ),
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
        dataset=source.name,
        data_dir=values.data_dir,
        backbone=detector_config.backbone,
        train_split=values.train_split,
        eval_split=values.eval_split,
        seed=values.seed,
        init_weights=values.init_weights,
        changes={
            "class_map": ",".join(values.class_map or ()),
            **sources.evaluation_of(source),
            **{
                name: values[name].value
                for name in (*DEVICE_FIELDS, *RUN_FIELDS)
            },
        },
    )
    return detector_config, train_config
