"""Names, shapes and numbers that weights of other projects depend on."""

import dataclasses

import keras
import numpy as np
import pytest

from ssd_tf import PRESETS, build_detector
from ssd_tf.models import load_imagenet
from ssd_tf.models.vgg16 import copy_fully_connected


@pytest.fixture(scope="module")
def ssd300():
    return build_detector(PRESETS["ssd300_vgg16"])


@pytest.fixture(scope="module")
def ssd512():
    return build_detector(PRESETS["ssd512_vgg16"])


def test_parameters_of_20_classes(ssd300, ssd512):
    assert ssd300.count_params() == 26_285_486
    assert ssd512.count_params() == 27_188_676


@pytest.mark.parametrize(
    "name, num_classes, expected",
    [
        ("ssd300_vgg16", 80, 34_305_206),
        ("ssd300_vgg16", 90, 35_641_826),
        ("ssd512_vgg16", 80, 36_038_196),
        ("ssd512_vgg16", 90, 37_513_116),
    ],
)
def test_parameters_of_coco(name, num_classes, expected):
    config = dataclasses.replace(PRESETS[name], num_classes=num_classes)
    assert build_detector(config).count_params() == expected


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


def test_gamma_begins_at_20_and_biases_at_0(ssd300):
    gamma = ssd300.get_layer("conv4_3_norm").gamma
    np.testing.assert_array_equal(gamma, np.full(512, 20))
    for name in (*BODY, *heads(SOURCES)):
        assert not np.any(ssd300.get_layer(name).bias), name


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


def made_weights():
    """fc1 and fc2 whose entries tell where they come from."""
    # Too large to be made of distinct floats: one axis at a time is told.
    y, x, c, out = 7, 7, 512, 4096
    kernel1 = np.zeros([y, x, c, out], np.float32)
    kernel1 += np.arange(y, dtype=np.float32)[:, None, None, None] * 100_000
    kernel1 += np.arange(x, dtype=np.float32)[:, None, None] * 10_000
    kernel1 += np.arange(out, dtype=np.float32)
    kernel1[:, :, 5, :] *= -1
    kernel2 = np.arange(4096 * 4096, dtype=np.float32).reshape(4096, 4096)
    bias = np.arange(4096, dtype=np.float32)
    return [kernel1.reshape(25088, 4096), bias], [kernel2, bias + 1]


def test_fc6_and_fc7_are_subsampled(ssd300):
    names = ["fc6", "fc7"]
    original = [ssd300.get_layer(name).get_weights() for name in names]
    fc1, fc2 = made_weights()
    copy_fully_connected(ssd300, fc1, fc2)
    kernel, bias = ssd300.get_layer("fc6").get_weights()
    kernel7, bias7 = ssd300.get_layer("fc7").get_weights()
    for name, weights in zip(names, original):
        ssd300.get_layer(name).set_weights(weights)
    # Taps 0, 3, 6 of seven and every fourth output.
    assert kernel[0, 0, 0, 1] == 4
    assert kernel[1, 0, 0, 0] == 300_000
    assert kernel[0, 2, 0, 0] == 60_000
    assert kernel[2, 1, 7, 1023] == 600_000 + 30_000 + 4092
    assert kernel[2, 1, 5, 1023] == -(600_000 + 30_000 + 4092)
    assert bias[[0, 1, 1023]].tolist() == [0, 4, 4092]
    # Row 4i, column 4j.
    assert kernel7[0, 0, 1, 2] == 4 * 4096 + 8
    assert bias7[[0, 1, 1023]].tolist() == [1, 5, 4093]


class FakeLayer:
    def __init__(self, weights):
        self.weights = weights

    def get_weights(self):
        return self.weights


def test_imagenet_weights_go_to_the_layers_of_their_place(ssd300, monkeypatch):
    """Without a network: Keras' model is replaced by made weights."""
    blocks = [name for name in BODY if name < "conv6" and name[:2] != "fc"]
    original = {name: ssd300.get_layer(name).get_weights() for name in BODY}
    fake = {
        f"block{name[4]}_conv{name[6]}": FakeLayer(
            [np.full(BODY[name], k, "f"), np.full(BODY[name][-1:], -k, "f")]
        )
        for k, name in enumerate(blocks)
    }
    fc1, fc2 = made_weights()
    fake |= {"fc1": FakeLayer(fc1), "fc2": FakeLayer(fc2)}

    class FakeVgg:
        def __init__(self, *, weights, include_top):
            assert weights == "imagenet" and include_top

        def get_layer(self, name):
            return fake[name]

    monkeypatch.setattr(keras.applications, "VGG16", FakeVgg)
    load_imagenet(ssd300, "vgg16")
    assert len(blocks) == 13
    loaded = {name: ssd300.get_layer(name).get_weights() for name in BODY}
    for name, weights in original.items():
        ssd300.get_layer(name).set_weights(weights)
    for k, name in enumerate(blocks):
        kernel, bias = loaded[name]
        assert np.unique(kernel) == k and np.unique(bias) == -k
    assert loaded["fc6"][0][0, 0, 0, 1] == 4
    np.testing.assert_array_equal(loaded["conv6_1"][0], original["conv6_1"][0])
