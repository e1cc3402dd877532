"""Frozen batch normalisation as a part of the convolution before it."""

import collections

import keras
from keras import ops

_CONVOLUTIONS = (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)


class FoldedConvolution(keras.layers.Layer):
    """A convolution and the frozen normalisation behind it, as one.

    gamma (k * x - mean) / sigma + beta is (k gamma / sigma) * x + shift: the
    same function of the same weights, which get the same gradient, without
    passes over the map.
    """

    def __init__(self, convolution, normalization):
        super().__init__(
            name=f"{convolution.name}_folded", dtype=convolution.dtype_policy
        )
        self.convolution = convolution
        self.normalization = normalization

    def call(self, features):
        convolution, norm = self.convolution, self.normalization
        mean, variance, gamma, beta, kernel = (
            ops.cast(value, "float32")
            for value in (
                *(norm.moving_mean, norm.moving_variance),
                *(norm.gamma, norm.beta, convolution.kernel),
            )
        )
        scale = gamma * ops.rsqrt(variance + norm.epsilon)  # [C]
        convolve = ops.conv
        shift = beta - mean * scale
        if isinstance(convolution, keras.layers.DepthwiseConv2D):
            convolve = ops.depthwise_conv
            scale = ops.reshape(scale, kernel.shape[-2:])
        if convolution.use_bias:
            shift = shift + convolution.bias * ops.reshape(scale, [-1])
        features = convolve(
            features,
            ops.cast(kernel * scale, self.compute_dtype),
            strides=convolution.strides,
            padding=convolution.padding,
            dilation_rate=convolution.dilation_rate,
        )
        return ops.add(features, ops.cast(shift, self.compute_dtype))


def fold_frozen(model: keras.Model) -> keras.Model:
    """The model with its frozen batch normalisation in the convolutions.

    It has the same layers and variables, and trains them. Where nothing is
    frozen, it is the model itself.
    """
    folded = _find_folded(model)
    if not folded:
        return model
    absorbed = {norm.name for norm in folded.values()}

    def call(layer, *args, **kwargs):
        if layer.name in folded:
            layer = FoldedConvolution(layer, folded[layer.name])
        elif layer.name in absorbed:
            return args[0]
        return layer(*args, **kwargs)

    return keras.models.clone_model(
        model, clone_function=lambda layer: layer, call_function=call
    )


def _find_folded(model) -> dict:
    """Names of convolutions -> the frozen normalisation that each takes in."""
    makers = {id(layer.output): layer for layer in model.layers}
    users = collections.Counter(
        id(tensor)
        for layer in model.layers
        for tensor in keras.tree.flatten(layer.input)
    )
    return {
        makers[id(norm.input)].name: norm
        for norm in model.layers
        if _is_frozen_norm(norm)
        and users[id(norm.input)] == 1
        and _is_linear(makers.get(id(norm.input)))
    }


def _is_frozen_norm(layer) -> bool:
    is_norm = isinstance(layer, keras.layers.BatchNormalization)
    return is_norm and not layer.trainable and layer.scale and layer.center


def _is_linear(layer) -> bool:
    """True for a plain convolution, which a factor can be moved into."""
    return (
        isinstance(layer, _CONVOLUTIONS)
        and layer.activation is keras.activations.linear
        and getattr(layer, "groups", 1) == 1
    )
