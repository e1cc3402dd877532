"""From what a person asks for to complete configurations."""

import dataclasses
import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

from absl import logging

from ssd_tf import matchers, models
from ssd_tf.config import (
    PRESETS,
    DetectorConfig,
    Recipe,
    TrainConfig,
    default_box_sizes_px,
)
from ssd_tf.data.sources.base import usable_class_names
from ssd_tf.errors import InputError
from ssd_tf.training.recipes import RECIPES


def plan_detector(
    preset: str,
    source,
    *,
    num_classes: int | None = None,
    matcher: str | None = None,
    matcher_params: str = "",
    box_scales: str = "",
    box_sizes: Mapping[str, Any] | None = None,
) -> DetectorConfig:
    """A preset with the classes of a data set.

    Args:
      preset: a key of `PRESETS`.
      source: `ssd_tf.data.sources.base.Source`.
      num_classes: what the user believes; checked.
      matcher: a key of `MATCHERS`; None takes the preset's.
      matcher_params: its parameters as "key=value,...".
      box_scales: "voc" or "coco", the published sizes of default boxes; empty
        keeps the preset's.
      box_sizes: other `min_sizes_px`, `max_sizes_px` or `aspect_ratios`; see
        `parse_box_sizes`.

    Raises:
      InputError: the wishes contradict the data or one another.
    """
    names = usable_class_names(source)
    if num_classes is not None and num_classes != len(names):
        raise InputError(
            f"--num_classes={num_classes} contradicts {source.name}, which "
            f"has {len(names)} classes: {', '.join(names)}"
        )
    config = PRESETS[preset]
    matcher = matcher or config.matcher
    sizes = {**_published_sizes(config, box_scales), **(box_sizes or {})}
    try:
        return dataclasses.replace(
            config,
            num_classes=len(names),
            class_names=names,
            matcher=matcher,
            matcher_params=matchers.parse_matcher_params(
                matcher, matcher_params
            ),
            **sizes,
        )
    except ValueError as error:
        raise InputError(str(error)) from error


def _published_sizes(config: DetectorConfig, box_scales: str) -> dict[str, Any]:
    if not box_scales:
        return {}
    min_sizes_px, max_sizes_px = default_box_sizes_px(
        box_scales, config.image_size, len(config.feature_sizes)
    )
    return {"min_sizes_px": min_sizes_px, "max_sizes_px": max_sizes_px}


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
    recipe: str,
    train_split: str | None = None,
    eval_split: str | None = None,
    scale_to_batch: bool = False,
    overrides: Mapping[str, Any] | None = None,
    steps: int | None = None,
    epochs: float | None = None,
    seed: int = 0,
    init_weights: str | None = None,
) -> TrainConfig:
    """A recipe applied to a data set.

    Args:
      source: `ssd_tf.data.sources.base.Source`.
      dataset: its name.
      data_dir: where it lies; stored as an absolute path, so that the run can
        be evaluated from another folder.
      backbone: of the detector; decides on the default weights.
      recipe: a key of `RECIPES`.
      train_split: None takes the data set's.
      eval_split: likewise.
      scale_to_batch: fit the recipe to another batch size; see
        `scaled_to_batch`.
      overrides: values that replace the recipe's; None keeps the recipe's.
      steps: optimiser steps; None takes the recipe's. The steps at which the
        rate drops keep their places in the run.
      epochs: passes over the data, instead of steps.
      seed: of the run.
      init_weights: None takes "imagenet" where the backbone has it.

    Raises:
      InputError: the wishes contradict the data or one another.
    """
    given = {k: v for k, v in (overrides or {}).items() if v is not None}
    values = RECIPES[recipe]
    if scale_to_batch:
        if "learning_rate" in given:
            raise InputError(
                "--scale_to_batch sets the learning rate, and --learning_rate="
                f"{given['learning_rate']:g} does too; give one of them"
            )
        if "batch_size" not in given:
            raise InputError(
                "--scale_to_batch fits the recipe to another batch size; give "
                f"--batch_size (the recipe's is {values.batch_size})"
            )
        values = scaled_to_batch(values, given["batch_size"])
    values = dataclasses.replace(values, **given)
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
        **dataclasses.asdict(_with_steps(values, num_steps)),
        dataset=dataset,
        data_dir=os.path.abspath(data_dir) if data_dir else None,
        train_split=train_split,
        eval_split=eval_split or default_eval_split,
        recipe=recipe,
        seed=seed,
        init_weights=init_weights or models.default_weights(backbone),
    )


def scaled_to_batch(recipe: Recipe, batch_size: int) -> Recipe:
    """A recipe for another batch size, by the linear rule.

    The learning rate grows as the batch does, and as many images are seen:
    steps, and the steps at which the rate drops, shrink as the batch grows.
    Source: Goyal et al. 2017 (arXiv:1706.02677), section 2.1.

    Args:
      recipe: with the batch size that its values belong to.
      batch_size: images per step.
    """
    ratio = batch_size / recipe.batch_size
    scaled = _with_steps(recipe, math.ceil(recipe.steps / ratio))
    return dataclasses.replace(
        scaled,
        learning_rate=recipe.learning_rate * ratio,
        eval_every=math.ceil(recipe.eval_every / ratio),
    )


def _with_steps(recipe: Recipe, steps: int) -> Recipe:
    """A recipe of another length whose rate drops at the same fractions."""
    decay_steps = tuple(
        round(step * steps / recipe.steps) for step in recipe.decay_steps
    )
    return dataclasses.replace(recipe, steps=steps, decay_steps=decay_steps)


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
