"""Complete configurations from what a person asks for."""

import dataclasses
import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

from absl import logging

from ssd_tf import matchers, models
from ssd_tf.anchor_sizes import published_sizes_px
from ssd_tf.config import DetectorConfig, TrainConfig
from ssd_tf.data.sources.base import usable_class_names
from ssd_tf.errors import InputError
from ssd_tf.presets import PRESETS
from ssd_tf.training.freezing import needs_first_weights
from ssd_tf.training.initialize import read_detector_config
from ssd_tf.training.recipes import RecipeChoice
from ssd_tf.training.run_dir import RunDir

# Fields that belong to weights, not to anchors.
_PIXELS = ("pixel_mean", "pixel_scale", "channel_order")


def choose_detector(
    preset: str, init_weights: str | None, *, is_given: bool, path=None
) -> DetectorConfig:
    """The detector that a training begins with, before its data are known.

    It is that of the weights, if they are of a whole detector and no preset
    was asked for: its anchors are what the boxes were learnt for. A preset
    that was asked for has the pixels that the weights were trained on.

    Args:
      preset: a key of `PRESETS`.
      init_weights: as of `TrainConfig`; None for the default.
      is_given: the preset was asked for.
      path: a run that may have begun so already, whose weights may be gone.

    Raises:
      InputError: the weights cannot be had.
    """
    try:
        learned, is_whole = read_detector_config(init_weights or "none")
    except InputError:
        run_dir = RunDir(path or "")
        if not path or not run_dir.config_file.exists():
            raise
        learned, train_config = run_dir.read_configs()
        if train_config.init_weights != init_weights:
            raise
        is_whole = True
    if learned is not None and is_whole and not is_given:
        return dataclasses.replace(learned, matcher="ssd", matcher_params=())
    config = PRESETS[preset]
    if learned is None or learned.backbone != config.backbone:
        return config
    pixels = {name: getattr(learned, name) for name in _PIXELS}
    return dataclasses.replace(config, **pixels)


_CAFFE_STEP_PX = 8  # of the first level, for which sizes were published


def plan_detector(
    preset: str | DetectorConfig,
    source,
    *,
    num_classes: int | None = None,
    matcher: str | None = None,
    matcher_params: str = "",
    box_scales: str = "",
    changes: Mapping[str, Any] | None = None,
) -> DetectorConfig:
    """A preset with the classes of a data set.

    Args:
      preset: a key of `PRESETS`.
      source: `ssd_tf.data.sources.base.Source`.
      num_classes: checked against the data.
      matcher: a key of `MATCHERS`; None takes the preset's.
      matcher_params: its parameters as "key=value,...".
      box_scales: "voc" or "coco" for published anchor sizes; a preset of
        another grid than Caffe's keeps its own.
      changes: other fields, such as those of `parse_box_sizes`; None keeps
        the preset's value.

    Raises:
      InputError: the values contradict the data or one another.
    """
    names = usable_class_names(source)
    if num_classes is not None and num_classes != len(names):
        raise InputError(
            f"--num_classes={num_classes} contradicts {source.name}, which "
            f"has {len(names)} classes: {', '.join(names)}"
        )
    config = PRESETS[preset] if isinstance(preset, str) else preset
    matcher = matcher or config.matcher
    values: dict[str, Any] = {}
    if box_scales and config.steps_px[0] != _CAFFE_STEP_PX:
        logging.info(
            "%s keeps its anchor sizes: those of %s are for another grid",
            *(preset, box_scales),
        )
    elif box_scales:
        values["min_sizes_px"], values["max_sizes_px"] = published_sizes_px(
            box_scales, config.image_size, len(config.feature_sizes)
        )
    values |= {k: v for k, v in (changes or {}).items() if v is not None}
    return dataclasses.replace(
        config,
        num_classes=len(names),
        class_names=names,
        class_ids=(),
        matcher=matcher,
        matcher_params=matchers.parse_matcher_params(matcher, matcher_params),
        **values,
    )


def parse_box_sizes(
    min_sizes_px: Sequence[str] | None,
    max_sizes_px: Sequence[str] | None,
    aspect_ratios: str | None,
) -> dict[str, Any]:
    """Fields of `DetectorConfig` from flags for sizes and ratios of anchors.

    Args:
      min_sizes_px, max_sizes_px: one number per level; both or neither.
      aspect_ratios: ratios of each level, as in "2;2,3;2,3;2,3;2;2".

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
    recipe: RecipeChoice,
    *,
    dataset: str,
    data_dir: str | None,
    backbone: str,
    train_split: str | None = None,
    eval_split: str | None = None,
    seed: int = 0,
    init_weights: str | None = None,
    changes: Mapping[str, Any] | None = None,
) -> TrainConfig:
    """A recipe applied to a data set.

    Args:
      source: `ssd_tf.data.sources.base.Source`.
      recipe: and what replaces its values.
      dataset, data_dir: name of the source and its folder, stored as an
        absolute path, so that the run can be evaluated from another folder.
      backbone: of the detector; decides on the default weights.
      train_split, eval_split: None takes the data set's.
      seed: of the run.
      init_weights: None takes "imagenet" where the backbone has it.
      changes: other fields of `TrainConfig`.

    Raises:
      InputError: there is nothing to train on.
    """
    default_train_split, default_eval_split = source.default_splits
    train_split = train_split or default_train_split
    num_examples = source.num_examples(train_split)
    if num_examples == 0:
        raise InputError(f"--train_split={train_split} has no image")
    values = recipe.resolve(num_examples)
    init_weights = init_weights or models.default_weights(backbone)
    if init_weights == "none" and needs_first_weights(values):
        raise InputError(
            f"freeze={values.freeze} and freeze_batch_norm="
            f"{str(values.freeze_batch_norm).lower()} keep the first weights, "
            "and with --init_weights=none those are random; give other "
            "weights, or --freeze=none --nofreeze_batch_norm"
        )
    logging.info(
        "%d steps of %d images: %.1f epochs of %d images",
        values.steps,
        values.batch_size,
        values.steps * values.batch_size / num_examples,
        num_examples,
    )
    return TrainConfig(
        **values.to_dict(),
        dataset=dataset,
        data_dir=os.path.abspath(data_dir) if data_dir else None,
        train_split=train_split,
        eval_split=eval_split or default_eval_split,
        recipe=recipe.name,
        seed=seed,
        init_weights=init_weights,
        **(changes or {}),
    )
