"""A small network that trains from scratch on two CPU cores in minutes.

Plain 3x3 convolutions with batch normalisation: on a CPU they run near the
rate of a matrix product, which depthwise convolutions do not.
"""

import keras

from ssd_tf.models.backbone import Backbone, Pixels


def _conv(x, filters, kernel_size=3, *, name, strides=1, padding="same"):
    x = keras.layers.Conv2D(
        filters,
        kernel_size,
        strides=strides,
        padding=padding,
        use_bias=False,
        kernel_initializer="he_normal",
        name=name,
    )(x)
    x = keras.layers.BatchNormalization(momentum=0.97, name=f"{name}_bn")(x)
    return keras.layers.ReLU(name=f"{name}_relu")(x)


def _residual(x, filters, *, name):
    y = _conv(x, filters, name=f"{name}_1")
    y = _conv(y, filters, name=f"{name}_2")
    return keras.layers.Add(name=f"{name}_add")([x, y])


def _build(images, image_size):
    """pixels [B, S, S, 3] -> maps of stride 8, 16 and 32."""
    del image_size
    # One convolution of stride 4: two of stride 2 take a fifth of the time of
    # a training step for the largest maps alone.
    x = _conv(images, 32, 6, strides=4, name="stem")  # 75
    x = _conv(x, 64, strides=2, name="stage3_down")  # 38
    c3 = _residual(x, 64, name="stage3")
    x = _conv(c3, 128, strides=2, name="stage4_down")  # 19
    c4 = _residual(x, 128, name="stage4")
    x = _conv(c4, 128, strides=2, name="stage5_down")  # 10
    return [c3, c4, _residual(x, 128, name="stage5")]


def _extras(c5, image_size):
    del image_size
    c6 = _conv(c5, 128, strides=2, name="stage6")  # 5
    c7 = _conv(c6, 128, padding="valid", name="stage7")  # 3
    c8 = _conv(c7, 128, padding="valid", name="stage8")  # 1
    return [c6, c7, c8]


BACKBONE = Backbone(
    build=_build,
    extras=_extras,
    pixels=Pixels((127.5, 127.5, 127.5), scale=1 / 64),
)
