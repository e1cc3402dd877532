"""Networks whose weights are constants of the graph."""

from collections.abc import Callable

import keras
import tensorflow as tf


class _DilatedConv2D(keras.layers.Conv2D):
    """Dilates inside of the convolution.

    Keras goes through `tf.nn.convolution`, which cuts the image into tiles
    for that and calculates half as much again for SSD's fc6.
    """

    def convolution_op(self, inputs, kernel):
        """Convolves [B, H, W, C]."""
        return tf.nn.conv2d(
            inputs,
            kernel,
            self.strides,
            self.padding.upper(),
            dilations=self.dilation_rate,
        )


def freeze(model) -> Callable:
    """The network as a graph function that no longer learns.

    A constant is laid out once for the processor, and folded into its
    neighbours where the graph allows, as batch normalisation into a
    convolution; a variable might change, so that its layout is made anew for
    each image. Runtimes that only see the graph, such as TF Serving, gain
    from it as well.

    Args:
      model: the detector, of which a copy of the weights is taken.

    Returns:
      tf.function from images [B, S, S, 3] float32 RGB 0..255 to {"logits":
      [B, A, C + 1], "localisations": [B, A, 4]}, for any batch size. All who
      call it share one copy of the weights.
    """
    copy = keras.models.clone_model(model, clone_function=_for_inference)
    copy.set_weights(model.get_weights())
    trainable = [v.numpy() for v in copy.trainable_variables]
    others = [v.numpy() for v in copy.non_trainable_variables]
    spec = tf.TensorSpec([None, *model.input_shape[1:]], tf.float32)

    @tf.function(input_signature=[spec])
    def network(images):
        outputs, _ = copy.stateless_call(
            [tf.constant(value) for value in trainable],
            [tf.constant(value) for value in others],
            images,
            training=False,
        )
        return outputs

    return network


def _for_inference(layer: keras.Layer) -> keras.Layer:
    """A layer of the same configuration, faster where there is a way."""
    is_dilated = (
        type(layer) is keras.layers.Conv2D and max(layer.dilation_rate) > 1
    )
    kind = _DilatedConv2D if is_dilated else type(layer)
    return kind.from_config(layer.get_config())
