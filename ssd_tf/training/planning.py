"""From what a person asks for to complete configurations."""

import dataclasses
import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

from absl import logging

from ssd_tf import matchers, models
from ssd_tf.config import PRESETS, DetectorConfig, Recipe, TrainConfig
from ssd_tf.errors import InputError
from ssd_tf.training.recipes import DEFAULT_RECIPES, FOLDER_RECIPE, RECIPES


def plan_detector(
    preset: str,
    source,
    *,
    num_classes: int | None = None,
    matcher: str | None = None,
    matcher_params: str = "",
    box_sizes: Mapping[str, Any] | None = None,
) -> DetectorConfig:
    """A preset with the classes of a data set.

    Args:
      preset: a key of `PRESETS`.
      source: `ssd_tf.data.source.Source`.
      num_classes: what the user believes; checked.
      matcher: a key of `MATCHERS`; None takes the preset's.
      matcher_params: its parameters as "key=value,...".
      box_sizes: other `min_sizes_px`, `max_sizes_px` or `aspect_ratios`; see
        `parse_box_sizes`.

    Raises:
      InputError: the wishes contradict the data or one another.
    """
    names = tuple(source.class_names)
    if len(set(names)) < len(names):
        raise InputError(f"a class is named twice: {', '.join(names)}")
    if num_classes is not None and num_classes != len(names):
        raise InputError(
            f"--num_classes={num_classes} contradicts {source.name}, which "
            f"has {len(names)} classes: {', '.join(names)}"
        )
    config = PRESETS[preset]
    matcher = matcher or config.matcher
    try:
        return dataclasses.replace(
            config,
            num_classes=len(names),
            class_names=names,
            matcher=matcher,
            matcher_params=matchers.parse_matcher_params(
                matcher, matcher_params
            ),
            **(box_sizes or {}),
        )
    except ValueError as error:
        raise InputError(str(error)) from error


def parse_box_sizes(
    min_sizes_px: Sequence[str] | None,
    max_sizes_px: Sequence[str] | None,
    aspect_ratios: str | None,
) -> dict[str, Any]:
    """Reads the sizes and ratios of default boxes as flags give them.

    Args:
      min_sizes_px: one number per level, or None.
      max_sizes_px: likewise; both or neither.
      aspect_ratios: ratios of each level, as in "2;2,3;2,3;2,3;2;2".

    Returns:
      fields of `DetectorConfig`.

    Raises:
      InputError: something is no number above 0, or one list is missing.
    """
    if (min_sizes_px is None) != (max_sizes_px is None):
        raise InputError("give --min_sizes_px and --max_sizes_px together")
    sizes: dict[str, Any] = {}
    if min_sizes_px is not None and max_sizes_px is not None:
        sizes["min_sizes_px"] = _numbers("min_sizes_px", min_sizes_px)
        sizes["max_sizes_px"] = _numbers("max_sizes_px", max_sizes_px)
    if aspect_ratios is not None:
        sizes["aspect_ratios"] = tuple(
            _numbers("aspect_ratios", level.split(","))
            for level in aspect_ratios.split(";")
        )
    return sizes


def _numbers(name: str, texts: Sequence[str]) -> tuple[float, ...]:
    try:
        numbers = tuple(float(text) for text in texts)
    except ValueError:
        numbers = (0.0,)
    if not all(0.0 < number < math.inf for number in numbers):
        raise InputError(
            f"--{name} must be numbers above 0, got {','.join(texts)!r}"
        )
    return numbers


def plan_training(
    source,
    *,
    dataset: str,
    data_dir: str | None,
    backbone: str,
    train_split: str | None = None,
    eval_split: str | None = None,
    recipe: str | None = None,
    overrides: Mapping[str, Any] | None = None,
    steps: int | None = None,
    epochs: float | None = None,
    seed: int = 0,
    init_weights: str | None = None,
) -> TrainConfig:
    """A recipe applied to a data set.

    Args:
      source: `ssd_tf.data.source.Source`.
      dataset: its name; decides on the default recipe.
      data_dir: where it lies; stored as an absolute path, so that the run can
        be evaluated from another folder.
      backbone: of the detector; decides on the default weights.
      train_split: None takes the data set's.
      eval_split: likewise.
      recipe: a key of `RECIPES`; None takes the data set's.
      overrides: values that replace the recipe's; None keeps the recipe's.
      steps: optimiser steps; None takes the recipe's.
      epochs: passes over the data, instead of steps.
      seed: of the run.
      init_weights: None takes "imagenet" where the backbone has it.

    Raises:
      InputError: the wishes contradict the data or one another.
    """
    recipe = recipe or DEFAULT_RECIPES.get(dataset, FOLDER_RECIPE)
    given = {k: v for k, v in (overrides or {}).items() if v is not None}
    values = dataclasses.replace(RECIPES[recipe], **given)
    default_train_split, default_eval_split = source.default_splits
    train_split = train_split or default_train_split
    num_examples = source.num_examples(train_split)
    if num_examples == 0:
        raise InputError(f"--train_split={train_split} has no image")
    num_steps = _count_steps(values, num_examples, steps, epochs)
    logging.info(
        "%d steps of %d images: %.1f epochs of %d images",
        num_steps,
        values.batch_size,
        num_steps * values.batch_size / num_examples,
        num_examples,
    )
    return TrainConfig(
        **{**dataclasses.asdict(values), "steps": num_steps},
        dataset=dataset,
        data_dir=os.path.abspath(data_dir) if data_dir else None,
        train_split=train_split,
        eval_split=eval_split or default_eval_split,
        recipe=recipe,
        seed=seed,
        init_weights=init_weights or models.default_weights(backbone),
    )


def _count_steps(
    recipe: Recipe, num_examples: int, steps: int | None, epochs: float | None
) -> int:
    if steps is not None and epochs is not None:
        raise InputError("give --steps or --epochs, not both")
    if steps is not None:
        return steps
    if epochs is None:
        by_epochs = recipe.min_epochs * num_examples / recipe.batch_size
        return max(recipe.steps, math.ceil(by_epochs))
    if not 0 < epochs < math.inf:
        raise InputError(f"--epochs must be above 0, got {epochs}")
    return math.ceil(epochs * num_examples / recipe.batch_size)
