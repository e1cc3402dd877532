import keras
import numpy as np
import pytest

from ssd_tf.models import mobile


def names_of(outputs, inputs):
    layers = keras.Model(inputs, outputs).layers[1:]
    return [layer.name for layer in layers]


def ones(model):
    """Gives every convolution a kernel of ones."""
    for layer in model.layers:
        if isinstance(
            layer, (keras.layers.Conv2D, keras.layers.DepthwiseConv2D)
        ):
            layer.set_weights([np.ones_like(w) for w in layer.get_weights()])
    return model


# Of an image of ones, the number of pixels that a window covers.
@pytest.mark.parametrize("filters", [1, None])
@pytest.mark.parametrize(
    "padding, size, strides, expected",
    [
        ("same", 4, 2, [[9, 6], [6, 4]]),
        ("symmetric", 4, 2, [[4, 6], [6, 9]]),
        ("same", 3, 2, [[4, 4], [4, 4]]),
        ("symmetric", 3, 2, [[4, 4], [4, 4]]),
        ("same", 2, 1, [[4, 4], [4, 4]]),
        ("symmetric", 2, 1, [[4, 4], [4, 4]]),
    ],
)
def test_padding(padding, size, strides, expected, filters):
    style = mobile.Style(padding=padding, epsilon=0.0, activation=None)
    inputs = keras.Input((size, size, 1))
    outputs = mobile.conv_bn(
        inputs, filters, 3, name="c", style=style, strides=strides
    )
    model = ones(keras.Model(inputs, outputs))
    np.testing.assert_array_equal(
        model(np.ones([1, size, size, 1], "f"))[0, :, :, 0], expected
    )


def test_conv_bn_has_the_style():
    style = mobile.Style(epsilon=0.25, momentum=0.5, activation="relu6")
    inputs = keras.Input((1, 1, 1))
    model = ones(
        keras.Model(inputs, mobile.conv_bn(inputs, 2, name="c", style=style))
    )
    assert [layer.name for layer in model.layers[1:]] == [
        *("c", "c_bn", "c_act")
    ]
    norm = model.get_layer("c_bn")
    norm.set_weights(np.array([[1, 1], [0, 3], [1, 1], [2, 2]], "f"))
    # (4 - 1) / sqrt(2 + 1/4) = 2, and 2 + 3; (16 - 1) / 1.5 = 10 is cut at 6.
    found = model(np.array([4, 16, -9], "f").reshape(3, 1, 1, 1))
    np.testing.assert_allclose(found[:, 0, 0], [[2, 5], [6, 6], [0, 0]])
    model(np.full([1, 1, 1, 1], 4, "f"), training=True)
    np.testing.assert_allclose(norm.moving_mean, [2.5, 2.5])


def test_inverted_residual():
    """One pixel of two channels, by hand: 2 x 4 + 2 x 4 = 16, and itself."""
    style = mobile.Style(epsilon=0.0, activation=None)
    inputs = keras.Input((1, 1, 2))
    outputs, tap = mobile.inverted_residual(
        inputs, 2, expanded=4, name="b", style=style
    )
    model = ones(keras.Model(inputs, [outputs, tap]))
    output, expanded = model(np.array([1, 3], "f").reshape(1, 1, 1, 2))
    assert output[0, 0, 0].numpy().tolist() == [17, 19]
    assert expanded[0, 0, 0].numpy().tolist() == [4] * 4
    assert model.count_params() == 2 * 4 + 4 * 9 + 4 * 2 + 4 * (4 + 4 + 2)


@pytest.mark.parametrize(
    "kwargs, last, size",
    [
        ({"strides": 2}, "b_project_bn", 4),
        ({"expanded": 3}, "b_add", 7),
        ({"filters": 5}, "b_project_bn", 7),
    ],
)
def test_where_a_block_adds_and_expands(kwargs, last, size):
    inputs = keras.Input((7, 7, 3))
    kwargs = {"filters": 3, "expanded": 6, "name": "b", **kwargs}
    outputs, tap = mobile.inverted_residual(
        inputs, **kwargs, style=mobile.Style()
    )
    names = names_of(outputs, inputs)
    assert names[-1] == last
    assert ("b_expand" in names) == (kwargs["expanded"] != 3)
    assert outputs.shape == (None, size, size, kwargs["filters"])
    assert tap.shape == (None, 7, 7, kwargs["expanded"])


def test_attention_is_behind_the_depthwise_convolution():
    inputs = keras.Input((7, 7, 3))
    outputs, _ = mobile.inverted_residual(
        inputs,
        3,
        expanded=3,
        name="b",
        style=mobile.Style(),
        attention=keras.layers.Identity(name="attention"),
    )
    names = names_of(outputs, inputs)
    assert names.index("attention") == names.index("b_depthwise_act") + 1


def test_depthwise_separable():
    inputs = keras.Input((5, 5, 3))
    outputs = mobile.depthwise_separable(
        inputs, 8, name="s", style=mobile.Style(), strides=2
    )
    assert outputs.shape == (None, 3, 3, 8)
    assert names_of(outputs, inputs) == [
        *("s_depthwise", "s_depthwise_bn", "s_depthwise_act"),
        *("s_pointwise", "s_pointwise_bn", "s_pointwise_act"),
    ]


@pytest.mark.parametrize("padding", ["same", "symmetric"])
def test_valid_replaces_the_padding_of_the_style(padding):
    outputs = mobile.depthwise_separable(
        keras.Input((3, 3, 2)),
        8,
        name="s",
        style=mobile.Style(padding=padding),
        padding="valid",
    )
    assert outputs.shape == (None, 1, 1, 8)


def test_a_depthwise_kernel_begins_as_wide_as_it_sees():
    inputs = keras.Input((5, 5, 512))
    outputs = mobile.conv_bn(inputs, None, 3, name="c", style=mobile.Style())
    (kernel,) = keras.Model(inputs, outputs).get_layer("c").get_weights()
    assert kernel.std() == pytest.approx((2 / 9) ** 0.5, rel=0.05)


def test_an_unknown_padding():
    with pytest.raises(ValueError, match="'same' or 'symmetric', got 'full'"):
        mobile.Style(padding="full")


def test_squeeze_excitation():
    """Means 2 and 6; 2 x 1 + 6 x 1 = 8 squeezed; 8 x -1/4 + 2 = 0 gives 1/2."""
    inputs = keras.Input((2, 1, 2))
    outputs = mobile.squeeze_excitation(inputs, squeezed=1, name="se")
    model = keras.Model(inputs, outputs)
    assert names_of(outputs, inputs) == [
        *("se_pool", "se_reduce", "se_expand", "se_scale")
    ]
    model.get_layer("se_reduce").set_weights(
        [np.ones([1, 1, 2, 1]), np.zeros(1)]
    )
    model.get_layer("se_expand").set_weights(
        [np.full([1, 1, 1, 2], -0.25), np.array([2.0, 8.0])]
    )
    found = model(np.array([[1, 4], [3, 8]], "f").reshape(1, 2, 1, 2))
    # hard_sigmoid(x) is (x + 3) / 6, between 0 and 1.
    np.testing.assert_allclose(found[0, :, 0], [[0.5, 4], [1.5, 8]], rtol=1e-6)
