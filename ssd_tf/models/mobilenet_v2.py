"""MobileNetV2 with PyTorch's padding, as two projects build SSDLite on it.

Sandler et al. 2018, table 2. The map of stride 16 is taken behind the last
block of 96 channels by lufficc/SSD (ssd/modeling/backbone/mobilenet.py), and
from the expansion of the block after it, as in the paper, by qfgaohao/
pytorch-ssd (vision/ssd/mobilenet_v2_ssd_lite.py). Keras' MobileNetV2, which
has ImageNet weights, pads even maps on the far side only.
"""

import functools
from typing import Any

from ssd_tf.models import mobile
from ssd_tf.models.backbone import Backbone, Pixels

_STYLE = mobile.Style(epsilon=1e-5, momentum=0.9, padding="symmetric")
# Expansion, output channels, repetitions and stride of the first.
_STAGES = (
    *((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2)),
    *((6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)),
)
_TAP = 13  # the last block of stride 16
# Channels within and of the output of each extra block.
_EXTRAS = ((256, 512), (128, 256), (128, 256), (64, 64))


def _build(images, image_size, *, tap_expansion):
    """Pixels [B, S, S, 3] -> maps of stride 16 and 32."""
    del image_size
    x = mobile.conv_bn(images, 32, 3, name="stem", style=_STYLE, strides=2)
    bottlenecks: list[Any] = []
    expansions: list[Any] = []
    for expansion, filters, repeats, first in _STAGES:
        for k in range(repeats):
            x, tap = mobile.inverted_residual(
                x,
                filters,
                expanded=expansion * x.shape[-1],
                name=f"block{len(bottlenecks) + 1}",
                style=_STYLE,
                strides=first if k == 0 else 1,
            )
            bottlenecks.append(x)
            expansions.append(tap)
    # Blocks count from 1: this is the expansion of block 14.
    fine = expansions[_TAP] if tap_expansion else bottlenecks[_TAP - 1]
    return [fine, mobile.conv_bn(x, 1280, name="last", style=_STYLE)]


def _extras(features, image_size):
    """Inverted residuals of stride 2."""
    del image_size
    maps = []
    for k, (expanded, filters) in enumerate(_EXTRAS, start=1):
        features, _ = mobile.inverted_residual(
            features,
            filters,
            expanded=expanded,
            name=f"extra{k}",
            style=_STYLE,
            strides=2,
        )
        maps.append(features)
    return maps


BOTTLENECK = Backbone(
    build=functools.partial(_build, tap_expansion=False),
    extras=_extras,
    pixels=Pixels((123.0, 117.0, 104.0)),
)
EXPANSION = Backbone(
    build=functools.partial(_build, tap_expansion=True),
    extras=_extras,
    pixels=Pixels((127.0, 127.0, 127.0), scale=1 / 128),
)
