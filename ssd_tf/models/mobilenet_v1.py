"""MobileNetV1 with Caffe's extra layers, as qfgaohao/pytorch-ssd has it.

Howard et al. 2017, table 1; where the maps are taken and what follows them is
that project's (vision/ssd/mobilenetv1_ssd.py).
"""

from ssd_tf.models import layers, mobile
from ssd_tf.models.backbone import Backbone, Pixels

_STYLE = mobile.Style(
    epsilon=1e-5, momentum=0.9, activation="relu", padding="symmetric"
)
# Output channels and stride of each separable block.
_BLOCKS = (
    *((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)),
    *((512, 1), (512, 1), (512, 1), (512, 1), (512, 1)),
    *((1024, 2), (1024, 1)),
)
_TAP = 11  # the last block of stride 16


def _build(images, image_size):
    """Pixels [B, S, S, 3] -> maps of stride 16 and 32."""
    del image_size
    x = mobile.conv_bn(images, 32, 3, name="stem", style=_STYLE, strides=2)
    maps = []
    for k, (filters, strides) in enumerate(_BLOCKS, start=1):
        x = mobile.depthwise_separable(
            x, filters, name=f"block{k}", style=_STYLE, strides=strides
        )
        if k in (_TAP, len(_BLOCKS)):
            maps.append(x)
    return maps


def _extras(features, image_size):
    del image_size
    return layers.extra_levels(features, num_strided=4, num_valid=0)


BACKBONE = Backbone(
    build=_build,
    extras=_extras,
    pixels=Pixels((127.0, 127.0, 127.0), scale=1 / 128),
)
