import keras
import numpy as np
import pytest

from ssd_tf.models import layers


def test_l2_norm_by_hand():
    features = np.array([[[[3, 4], [0, -2]]]], np.float32)
    layer = layers.L2Norm()
    # 20 (3, 4) / 5 and 20 (0, -2) / 2
    np.testing.assert_allclose(
        layer(features), [[[[12, 16], [0, -20]]]], rtol=1e-6
    )
    assert layer.gamma.shape == (2,)
    np.testing.assert_array_equal(layer.gamma, [20, 20])
    assert len(layer.trainable_weights) == 1


def test_l2_norm_scales_each_channel_by_its_own_gamma():
    layer = layers.L2Norm()
    layer.build((None, 1, 1, 2))
    layer.set_weights([np.array([5, 10], np.float32)])
    features = np.array([[[[3, 4]]]], np.float32)
    np.testing.assert_allclose(layer(features), [[[[3, 8]]]], rtol=1e-6)


def test_l2_norm_of_zeros_is_finite_with_its_gradient():
    tf = pytest.importorskip("tensorflow")
    layer = layers.L2Norm()
    features = tf.zeros([1, 2, 2, 8])
    with tf.GradientTape() as tape:
        tape.watch(features)
        total = tf.reduce_sum(layer(features))
    assert float(total) == 0
    assert np.isfinite(tape.gradient(total, features)).all()


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_l2_norm_in_half_precision(policy):
    """Pixels of zeros, of tiny and of large values, behind a ReLU."""
    tf = pytest.importorskip("tensorflow")
    layer = layers.L2Norm(dtype=policy)
    layer.build((None, 1, 3, 512))
    half = layer.compute_dtype
    pixels = tf.stack([tf.fill([512], value) for value in (0.0, 1e-6, 6e4)])
    features = tf.cast(pixels[None, None], half)
    with tf.GradientTape() as tape:
        tape.watch(features)
        outputs = layer(tf.nn.relu(features))
        total = tf.reduce_sum(tf.cast(outputs[:, :, ::2], "float32"))
    assert outputs.dtype == half and layer.gamma.dtype == "float32"
    # 20 / sqrt(512); 512 (1e-6)^2 is five times 1e-10, which it is added to.
    found = outputs[0, 0, :, 0].numpy().astype("float32")
    value = float(features[0, 0, 1, 0])
    tiny = 20 * value / (512 * value**2 + 1e-10) ** 0.5
    np.testing.assert_allclose(found, [0, tiny, 20 / 512**0.5], rtol=1e-2)
    assert np.isfinite(outputs).all()
    # That of the tiny pixel is beyond half precision, as of any such function.
    gradient = tape.gradient(total, [features, layer.gamma.value])
    assert all(np.isfinite(tf.cast(g, "float32")).all() for g in gradient)


@pytest.mark.parametrize("dtype", ["uint8", "float32", "int64"])
def test_pixel_normalization(dtype):
    pixels = np.array([[[[10, 20, 255]]]], dtype)
    rgb = layers.PixelNormalization((1, 2, 5), scale=0.5)
    bgr = layers.PixelNormalization((1, 2, 5), scale=0.5, bgr=True)
    np.testing.assert_allclose(rgb(pixels), [[[[4.5, 9, 125]]]])
    # The means are given as R, G, B in both cases.
    np.testing.assert_allclose(bgr(pixels), [[[[125, 9, 4.5]]]])
    assert keras.backend.standardize_dtype(rgb(pixels).dtype) == "float32"


@pytest.mark.parametrize(
    "layer",
    [
        layers.L2Norm(7.0, name="norm"),
        layers.PixelNormalization((1, 2, 5), scale=0.5, bgr=True, name="p"),
        layers.DilatedConv2D(3, 3, dilation_rate=6, padding="same", name="d"),
    ],
    ids=lambda layer: type(layer).__name__,
)
def test_layers_are_rebuilt_from_their_config(layer):
    copy = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(layer)
    )
    assert type(copy) is type(layer)
    assert copy.get_config() == layer.get_config()


def ones_kernel(model, name):
    layer = model.get_layer(name)
    kernel, bias = layer.get_weights()
    layer.set_weights([np.ones_like(kernel), bias])


