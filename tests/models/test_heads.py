import dataclasses

import keras
import numpy as np
import pytest

from ssd_tf import PRESETS, InputError, build_anchors
from ssd_tf.models import Backbone, heads

PRESET_NAMES = sorted(PRESETS)


def kernels(model, kind=keras.layers.Conv2D):
    return {
        layer.name: tuple(layer.weights[0].shape)
        for layer in model.layers
        if isinstance(layer, kind)
    }


@pytest.mark.parametrize("name", PRESET_NAMES)
def test_ssdlite_is_an_option_of_every_preset(name, outline):
    config = dataclasses.replace(
        PRESETS[name], head="ssdlite", extras="ssdlite"
    )
    model = outline(config)
    num_anchors = len(build_anchors(config))
    assert model.output["logits"].shape == (None, num_anchors, 21)
    assert model.output["localisations"].shape == (None, num_anchors, 4)
    plain = {n: s for n, s in kernels(model).items() if "_mbox_" in n}
    depthwise = kernels(model, keras.layers.DepthwiseConv2D)
    assert len(plain) == 2 * len(config.feature_sizes)
    for head, (height, width, channels, _) in plain.items():
        assert (height, width) == (1, 1)
        assert depthwise[f"{head}_depthwise"] == (3, 3, channels, 1)
    assert [n for n in depthwise if n.startswith("extra")] == [
        f"extra{k}_depthwise"
        for k in range(1, sum(n.startswith("extra") for n in depthwise) + 1)
    ]
    assert not any(n.startswith(("conv6_1", "stage6")) for n in kernels(model))


def test_ssdlite_levels():
    inputs = keras.Input((10, 10, 16))
    maps = heads.ssdlite_levels(inputs, (5, 3, 1))
    assert [m.shape[1:] for m in maps] == [
        (5, 5, 512),
        (3, 3, 256),
        (1, 1, 256),
    ]
    model = keras.Model(inputs, maps)
    assert kernels(model) == {
        "extra1_reduce": (1, 1, 16, 256),
        "extra1_pointwise": (1, 1, 256, 512),
        "extra2_reduce": (1, 1, 512, 128),
        "extra2_pointwise": (1, 1, 128, 256),
        "extra3_reduce": (1, 1, 256, 128),
        "extra3_pointwise": (1, 1, 128, 256),
    }


def test_an_ssdlite_head_sees_its_neighbours_and_has_a_bias():
    inputs = keras.Input((3, 3, 1))
    outputs = heads.HEADS["ssdlite"](inputs, 2, name="h")
    model = keras.Model(inputs, outputs)
    model.get_layer("h_depthwise").set_weights([np.ones([3, 3, 1, 1], "f")])
    model.get_layer("h_depthwise_bn").epsilon = 0.0
    model.get_layer("h").set_weights(
        [np.array([1, 2], "f").reshape(1, 1, 1, 2), np.array([5, -5], "f")]
    )
    # Its 3x3 ones in the middle, 4 of them in the corner; cut at 6.
    found = model(np.ones([1, 3, 3, 1], "f"))[0]
    np.testing.assert_allclose(found[1, 1], [11, 7])
    np.testing.assert_allclose(found[0, 0], [9, 3])


def test_heads_keep_the_order_of_anchors_in_a_cell():
    features = keras.Input((2, 2, 1))
    outputs = heads.add_heads(
        [features],
        head="conv",
        names=["a"],
        boxes_per_cell=(2,),
        num_outputs=3,
    )
    model = keras.Model(features, outputs)
    kernel, bias = model.get_layer("a_mbox_conf").get_weights()
    assert kernel.shape == (3, 3, 1, 6)
    model.get_layer("a_mbox_conf").set_weights(
        [kernel * 0, np.arange(6, dtype="f")]
    )
    logits = model(np.ones([1, 2, 2, 1], "f"))["logits"][0]
    assert logits.numpy().tolist() == [[0, 1, 2], [3, 4, 5]] * 4


@pytest.mark.parametrize("kind", ["head", "extras", "neck"])
def test_an_unknown_part(kind, outline):
    config = dataclasses.replace(PRESETS["ssd300_tiny"], **{kind: "dense"})
    with pytest.raises(InputError, match=f"unknown {kind} 'dense'; known: "):
        outline(config)


def test_a_backbone_without_extra_levels(
    small_detector, small_network, outline
):
    config = dataclasses.replace(small_detector, extras="ssdlite")
    with pytest.raises(InputError, match="makes all 2 levels itself"):
        outline(config, backbone=small_network)


def test_a_backbone_from_outside_may_leave_the_extra_levels(
    small_detector, small_network, outline
):
    first = Backbone(build=lambda x, size: small_network.build(x, size)[:1])
    config = dataclasses.replace(small_detector, extras="ssdlite")
    model = outline(config, backbone=first)
    assert model.output["logits"].shape == (None, 320, 5)
    with pytest.raises(ValueError, match="feature_sizes has 8x8, 4x4"):
        outline(small_detector, backbone=first)
