"""MobileNetV3-Large with a reduced tail, as torchvision's SSDLite has it.

Howard et al. 2019, table 1 and section 6.3 (the last stage has half of the
channels); where the maps are taken and what follows them is torchvision's
(models/detection/ssdlite.py, models/mobilenetv3.py).
"""

import dataclasses
import functools
from typing import NamedTuple

from ssd_tf.models import heads, mobile
from ssd_tf.models.backbone import Backbone, Pixels

_STYLE = mobile.Style(epsilon=1e-3, momentum=0.97, padding="symmetric")
_RELU = dataclasses.replace(_STYLE, activation="relu")
_SWISH = dataclasses.replace(_STYLE, activation="hard_silu")


class _Block(NamedTuple):
    kernel_size: int
    expanded: int
    filters: int
    squeezed: int  # channels of squeeze-and-excitation; 0 where there is none
    strides: int
    style: mobile.Style


_BLOCKS = (
    _Block(3, 16, 16, 0, 1, _RELU),
    _Block(3, 64, 24, 0, 2, _RELU),
    _Block(3, 72, 24, 0, 1, _RELU),
    _Block(5, 72, 40, 24, 2, _RELU),
    _Block(5, 120, 40, 32, 1, _RELU),
    _Block(5, 120, 40, 32, 1, _RELU),
    _Block(3, 240, 80, 0, 2, _SWISH),
    _Block(3, 200, 80, 0, 1, _SWISH),
    _Block(3, 184, 80, 0, 1, _SWISH),
    _Block(3, 184, 80, 0, 1, _SWISH),
    _Block(3, 480, 112, 120, 1, _SWISH),
    _Block(3, 672, 112, 168, 1, _SWISH),
    _Block(5, 672, 80, 168, 2, _SWISH),
    _Block(5, 480, 80, 120, 1, _SWISH),
    _Block(5, 480, 80, 120, 1, _SWISH),
)
_TAP = 13  # the block whose expansion is the last of stride 16


def _build(images, image_size):
    """Pixels [B, S, S, 3] -> maps of stride 16 and 32."""
    del image_size
    x = mobile.conv_bn(images, 16, 3, name="stem", style=_SWISH, strides=2)
    maps = []
    for k, block in enumerate(_BLOCKS, start=1):
        name = f"block{k}"
        attention = None
        if block.squeezed:
            attention = functools.partial(
                mobile.squeeze_excitation,
                squeezed=block.squeezed,
                name=f"{name}_se",
            )
        x, tap = mobile.inverted_residual(
            x,
            block.filters,
            expanded=block.expanded,
            name=name,
            style=block.style,
            kernel_size=block.kernel_size,
            strides=block.strides,
            attention=attention,
        )
        if k == _TAP:
            maps.append(tap)
    return [*maps, mobile.conv_bn(x, 480, name="last", style=_SWISH)]


def _extras(features, image_size):
    """Four levels, each of half the cells of the one before, rounded up."""
    del image_size
    sizes = []
    size = features.shape[1]
    for _ in range(4):
        size = -(-size // 2)
        sizes.append(size)
    return heads.ssdlite_levels(features, sizes, style=_STYLE)


BACKBONE = Backbone(
    build=_build,
    extras=_extras,
    pixels=Pixels((127.5, 127.5, 127.5), scale=1 / 127.5),
)
