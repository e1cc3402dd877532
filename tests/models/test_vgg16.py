"""Names, shapes and numbers that weights of other projects depend on."""

import dataclasses

import keras
import numpy as np
import pytest

from ssd_tf import PRESETS, build_detector
from ssd_tf.models.vgg16 import subsample
from ssd_tf.weights.imagenet import load_imagenet


@pytest.fixture(scope="module")
def ssd300(outline):
    return outline(PRESETS["ssd300_vgg16"])


@pytest.fixture(scope="module")
def ssd512(outline):
    return outline(PRESETS["ssd512_vgg16"])


@pytest.fixture(scope="module")
def weighty():
    """SSD300 with weights."""
    return build_detector(PRESETS["ssd300_vgg16"])


@pytest.mark.parametrize(
    "name, num_classes, expected",
    [
        ("ssd300_vgg16", 20, 26_285_486),
        ("ssd512_vgg16", 20, 27_188_676),
        ("ssd300_vgg16", 80, 34_305_206),
        ("ssd300_vgg16", 90, 35_641_826),
        ("ssd512_vgg16", 80, 36_038_196),
        ("ssd512_vgg16", 90, 37_513_116),
    ],
)
def test_number_of_parameters(name, num_classes, expected, outline):
    config = dataclasses.replace(PRESETS[name], num_classes=num_classes)
    assert outline(config).count_params() == expected


def kernel_shapes(model):
    return {
        layer.name: layer.kernel.shape
        for layer in model.layers
        if isinstance(layer, keras.layers.Conv2D)
    }


BODY = {
    "conv1_1": (3, 3, 3, 64),
    "conv1_2": (3, 3, 64, 64),
    "conv2_1": (3, 3, 64, 128),
    "conv2_2": (3, 3, 128, 128),
    "conv3_1": (3, 3, 128, 256),
    "conv3_2": (3, 3, 256, 256),
    "conv3_3": (3, 3, 256, 256),
    "conv4_1": (3, 3, 256, 512),
    "conv4_2": (3, 3, 512, 512),
    "conv4_3": (3, 3, 512, 512),
    "conv5_1": (3, 3, 512, 512),
    "conv5_2": (3, 3, 512, 512),
    "conv5_3": (3, 3, 512, 512),
    "fc6": (3, 3, 512, 1024),
    "fc7": (1, 1, 1024, 1024),
    "conv6_1": (1, 1, 1024, 256),
    "conv6_2": (3, 3, 256, 512),
    "conv7_1": (1, 1, 512, 128),
    "conv7_2": (3, 3, 128, 256),
    "conv8_1": (1, 1, 256, 128),
    "conv8_2": (3, 3, 128, 256),
    "conv9_1": (1, 1, 256, 128),
    "conv9_2": (3, 3, 128, 256),
}
SOURCES = {
    "conv4_3_norm": (512, 4),
    "fc7": (1024, 6),
    "conv6_2": (512, 6),
    "conv7_2": (256, 6),
    "conv8_2": (256, 4),
    "conv9_2": (256, 4),
}


def heads(sources):
    shapes = {}
    for name, (channels, boxes) in sources.items():
        shapes[f"{name}_mbox_conf"] = (3, 3, channels, boxes * 21)
        shapes[f"{name}_mbox_loc"] = (3, 3, channels, boxes * 4)
    return shapes


def test_layers_have_caffes_names_at_300(ssd300):
    assert kernel_shapes(ssd300) == {**BODY, **heads(SOURCES)}
    assert ssd300.get_layer("conv4_3_norm").gamma.shape == (512,)


def test_layers_have_caffes_names_at_512(ssd512):
    last = {"conv10_1": (1, 1, 256, 128), "conv10_2": (4, 4, 128, 256)}
    sources = {**SOURCES, "conv8_2": (256, 6), "conv10_2": (256, 4)}
    assert kernel_shapes(ssd512) == {**BODY, **last, **heads(sources)}


def test_gamma_begins_at_20_and_biases_at_0(weighty):
    gamma = weighty.get_layer("conv4_3_norm").gamma
    np.testing.assert_array_equal(gamma, np.full(512, 20))
    for name in (*BODY, *heads(SOURCES)):
        assert not np.any(weighty.get_layer(name).bias), name


def map_sizes(model, names):
    return [model.get_layer(name).output.shape[1] for name in names]


def test_feature_maps(ssd300, ssd512):
    assert map_sizes(ssd300, SOURCES) == [38, 19, 10, 5, 3, 1]
    assert map_sizes(ssd512, [*SOURCES, "conv10_2"]) == [
        *(64, 32, 16, 8, 4, 2, 1)
    ]
    pools = [f"pool{k}" for k in range(1, 6)]
    assert map_sizes(ssd300, pools) == [150, 75, 38, 19, 19]


