"""Train a detector; the same command again goes on where it stopped."""

import dataclasses
import os
import shlex

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
from ssd_tf.commands.train_flags import define_flags
from ssd_tf.commands.train_messages import (
    describe_end,
    describe_start,
    print_figures,
    print_next,
    print_table,
)
from ssd_tf.commands.train_plan import (
    check_splits,
    is_of_weights,
    kept_steps,
    plan,
    preset_of,
)
from ssd_tf.data import service, sources
from ssd_tf.errors import InputError

__all__ = ["WHEN_STOPPED", "define_flags", "run"]
WHEN_STOPPED = "stopped before the training began"


def run(values: flags.FlagValues, arguments: list[str]) -> None:
    """Runs the mode that the flags ask for."""
    del arguments  # none
    name = preset_of(values)
    base = PRESETS[name]
    if values.mode == "train":
        base = training.choose_detector(
            name,
            values.init_weights,
            is_given=bool(values.preset),
            path=values.run_dir,
        )
    if is_of_weights(values, base):
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
    print_table(figures, run_dir, source=source, split=split)


def train(values, run_dir: training.RunDir, base: DetectorConfig) -> None:
    """Trains a detector, or says that there is nothing left to do."""
    # First: it cannot join other machines once something was computed.
    strategy = training.build_strategy(values.strategy)
    workers = training.Workers(strategy)
    with workers.naming_lost():
        source = workers.chief_first(lambda: build_source(values))
    _check_service(values, source)
    detector_config, train_config = plan(values, source, base)
    if values.accept_changed_data:
        train_config = _with_kept_steps(train_config, values, run_dir, workers)
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
        print(describe_end(run_dir, train_config))
    elif is_to_train:
        check_splits(source, train_config.train_split, train_config.eval_split)
        run = _start(
            values, run_dir, source, detector_config, train_config, strategy
        )
        run.train()
        time_spent = f"\n{run.describe_time()}"
    if workers.is_chief:
        _report(values, run_dir, source, train_config.eval_split)
        print(time_spent, end="\n" if time_spent else "")


def _start(
    values,
    run_dir: training.RunDir,
    source,
    detector_config: DetectorConfig,
    train_config: TrainConfig,
    strategy,
) -> training.TrainingRun:
    """Opens the run and says what is about to happen."""
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
    if run.is_chief:
        logging.info(
            "%s",
            describe_start(detector_config, train_config, source, run.step),
        )
    return run


def _check_service(values, source) -> None:
    """Refuses a data service that is not there, or cannot be used."""
    if not values.data_service:
        return
    if values.cache != "none":
        raise InputError(
            "--cache keeps pictures here, and --data_service prepares them on "
            "other machines; give one of them"
        )
    service.check_source(source)
    service.check_service("data_service", values.data_service)


def _with_kept_steps(
    train_config: TrainConfig,
    values,
    run_dir: training.RunDir,
    workers: training.Workers,
) -> TrainConfig:
    """The configuration with the steps that the run began with."""
    with workers.naming_lost():
        kept = workers.from_chief(lambda: kept_steps(values, run_dir))
    if not kept:
        return train_config
    return dataclasses.replace(
        train_config, steps=kept[0], decay_steps=tuple(kept[1])
    )


def _report(values, run_dir: training.RunDir, source, split: str) -> None:
    """Prints the figures of a finished run, and what to do with it."""
    last = run_dir.read_result()
    if "voc" in (last.get("best") or last):
        print_figures(last, run_dir, source=source, split=split)
    else:  # of an earlier version, which wrote less
        evaluate(values, run_dir)
    print_next(run_dir)
