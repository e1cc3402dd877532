"""What train is about to do: from flags to the configurations of a run."""

from typing import Any

from absl import logging

from ssd_tf import PRESETS, DetectorConfig, TrainConfig, models, training
from ssd_tf.commands.detector_flags import DETECTOR_FIELDS
from ssd_tf.commands.flag_groups import dataset_of
from ssd_tf.commands.train_flags import (
    DEVICE_FIELDS,
    RECIPE_FIELDS,
    RUN_FIELDS,
)
from ssd_tf.data import sources
from ssd_tf.errors import InputError


def preset_of(values) -> str:
    """The preset that was asked for, or that of the data set."""
    return values.preset or training.default_preset(dataset_of(values))


def is_of_weights(values, base: DetectorConfig) -> bool:
    """True where the weights decided on the detector, and not a preset."""
    return not values.preset and base != PRESETS[preset_of(values)]


def plan(
    values, source, base: DetectorConfig
) -> tuple[DetectorConfig, TrainConfig]:
    """The configurations that the flags ask for, of a data set and a base."""
    recipe = training.choose_recipe(
        values.recipe
        or training.default_recipe(
            source.name,
            base.image_size,
            init_weights=values.init_weights
            or models.default_weights(base.backbone),
        ),
        flags={
            name: values[name].value for name in RECIPE_FIELDS if name in values
        },
        params=values.recipe_params,
        scale_to_batch=values.scale_to_batch,
        epochs=values.epochs,
    )
    detector_config = _plan_detector(values, source, base, recipe)
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


def _plan_detector(
    values,
    source,
    base: DetectorConfig,
    recipe: training.RecipeChoice,
) -> DetectorConfig:
    return training.plan_detector(
        base,
        source,
        num_classes=values.num_classes,
        matcher=values.matcher,
        matcher_params=values.matcher_params,
        # Weights bring their own, which a data set's recipe leaves alone.
        box_scales=(
            recipe.values.get("box_scales", "")
            if is_of_weights(values, base)
            else recipe.box_scales
        ),
        changes={
            **{name: values[name].value for name in DETECTOR_FIELDS},
            **training.parse_box_sizes(
                values.min_sizes_px, values.max_sizes_px, values.aspect_ratios
            ),
        },
    )


def kept_steps(values, run_dir: training.RunDir) -> list[Any]:
    """Steps and decay of a run, which may depend on the number of images."""
    is_given = values["steps"].present or values["epochs"].present
    if is_given or not run_dir.has_checkpoints:
        return []
    _, config = run_dir.read_configs()
    return [config.steps, list(config.decay_steps)]


def check_splits(source, train_split: str, eval_split: str) -> None:
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
