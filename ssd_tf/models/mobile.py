"""The parts that mobile networks are made of."""

import dataclasses
from collections.abc import Callable
from typing import Any

import keras


def _depthwise_initializer():
    """A new one for each layer: it draws its seed when it is made.

    Keras takes the channels of a depthwise kernel for its fan-in; each of its
    outputs sees one.
    """
    return keras.initializers.VarianceScaling(
        2.0, mode="fan_out", distribution="truncated_normal"
    )


@dataclasses.dataclass(frozen=True)
class Style:
    """The habits of a family of networks.

    Attributes:
      epsilon, momentum: of batch normalisation, momentum as in Keras (PyTorch's
        is 1 minus that).
      activation: what Keras takes for one, such as "relu6" or "hard_swish".
      padding: "same" is TensorFlow's, which pads even maps on the far side
        only where the stride is 2; "symmetric" is PyTorch's and Caffe's.
    """

    epsilon: float = 1e-3
    momentum: float = 0.99
    activation: Any = "relu6"
    padding: str = "same"

    def __post_init__(self):
        if self.padding not in ("same", "symmetric"):
            raise ValueError(
                f"padding must be 'same' or 'symmetric', got {self.padding!r}"
            )


def conv_bn(
    features,
    filters: int | None,
    kernel_size: int = 1,
    *,
    name: str,
    style: Style,
    strides: int = 1,
    padding: str = "",
    activation: Any = "style",
):
    """Convolution without bias, batch normalisation, activation.

    The layers are `name`, `{name}_bn` and `{name}_act`, and `{name}_pad` where
    the padding is a layer.

    Args:
      features: [B, H, W, C].
      filters: output channels; None makes the convolution depthwise.
      kernel_size, strides: of the convolution; the kernel's side is odd.
      name: of the convolution.
      style: of the network.
      padding: "valid" in place of the style's.
      activation: in place of the style's; None leaves it out.

    Returns:
      [B, ceil(H / strides), ceil(W / strides), filters or C], if padded.
    """
    padding = padding or style.padding
    if padding == "symmetric" and (strides == 1 or kernel_size == 1):
        padding = "same"  # as here
    if padding == "symmetric":
        padding = "valid"
        features = keras.layers.ZeroPadding2D(
            kernel_size // 2, name=f"{name}_pad"
        )(features)
    shape = {"strides": strides, "padding": padding, "use_bias": False}
    if filters is None:
        convolution = keras.layers.DepthwiseConv2D(
            kernel_size,
            depthwise_initializer=_depthwise_initializer(),
            name=name,
            **shape,
        )
    else:
        convolution = keras.layers.Conv2D(
            filters,
            kernel_size,
            kernel_initializer="he_normal",
            name=name,
            **shape,
        )
    features = keras.layers.BatchNormalization(
        epsilon=style.epsilon, momentum=style.momentum, name=f"{name}_bn"
    )(convolution(features))
    activation = style.activation if activation == "style" else activation
    if activation is None:
        return features
    return keras.layers.Activation(activation, name=f"{name}_act")(features)


def depthwise_separable(
    features,
    filters: int,
    *,
    name: str,
    style: Style,
    kernel_size: int = 3,
    strides: int = 1,
    padding: str = "",
):
    """A depthwise and a 1x1 convolution, each with normalisation.

    The block of MobileNet (Howard et al. 2017, table 1). The layers are those
    of `conv_bn` for `{name}_depthwise` and `{name}_pointwise`.

    Args:
      features: [B, H, W, C].
      filters: output channels.
      name: with which the layers' begin.
      style: of the network.
      kernel_size, strides, padding: of the depthwise convolution.

    Returns:
      [B, ceil(H / strides), ceil(W / strides), filters], if padded.
    """
    features = conv_bn(
        features,
        None,
        kernel_size,
        name=f"{name}_depthwise",
        style=style,
        strides=strides,
        padding=padding,
    )
    return conv_bn(features, filters, name=f"{name}_pointwise", style=style)


def inverted_residual(
    features,
    filters: int,
    *,
    expanded: int,
    name: str,
    style: Style,
    kernel_size: int = 3,
    strides: int = 1,
    attention: Callable | None = None,
):
    """The block of MobileNetV2: expand, filter depthwise, project.

    Source: Sandler et al. 2018, figure 4 and table 1. The layers are those of
    `conv_bn` for `{name}_expand`, `{name}_depthwise` and `{name}_project`, and
    `{name}_add`.

    Args:
      features: [B, H, W, C].
      filters: output channels.
      expanded: channels within; where they are C, nothing expands.
      name: with which the layers' begin.
      kernel_size, strides: of the depthwise convolution.
      attention: features -> features of the same shape, behind the depthwise
        convolution, such as squeeze-and-excitation.

    Returns:
      The output [B, ceil(H / strides), ceil(W / strides), filters], and the
      expanded features [B, H, W, expanded], which SSDLite taps.
    """
    x = features
    if expanded != features.shape[-1]:
        x = conv_bn(x, expanded, name=f"{name}_expand", style=style)
    tap = x
    x = conv_bn(
        x,
        None,
        kernel_size,
        name=f"{name}_depthwise",
        style=style,
        strides=strides,
    )
    if attention is not None:
        x = attention(x)
    x = conv_bn(
        x, filters, name=f"{name}_project", style=style, activation=None
    )
    if strides == 1 and filters == features.shape[-1]:
        x = keras.layers.Add(name=f"{name}_add")([features, x])
    return x, tap


def squeeze_excitation(features, *, squeezed: int, name: str):
    """Scales each channel by a factor that follows from the whole map.

    Hu et al. 2018, with the hard sigmoid of MobileNetV3 (Howard et al. 2019,
    section 5.3). The layers are `{name}_pool`, `{name}_reduce`,
    `{name}_expand` and `{name}_scale`.

    Args:
      features: [B, H, W, C].
      squeezed: channels between the two 1x1 convolutions.
      name: with which the layers' begin.

    Returns:
      [B, H, W, C].
    """
    x = keras.layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_pool")(
        features
    )
    for suffix, filters, activation in (
        ("reduce", squeezed, "relu"),
        ("expand", features.shape[-1], "hard_sigmoid"),
    ):
        x = keras.layers.Conv2D(
            filters,
            1,
            activation=activation,
            kernel_initializer="he_normal",
            name=f"{name}_{suffix}",
        )(x)
    return keras.layers.Multiply(name=f"{name}_scale")([features, x])
