"""Layers of the detector that Keras does not have."""

import keras
from keras import ops

# Caffe's "xavier" filler scales by fan-in only (include/caffe/filler.hpp).
CAFFE_XAVIER = "lecun_uniform"


@keras.saving.register_keras_serializable("ssd_tf")
class PixelNormalization(keras.layers.Layer):
    """Turns RGB pixels 0..255 into what a backbone was trained on.

    Subtracts `mean` (R, G, B), multiplies by `scale` and, if `bgr`, swaps the
    channels. Keeps the shape [B, H, W, 3] and takes any dtype.
    """

    def __init__(self, mean, *, scale=1.0, bgr=False, **kwargs):
        super().__init__(**kwargs)
        self.mean = tuple(mean)
        self.scale = scale
        self.bgr = bgr

    def call(self, images):
        # In float32 also under mixed precision: half precision holds pixel
        # values to a quarter only.
        mean = ops.convert_to_tensor(self.mean, dtype="float32")
        images = (ops.cast(images, "float32") - mean) * self.scale
        images = ops.cast(images, self.compute_dtype)
        return ops.flip(images, axis=-1) if self.bgr else images

    def get_config(self):
        return {
            **super().get_config(),
            "mean": self.mean,
            "scale": self.scale,
            "bgr": self.bgr,
        }


@keras.saving.register_keras_serializable("ssd_tf")
class L2Norm(keras.layers.Layer):
    """Scales each pixel's channels to unit length times a learned factor.

    y_c = gamma_c x_c / ||x||_2 with gamma of shape [C] (weiliu89/caffe,
    normalize_layer.cpp; ParseNet). Keeps the shape [B, H, W, C].
    """

    def __init__(self, initial_scale=20.0, **kwargs):
        super().__init__(**kwargs)
        self.initial_scale = initial_scale

    def build(self, input_shape):
        self.gamma = self.add_weight(
            # not "gamma": optimisers tell it from batch normalisation's
            name="scale",
            shape=(input_shape[-1],),
            initializer=keras.initializers.Constant(self.initial_scale),
            autocast=False,
        )

    def call(self, features):
        # The sum of squares of 512 channels overflows half precision, and so
        # does 1 / length of a pixel of zeros.
        features = ops.cast(features, "float32")
        total = ops.sum(ops.square(features), axis=-1, keepdims=True)
        factor = 1.0 / ops.sqrt(total + 1e-10)
        if self.compute_dtype == "float16":
            # So does the gradient of such a pixel, 1e5 times gamma, of which
            # the ReLU in front would make NaN instead of 0.
            factor = ops.where(total > 0.0, factor, 0.0)
        return ops.cast(features * factor * self.gamma, self.compute_dtype)

    def get_config(self):
        return {**super().get_config(), "initial_scale": self.initial_scale}


@keras.saving.register_keras_serializable("ssd_tf")
class DilatedConv2D(keras.layers.Conv2D):
    """A dilated convolution, stride 1 and padding "same", as one product.

    In TensorFlow Keras goes through `tf.nn.convolution`, which cuts the map
    into dilation^2 tiles, padded, and calculates half as much again for SSD's
    fc6; `tf.nn.conv2d` can dilate, but without oneDNN has no gradient on a
    CPU. Here the taps of all pixels are gathered once. The weights are those
    of `keras.layers.Conv2D`.
    """

    def convolution_op(self, inputs, kernel):
        if keras.backend.backend() != "tensorflow":
            return super().convolution_op(inputs, kernel)
        height, width = inputs.shape[1:3]
        reach = [
            rate * (side - 1)
            for rate, side in zip(
                self.dilation_rate, self.kernel_size, strict=True
            )
        ]
        around = [(total // 2, total - total // 2) for total in reach]
        padded = ops.pad(inputs, [(0, 0), *around, (0, 0)])
        taps = [
            padded[:, y : y + height, x : x + width]
            for y in range(0, reach[0] + 1, self.dilation_rate[0])
            for x in range(0, reach[1] + 1, self.dilation_rate[1])
        ]
        columns = ops.concatenate(taps, axis=-1)  # [B, H, W, taps * C]
        matrix = ops.reshape(kernel, (1, 1, -1, self.filters))
        return ops.conv(columns, matrix, strides=1, padding="valid")


def conv_relu(features, filters, kernel_size, *, name, **kwargs):
    """Convolution with ReLU, initialised as in Caffe's SSD."""
    is_dilated = kwargs.get("dilation_rate", 1) != 1
    convolution = DilatedConv2D if is_dilated else keras.layers.Conv2D
    return convolution(
        filters,
        kernel_size,
        activation="relu",
        kernel_initializer=CAFFE_XAVIER,
        name=name,
        **kwargs,
    )(features)


def padded_conv_relu(features, filters, kernel_size, *, strides, name):
    """Convolution padded by one pixel on every side, as in Caffe.

    "same" would pad even inputs on the far side only when the stride is 2,
    which shifts the map by a pixel.
    """
    features = keras.layers.ZeroPadding2D(1, name=f"{name}_pad")(features)
    return conv_relu(features, filters, kernel_size, strides=strides, name=name)


def extra_levels(features, *, num_strided, num_valid, last_kernel=3):
    """Caffe's extra layers: pairs of a 1x1 and a 3x3 convolution.

    The first pair has 256 and 512 filters, the others 128 and 256
    (weiliu89/caffe, examples/ssd/ssd_pascal.py, AddExtraLayers).

    Args:
      features: [B, H, W, C].
      num_strided: pairs that halve the map with stride 2 and padding 1.
      num_valid: pairs after those that shrink it without padding.
      last_kernel: kernel of the last pair; 4, padded by 1, in SSD512.

    Returns:
      list of feature maps, one per pair.
    """
    maps = []
    for k in range(num_strided + num_valid):
        narrow, wide = (256, 512) if k == 0 else (128, 256)
        name = f"conv{6 + k}"
        features = conv_relu(features, narrow, 1, name=f"{name}_1")
        if k < num_strided:
            features = padded_conv_relu(
                features, wide, 3, strides=2, name=f"{name}_2"
            )
        elif last_kernel == 3:
            features = conv_relu(features, wide, 3, name=f"{name}_2")
        else:
            features = padded_conv_relu(
                features, wide, last_kernel, strides=1, name=f"{name}_2"
            )
        maps.append(features)
    return maps


def batch_norms(model: keras.Model) -> list[keras.layers.BatchNormalization]:
    """The layers of batch normalisation in a model, however deep."""
    # Layers within layers, too, which have no public name in Keras.
    return [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization)
    ]


def synchronize_batch_norm(model: keras.Model) -> None:
    """Makes batch normalisation take its statistics from all replicas.

    The layers of `keras.applications` too, which are built without: it is
    read when a layer is called. Of one replica the statistics would be the
    same, but are computed in another way, E[x^2] - E[x]^2.
    """
    for layer in batch_norms(model):
        layer.synchronized = True
