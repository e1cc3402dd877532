"""VGG16 with atrous fc6 and fc7, the backbone of the paper.

Layers and names are Caffe's (weiliu89/caffe, python/caffe/model_libs.py,
VGGNetBody with fully_conv, reduced and dilated; examples/ssd/ssd_pascal.py).
"""

import dataclasses
import functools

import keras

from ssd_tf.models import layers
from ssd_tf.models.backbone import Backbone, Pixels

# R, G, B; Caffe's SSD rounds the means of ImageNet to whole numbers.
_MEAN_RGB = (123.0, 117.0, 104.0)
_BLOCKS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))


def _build(images, image_size, *, normalization):
    """Pixels [B, S, S, 3] -> conv4_3, normalised, and fc7."""
    del image_size
    x, conv4_3 = images, None
    for block, (filters, repeats) in enumerate(_BLOCKS, start=1):
        for k in range(1, repeats + 1):
            x = layers.conv_relu(
                x, filters, 3, padding="same", name=f"conv{block}_{k}"
            )
        if block == 4:
            conv4_3 = x
        if block < 5:
            # "same" pools with ceil as Caffe does: 75 -> 38.
            x = keras.layers.MaxPooling2D(
                2, padding="same", name=f"pool{block}"
            )(x)
    x = keras.layers.MaxPooling2D(3, strides=1, padding="same", name="pool5")(x)
    x = layers.conv_relu(
        x, 1024, 3, padding="same", dilation_rate=6, name="fc6"
    )
    fc7 = layers.conv_relu(x, 1024, 1, name="fc7")
    return [normalization(name="conv4_3_norm")(conv4_3), fc7]


def _extras(fc7, image_size):
    """The levels of SSD300 or SSD512 behind fc7."""
    if image_size == 512:
        return layers.extra_levels(
            fc7, num_strided=4, num_valid=1, last_kernel=4
        )
    return layers.extra_levels(fc7, num_strided=2, num_valid=2)


def _copy_imagenet(source, model):
    """Copies Keras' VGG16; fc6 and fc7 are subsampled from fc1 and fc2.

    Every third tap of fc1's 7x7 kernel and every fourth output are kept, as
    in DeepLab's net surgery (the indices follow the common recipe; the
    original ones were never published).
    """
    for block, (_, repeats) in enumerate(_BLOCKS, start=1):
        for k in range(1, repeats + 1):
            model.get_layer(f"conv{block}_{k}").set_weights(
                source.get_layer(f"block{block}_conv{k}").get_weights()
            )
    fc1, fc2 = (source.get_layer(name).get_weights() for name in ("fc1", "fc2"))
    fc6 = subsample(fc1, side=7, tap_stride=3, input_stride=1)
    fc7 = subsample(fc2, side=1, tap_stride=1, input_stride=4)
    model.get_layer("fc6").set_weights(fc6)
    model.get_layer("fc7").set_weights(fc7)


def subsample(weights, *, side, tap_stride, input_stride):
    """Makes a convolution of a fully connected layer, with a quarter of it.

    Args:
      weights: [side * side * C, N] kernel and [N] bias.
      side: of the map that the layer was connected to.
      tap_stride, input_stride: which rows and columns of the map, and which
        channels to keep.

    Returns:
      kernel [k, k, C / input_stride, N / 4] and bias [N / 4].
    """
    kernel, bias = weights
    kernel = kernel.reshape(side, side, -1, kernel.shape[-1])
    kernel = kernel[::tap_stride, ::tap_stride, ::input_stride, ::4]
    return [kernel, bias[::4]]


def _level_names(num_levels):
    extra = (f"conv{6 + k}_2" for k in range(num_levels - 2))
    return ("conv4_3_norm", "fc7", *extra)


BACKBONE = Backbone(
    build=functools.partial(_build, normalization=layers.L2Norm),
    pixels=Pixels(_MEAN_RGB, channel_order="bgr"),
    extras=_extras,
    level_names=_level_names,
    download_imagenet=lambda: keras.applications.VGG16(
        weights="imagenet", include_top=True
    ),
    copy_imagenet=_copy_imagenet,
)
# Where others scale conv4_3 to a length, qfgaohao/pytorch-ssd normalises it by
# the batch (vision/ssd/vgg_ssd.py).
BATCH_NORM = dataclasses.replace(
    BACKBONE,
    build=functools.partial(
        _build,
        normalization=functools.partial(
            keras.layers.BatchNormalization, epsilon=1e-5, momentum=0.9
        ),
    ),
)
