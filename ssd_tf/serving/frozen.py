"""Networks whose weights are constants of the graph."""

from collections.abc import Callable

import tensorflow as tf


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
    trainable = [v.numpy() for v in model.trainable_variables]
    others = [v.numpy() for v in model.non_trainable_variables]
    spec = tf.TensorSpec([None, *model.input_shape[1:]], tf.float32)

    @tf.function(input_signature=[spec])
    def network(images):
        outputs, _ = model.stateless_call(
            [tf.constant(value) for value in trainable],
            [tf.constant(value) for value in others],
            images,
            training=False,
        )
        return outputs

    return network