def corner_sums(function, size):
    """Sums of a 3x3 stride-2 convolution with ones over an image of ones."""
    inputs = keras.Input((size, size, 1))
    model = keras.Model(inputs, function(inputs))
    ones_kernel(model, "c")
    return model(np.ones([1, size, size, 1], np.float32))[0, :, :, 0]


@pytest.mark.parametrize("size, cells", [(10, 5), (19, 10), (16, 8)])
def test_padding_is_one_pixel_on_every_side(size, cells):
    sums = corner_sums(
        lambda x: layers.padded_conv_relu(x, 1, 3, strides=2, name="c"), size
    )
    assert sums.shape == (cells, cells)
    # The first window begins in the padding: 2x2 of its 3x3 pixels are real.
    assert float(sums[0, 0]) == 4
    # "same" would give 9 there for even sizes.
    last = 4 if size % 2 else 9
    assert float(sums[-1, -1]) == last


def test_extra_levels_of_300():
    inputs = keras.Input((19, 19, 8))
    maps = layers.extra_levels(inputs, num_strided=2, num_valid=2)
    assert [m.shape[1:] for m in maps] == [
        (10, 10, 512),
        (5, 5, 256),
        (3, 3, 256),
        (1, 1, 256),
    ]


def test_extra_levels_of_512():
    inputs = keras.Input((32, 32, 8))
    maps = layers.extra_levels(
        inputs, num_strided=4, num_valid=1, last_kernel=4
    )
    assert [m.shape[1:] for m in maps] == [
        (16, 16, 512),
        (8, 8, 256),
        (4, 4, 256),
        (2, 2, 256),
        (1, 1, 256),
    ]


def test_convolutions_begin_as_in_caffe():
    # Uniform within sqrt(3 / fan_in), biases zero.
    inputs = keras.Input((3, 3, 64))
    outputs = layers.conv_relu(inputs, 32, 3, name="c")
    kernel, bias = keras.Model(inputs, outputs).get_layer("c").get_weights()
    limit = np.sqrt(3 / (9 * 64))
    assert 0.99 * limit < np.abs(kernel).max() <= limit
    assert kernel.std() == pytest.approx(limit / np.sqrt(3), rel=0.03)
    assert not bias.any()


@pytest.mark.parametrize(
    "kernel_size, dilation, size",
    [
        (3, 6, (19, 19)),
        (3, (2, 3), (8, 5)),
        ((2, 5), 2, (6, 9)),
        (1, 4, (3, 3)),
    ],
)
def test_dilated_convolution_is_that_of_keras(kernel_size, dilation, size):
    """Outputs and gradients; more than half of fc6's taps are padding."""
    tf = pytest.importorskip("tensorflow")
    rng = np.random.default_rng(0)
    features = tf.constant(rng.normal(size=(2, *size, 4)), tf.float32)
    results = []
    for kind in (keras.layers.Conv2D, layers.DilatedConv2D):
        layer = kind(*(3, kernel_size), dilation_rate=dilation, padding="same")
        layer.build(features.shape)
        kernel = np.random.default_rng(1).normal(size=layer.kernel.shape)
        layer.set_weights([kernel, np.arange(3.0)])
        with tf.GradientTape() as tape:
            tape.watch(features)
            outputs = layer(features)
            total = tf.reduce_sum(outputs**2)
        weights = [v.value for v in layer.trainable_weights]
        results.append([outputs, *tape.gradient(total, [features, *weights])])
    for found, expected in zip(*results, strict=True):
        scale = float(tf.reduce_max(tf.abs(expected)))
        np.testing.assert_allclose(found, expected, atol=1e-5 * scale)


def test_fc6_is_not_tiled():
    inputs = keras.Input((19, 19, 8))
    outputs = layers.conv_relu(
        *(inputs, 4, 3), padding="same", dilation_rate=6, name="fc6"
    )
    tf = pytest.importorskip("tensorflow")
    network = tf.function(keras.Model(inputs, outputs)).get_concrete_function(
        tf.TensorSpec([None, 19, 19, 8])
    )
    kinds = {operation.type for operation in network.graph.get_operations()}
    assert "Conv2D" in kinds and not kinds & {"SpaceToBatchND", "SpaceToBatch"}