def test_fc6_is_atrous(ssd300):
    assert ssd300.get_layer("fc6").dilation_rate == (6, 6)
    assert ssd300.get_layer("pool5").pool_size == (3, 3)
    assert ssd300.get_layer("pool5").strides == (1, 1)


@pytest.mark.parametrize(
    "name, padded",
    [
        ("ssd300", ["conv6_2", "conv7_2"]),
        ("ssd512", ["conv6_2", "conv7_2", "conv8_2", "conv9_2", "conv10_2"]),
    ],
)
def test_extra_layers_are_padded_explicitly(name, padded, request):
    model = request.getfixturevalue(name)
    found = {
        layer.name: layer.padding
        for layer in model.layers
        if isinstance(layer, keras.layers.ZeroPadding2D)
    }
    assert found == {f"{n}_pad": ((1, 1), (1, 1)) for n in padded}
    for layer_name in padded:
        assert model.get_layer(layer_name).padding == "valid"


def test_pool4_takes_the_map_before_the_norm(ssd300):
    conv4_3 = ssd300.get_layer("conv4_3").output
    assert ssd300.get_layer("pool4").input is conv4_3
    assert ssd300.get_layer("conv4_3_norm").input is conv4_3


def test_fully_connected_layers_are_subsampled():
    # 7x7 taps, 2 inputs and 8 outputs, all of them distinct.
    kernel = np.arange(7 * 7 * 2 * 8, dtype=np.float32).reshape(98, 8)
    kernel, bias = subsample(
        [kernel, np.arange(8)], side=7, tap_stride=3, input_stride=1
    )
    assert kernel.shape == (3, 3, 2, 2)
    for y, x, channel, out in np.ndindex(*kernel.shape):
        # Taps 0, 3, 6 of seven and every fourth output.
        row = (3 * y * 7 + 3 * x) * 2 + channel
        assert kernel[y, x, channel, out] == row * 8 + 4 * out
    assert bias.tolist() == [0, 4]
    kernel, bias = subsample(
        [np.arange(64).reshape(8, 8), np.arange(8) + 1],
        side=1,
        tap_stride=1,
        input_stride=4,
    )
    # Row 4i, column 4j.
    assert kernel.tolist() == [[[[0, 4], [32, 36]]]]
    assert bias.tolist() == [1, 5]


class FakeLayer:
    def __init__(self, weights):
        self.weights = weights

    def get_weights(self):
        return self.weights


def test_imagenet_weights_go_to_the_layers_of_their_place(weighty, monkeypatch):
    """Without a network: Keras' model is replaced by made weights."""
    blocks = [name for name in BODY if name < "conv6" and name[:2] != "fc"]
    original = {name: weighty.get_layer(name).get_weights() for name in BODY}
    fake = {
        f"block{name[4]}_conv{name[6]}": FakeLayer(
            [np.full(BODY[name], k, "f"), np.full(BODY[name][-1:], -k, "f")]
        )
        for k, name in enumerate(blocks)
    }
    # Rows, or columns, that repeat one another take no memory.
    out = np.arange(4096, dtype=np.float32)
    fc1 = [np.broadcast_to(out, (25088, 4096)), out]
    fc2 = [np.broadcast_to(-out[:, None], (4096, 4096)), out + 1]
    fake |= {"fc1": FakeLayer(fc1), "fc2": FakeLayer(fc2)}

    class FakeVgg:
        def __init__(self, *, weights, include_top):
            assert weights == "imagenet" and include_top

        def get_layer(self, name):
            return fake[name]

    monkeypatch.setattr(keras.applications, "VGG16", FakeVgg)
    load_imagenet(weighty, "vgg16")
    assert len(blocks) == 13
    loaded = {name: weighty.get_layer(name).get_weights() for name in BODY}
    for name, weights in original.items():
        weighty.get_layer(name).set_weights(weights)
    for k, name in enumerate(blocks):
        kernel, bias = loaded[name]
        assert np.unique(kernel) == k and np.unique(bias) == -k
    kernel, bias = loaded["fc6"]
    np.testing.assert_array_equal(kernel[2, 1, 511], out[::4])
    np.testing.assert_array_equal(bias, out[::4])
    kernel, bias = loaded["fc7"]
    np.testing.assert_array_equal(kernel[0, 0, :, 1023], -out[::4])
    np.testing.assert_array_equal(bias, out[::4] + 1)
    np.testing.assert_array_equal(loaded["conv6_1"][0], original["conv6_1"][0])
