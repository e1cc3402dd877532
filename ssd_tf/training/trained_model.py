"""A model as a training step runs it: the same function in less time."""

import collections

import keras
import tensorflow as tf
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


class FusedNormalization(keras.layers.Layer):
    """Batch normalisation that is trained, in TensorFlow's one operation.

    Keras makes a dozen of it, each a pass over the map. The moving variance
    is that of the batch as it is, as in Keras; TensorFlow's is N / (N - 1)
    times as large for N pixels.
    """

    def __init__(self, normalization):
        super().__init__(
            name=f"{normalization.name}_fused", dtype=normalization.dtype_policy
        )
        self.normalization = normalization

    def compute_output_spec(self, features):
        return keras.KerasTensor(features.shape, features.dtype)

    def call(self, features):
        norm = self.normalization
        features, mean, variance, *_ = tf.raw_ops.FusedBatchNormV3(
            x=features,
            scale=norm.gamma,
            offset=norm.beta,
            mean=(),
            variance=(),
            epsilon=norm.epsilon,
            is_training=True,
        )
        pixels = tf.cast(tf.reduce_prod(tf.shape(features)[:3]), tf.float32)
        variance *= (pixels - 1.0) / pixels
        for moving, value in (
            (norm.moving_mean, mean),
            (norm.moving_variance, variance),
        ):
            moving.assign(
                moving * norm.momentum + value * (1.0 - norm.momentum)
            )
        return features


def trained_model(model: keras.Model) -> keras.Model:
    """The model with its batch normalisation in fewer operations.

    What is frozen becomes part of the convolution before it, what is trained
    one operation. It is for training only, and has the same variables. Where
    there is nothing to change, it is the model itself.
    """
    folded = _find_folded(model)
    absorbed = {norm.name for norm in folded.values()}
    fused = {layer.name for layer in model.layers if _is_fusible(layer)}
    if not folded and not fused:
        return model

    def call(layer, *args, **kwargs):
        if layer.name in folded:
            layer = FoldedConvolution(layer, folded[layer.name])
        elif layer.name in absorbed:
            return args[0]
        elif layer.name in fused:
            return FusedNormalization(layer)(*args)
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
        if _is_affine_norm(norm)
        and not norm.trainable
        and users[id(norm.input)] == 1
        and _is_linear(makers.get(id(norm.input)))
    }


def _is_affine_norm(layer) -> bool:
    is_norm = isinstance(layer, keras.layers.BatchNormalization)
    return is_norm and layer.scale and layer.center


def _is_fusible(layer) -> bool:
    """True for what takes the statistics of one replica's maps."""
    return (
        _is_affine_norm(layer)
        and layer.trainable
        and len(layer.output.shape) == 4
        and layer.axis in (-1, 3)
        and not (layer.synchronized or layer.renorm)
    )


def _is_linear(layer) -> bool:
    """True for a plain convolution, which a factor can be moved into."""
    return (
        isinstance(layer, _CONVOLUTIONS)
        and layer.activation is keras.activations.linear
        and getattr(layer, "groups", 1) == 1
    )
