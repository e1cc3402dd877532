"""MobileNetV2 of `keras.applications` with SSD's extra layers."""

import keras

from ssd_tf.models import layers
from ssd_tf.models.backbone import Backbone, level_names

# The expansions before the blocks that halve the map, and the last layer
# (Sandler et al. 2018, section 6.2, SSDLite).
_TAPS = ("block_6_expand_relu", "block_13_expand_relu", "out_relu")


def _build(images, image_size):
    """RGB pixels [B, S, S, 3] -> maps of stride 8, 16, 32, then extras."""
    x = layers.PixelNormalization(
        (127.5, 127.5, 127.5), scale=1 / 127.5, name="normalize"
    )(images)
    body = keras.applications.MobileNetV2(
        input_shape=(image_size, image_size, 3),
        include_top=False,
        weights=None,
        input_tensor=x,
    )
    maps = [body.get_layer(name).output for name in _TAPS]
    return maps + layers.extra_levels(maps[-1], num_strided=1, num_valid=2)


def _download_imagenet():
    return keras.applications.MobileNetV2(
        input_shape=(224, 224, 3), include_top=False, weights="imagenet"
    )


BACKBONE = Backbone(
    build=_build,
    sources=level_names,
    download_imagenet=_download_imagenet,
    copy_imagenet=layers.copy_by_name,
)
