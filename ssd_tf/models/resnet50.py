"""ResNet-50 of `keras.applications` with SSD's extra layers."""

import keras

from ssd_tf.models import layers
from ssd_tf.models.backbone import Backbone, level_names

# The means of Keras' "caffe" preprocessing, R, G, B.
_MEAN_RGB = (123.68, 116.779, 103.939)
_TAPS = ("conv3_block4_out", "conv4_block6_out", "conv5_block3_out")


def _build(images, image_size):
    """RGB pixels [B, S, S, 3] -> maps of stride 8, 16, 32, then extras."""
    del image_size  # Keras' padding fits every size.
    x = layers.PixelNormalization(_MEAN_RGB, bgr=True, name="normalize")(images)
    body = keras.applications.ResNet50(
        include_top=False, weights=None, input_tensor=x
    )
    maps = [body.get_layer(name).output for name in _TAPS]
    return maps + layers.extra_levels(maps[-1], num_strided=1, num_valid=2)


def _download_imagenet():
    return keras.applications.ResNet50(include_top=False, weights="imagenet")


BACKBONE = Backbone(
    build=_build,
    sources=level_names,
    download_imagenet=_download_imagenet,
    copy_imagenet=layers.copy_by_name,
)
