"""Backbones of `keras.applications` with SSD's extra layers."""

import keras

from ssd_tf.models import layers
from ssd_tf.models.backbone import Backbone, Pixels

# Keras' MobileNetV2 has .999, for the many steps of ImageNet: behind a short
# training from scratch more than a third of the statistics were the first.
_MOMENTUM = 0.99


def _backbone(
    application: str,
    *,
    pixels: Pixels,
    taps: tuple[str, ...],
) -> Backbone:
    """Makes a backbone of `keras.applications`.

    `taps` are the layers that yield the maps of stride 8, 16 and 32.
    """

    def network(size: int, *, weights=None, input_tensor=None) -> keras.Model:
        return getattr(keras.applications, application)(
            input_shape=(size, size, 3),
            include_top=False,
            weights=weights,
            input_tensor=input_tensor,
        )

    def build(images, image_size):
        body = network(image_size, input_tensor=images)
        for layer in layers.batch_norms(body):
            layer.momentum = _MOMENTUM
        return [body.get_layer(name).output for name in taps]

    return Backbone(
        build=build,
        pixels=pixels,
        extras=lambda features, image_size: layers.extra_levels(
            features, num_strided=1, num_valid=2
        ),
        download_imagenet=lambda: network(224, weights="imagenet"),
    )


MOBILENET_V2 = _backbone(
    "MobileNetV2",
    pixels=Pixels((127.5, 127.5, 127.5), scale=1 / 127.5),
    # The expansions before the blocks that halve the map, and the last layer
    # (Sandler et al. 2018, section 6.2, SSDLite).
    taps=("block_6_expand_relu", "block_13_expand_relu", "out_relu"),
)
RESNET50 = _backbone(
    "ResNet50",
    # The means of Keras' "caffe" preprocessing, R, G, B.
    pixels=Pixels((123.68, 116.779, 103.939), channel_order="bgr"),
    taps=("conv3_block4_out", "conv4_block6_out", "conv5_block3_out"),
)
