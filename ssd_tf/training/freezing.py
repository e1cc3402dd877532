"""Parts of a detector that are not trained, or at a rate of their own."""

from collections.abc import Callable

import keras

from ssd_tf.config import DetectorConfig, Recipe, TrainConfig
from ssd_tf.models import Backbone, Parts, find_parts, is_head

# (name of a layer, the parts) -> True if it keeps its weights.
FREEZES: dict[str, Callable[[str, Parts], bool]] = {
    "none": lambda name, parts: False,
    "stem": lambda name, parts: name in parts.stem,
    "backbone": lambda name, parts: name in parts.backbone,
    "all_but_heads": lambda name, parts: not is_head(name),
}


def freeze(
    detector_config: DetectorConfig,
    train_config: TrainConfig,
    model: keras.Model,
    *,
    backbone: Backbone | None = None,
) -> list[keras.Variable]:
    """Sets `trainable` of the layers of a new detector.

    Batch normalisation that is not trained takes the stored statistics, as
    everywhere in Keras, and so does its layer if `freeze_batch_norm`.

    Args:
      detector_config, train_config: the detector, and how it is trained.
      model: of `build_detector`.
      backbone: as there.

    Returns:
      the backbone's variables that are trained, at a rate of their own.
    """
    if not needs_first_weights(train_config) and (
        train_config.backbone_lr_multiplier == 1.0
    ):
        return []
    parts = find_parts(detector_config, backbone=backbone)
    is_frozen = FREEZES[train_config.freeze]
    of_backbone = []
    for layer in model.layers:
        if is_frozen(layer.name, parts):
            layer.trainable = False
        if layer.name in parts.backbone:
            if train_config.freeze_batch_norm and isinstance(
                layer, keras.layers.BatchNormalization
            ):
                layer.trainable = False
            of_backbone += layer.trainable_variables
    return of_backbone


def needs_first_weights(recipe: Recipe) -> bool:
    """True where something is kept as the first weights have it."""
    return recipe.freeze != "none" or recipe.freeze_batch_norm
