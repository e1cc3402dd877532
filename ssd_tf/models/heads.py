"""Heads, and the extra levels of SSDLite."""

from collections.abc import Callable, Sequence
from typing import Any

import keras

from ssd_tf.errors import InputError
from ssd_tf.models import layers, mobile

# As of the tiny backbone: statistics that follow a short training.
_STYLE = mobile.Style(momentum=0.97)
_TORCH_STYLE = mobile.Style(epsilon=1e-5, momentum=0.9)


def _conv_head(features, channels: int, *, name: str):
    """A 3x3 convolution, as in Caffe."""
    return keras.layers.Conv2D(
        channels,
        3,
        padding="same",
        kernel_initializer=layers.CAFFE_XAVIER,
        name=name,
    )(features)


def _ssdlite_head(features, channels: int, *, name: str):
    """A depthwise 3x3 and a 1x1 convolution (Sandler et al. 2018, 6.2).

    Normalisation and ReLU6 stand between the two, as in the TensorFlow Object
    Detection API and torchvision (models/detection/ssdlite.py).
    """
    features = mobile.conv_bn(
        features, None, 3, name=f"{name}_depthwise", style=_STYLE
    )
    return keras.layers.Conv2D(
        channels, 1, kernel_initializer=layers.CAFFE_XAVIER, name=name
    )(features)


def _pointwise_last_head(features, channels: int, *, name: str):
    """As `_ssdlite_head`, but a 1x1 convolution where the map is one cell.

    As lufficc/SSD (ssd/modeling/box_head/box_predictor.py) and qfgaohao/
    pytorch-ssd (vision/ssd/mobilenet_v2_ssd_lite.py) have it, with PyTorch's
    normalisation.
    """
    if features.shape[1] > 1:
        features = mobile.conv_bn(
            features, None, 3, name=f"{name}_depthwise", style=_TORCH_STYLE
        )
    return keras.layers.Conv2D(
        channels, 1, kernel_initializer=layers.CAFFE_XAVIER, name=name
    )(features)


HEADS: dict[str, Callable] = {
    "conv": _conv_head,
    "ssdlite": _ssdlite_head,
    "ssdlite_pointwise_last": _pointwise_last_head,
}


def add_heads(
    maps, *, head: str, names: Sequence[str], boxes_per_cell, num_outputs: int
):
    """Predicts classes and offsets for every anchor.

    A head's channels are box-major: channel a * K + c (weiliu89/caffe,
    model_libs.py, CreateMultiBoxHead), so that a reshape of the map gives the
    anchors' order.

    Args:
      maps: feature maps [B, f_k, f_k, C_k].
      head: a key of `HEADS`.
      names: of the levels, with which the heads' begin.
      boxes_per_cell: anchors in one cell of each level.
      num_outputs: classes and background.

    Returns:
      {"logits": [B, A, num_outputs], "localisations": [B, A, 4]}, float32.

    Raises:
      InputError: for an unknown head.
    """
    predict = find(HEADS, "head", head)
    logits: list[Any] = []
    localisations: list[Any] = []
    for features, name, boxes in zip(maps, names, boxes_per_cell, strict=True):
        for channels, suffix, outputs in (
            (num_outputs, "conf", logits),
            (4, "loc", localisations),
        ):
            full_name = f"{name}_mbox_{suffix}"
            x = predict(features, boxes * channels, name=full_name)
            flat = keras.layers.Reshape(
                (-1, channels), name=f"{full_name}_flat"
            )
            outputs.append(flat(x))
    # Scores and offsets stay float32 under mixed precision: softmax and the
    # exponential lose boxes in half precision.
    concat = keras.layers.Concatenate
    return {
        "logits": concat(axis=1, name="logits", dtype="float32")(logits),
        "localisations": concat(axis=1, name="localisations", dtype="float32")(
            localisations
        ),
    }


def ssdlite_levels(
    features, sizes: Sequence[int], *, style: mobile.Style = _STYLE
):
    """Extra levels of SSDLite: a 1x1 and a separable 3x3 convolution each.

    512, 256, 256 and 128 channels, half of them within, as in torchvision
    (models/detection/ssdlite.py, `_extra_block`); all further levels have 128.
    The last map, of one cell, sees its 3x3 cells without padding.

    Args:
      features: [B, H, H, C].
      sizes: cells per side of each level, half of those before it or less by
        two.
      style: of the convolutions.

    Returns:
      list of feature maps, one per size.
    """
    maps = []
    for k, size in enumerate(sizes):
        filters = (512, 256, 256, 128)[min(k, 3)]
        name = f"extra{k + 1}"
        features = mobile.conv_bn(
            features, filters // 2, name=f"{name}_reduce", style=style
        )
        halves = size == -(-features.shape[1] // 2)
        features = mobile.depthwise_separable(
            features,
            filters,
            name=name,
            style=style,
            strides=2 if halves else 1,
            padding=style.padding if halves else "valid",
        )
        maps.append(features)
    return maps


def find(known: dict[str, Callable], kind: str, name: str) -> Callable:
    """The part of a name; raises InputError with the known names."""
    if name not in known:
        raise InputError(f"unknown {kind} {name!r}; known: {', '.join(known)}")
    return known[name]
