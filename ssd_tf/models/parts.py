"""The parts of a detector that are trained differently, by layer."""

from typing import NamedTuple

import keras

from ssd_tf.config import DetectorConfig
from ssd_tf.models.backbone import Backbone
from ssd_tf.models.detector import find_backbone
from ssd_tf.models.layers import L2Norm


class Parts(NamedTuple):
    """Names of layers.

    Attributes:
      stem: from the pixels to the finest map.
      backbone: to all maps that the backbone makes, the stem too, without
        extra levels and without the `L2Norm` that SSD adds.
    """

    stem: frozenset[str]
    backbone: frozenset[str]


def find_parts(
    config: DetectorConfig, *, backbone: Backbone | None = None
) -> Parts:
    """The parts of the detector that `build_detector` makes of the same.

    Raises:
      InputError: for an unknown backbone.
    """
    backbone = backbone or find_backbone(config.backbone)
    size = config.image_size
    # Shapes and names, without the time and memory of weights.
    with keras.StatelessScope(initialize_variables=False):
        images = keras.Input((size, size, 3))
        maps = list(backbone.build(images, size))
        return Parts(_names(images, maps[:1]), _names(images, maps))


def is_head(name: str) -> bool:
    """True for a layer of the heads, by its name."""
    return "_mbox_" in name


def _names(images, maps) -> frozenset[str]:
    return frozenset(
        layer.name
        for layer in keras.Model(images, maps).layers
        if not isinstance(layer, L2Norm)
    )
