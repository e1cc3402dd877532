"""Learned weights into networks of few numbers."""

import dataclasses
import re

import keras
import numpy as np
import pytest

from ssd_tf import build_detector
from ssd_tf.errors import InputError
from ssd_tf.weights import WeightFile, networks
from ssd_tf.weights.transfer import LearnedLayers, format_rows, transfer
from tests.weights import peer_files

BOXES = 2


@pytest.fixture
def learned(toy_config):
    """A convolution and heads of three classes."""
    rng = np.random.default_rng(0)
    shapes = {
        "conv": [(1, 1, 3, 4), (4,)],
        "a_mbox_conf": [(1, 1, 4, BOXES * 4), (BOXES * 4,)],
        "a_mbox_loc": [(1, 1, 4, BOXES * 4), (BOXES * 4,)],
        "gone": [(2,)],
    }
    config = dataclasses.replace(
        toy_config, num_classes=3, class_names=("cat", "dog", "cow")
    )
    layers = {
        name: [rng.standard_normal(shape) for shape in layer]
        for name, layer in shapes.items()
    }
    return LearnedLayers("weights.pth", config, layers)


def build(num_classes, *, boxes=BOXES, conv="conv"):
    images = keras.Input((2, 2, 3))
    x = keras.layers.Conv2D(4, 1, name=conv)(images)
    channels = boxes * (num_classes + 1)
    conf = keras.layers.Conv2D(channels, 1, name="a_mbox_conf")(x)
    loc = keras.layers.Conv2D(boxes * 4, 1, name="a_mbox_loc")(x)
    return keras.Model(images, [conf, loc], name="toy")


def test_everything_but_other_classes_is_loaded(toy_config, learned):
    names = ("Cow", "horse", "cat", "pony")
    config = dataclasses.replace(toy_config, num_classes=4, class_names=names)
    model = build(4)
    first = model.get_layer("a_mbox_conf").get_weights()
    rows = transfer(config, model, learned, class_map="pony=dog")
    assert [(row.status, row.layer) for row in rows] == [
        ("loaded", "conv"),
        ("adapted", "a_mbox_conf"),
        ("loaded", "a_mbox_loc"),
        ("unused", "gone"),
    ]
    assert rows[1].reason == (
        "background and 3 of 4 classes: Cow (cow), cat, pony (dog); new: horse"
    )
    for name in ("conv", "a_mbox_loc"):
        for ours, theirs in zip(
            model.get_layer(name).get_weights(), learned.layers[name]
        ):
            np.testing.assert_array_equal(ours, theirs.astype("f4"))
    for ours, theirs, before in zip(
        model.get_layer("a_mbox_conf").get_weights(),
        learned.layers["a_mbox_conf"],
        first,
    ):
        # background, cow, horse, cat, pony of box 0, then of box 1
        chosen = theirs[..., [0, 3, 0, 1, 2, 4, 7, 4, 5, 6]].astype("f4")
        is_new = [False, False, True, False, False] * 2
        np.testing.assert_array_equal(ours, np.where(is_new, before, chosen))


def test_as_many_classes_of_other_names_are_no_match(toy_config, learned):
    names = ("red", "dog", "blue")
    config = dataclasses.replace(toy_config, num_classes=3, class_names=names)
    rows = transfer(config, build(3), learned)
    assert rows[1].status == "adapted"
    assert rows[1].reason.endswith("of 3 classes: dog; new: red, blue")


def test_the_same_classes_are_loaded_as_they_are(learned):
    model = build(3)
    rows = transfer(learned.detector_config, model, learned)
    assert [row.status for row in rows] == ["loaded"] * 3 + ["unused"]
    np.testing.assert_array_equal(
        model.get_layer("a_mbox_conf").get_weights()[1],
        learned.layers["a_mbox_conf"][1].astype("f4"),
    )


def test_without_names_the_count_decides(toy_config, learned):
    same = dataclasses.replace(toy_config, num_classes=3)
    assert transfer(same, build(3), learned)[1].status == "loaded"
    rows = transfer(toy_config, build(2), learned)
    assert rows[1].reason == "background and 0 of 2 classes; new: 1, 2"


def test_no_class_is_taken_where_none_is_asked_for(learned):
    rows = transfer(
        learned.detector_config, build(3), learned, class_map="none"
    )
    assert rows[1].reason.startswith("background and 0 of 3 classes; new: cat")


def test_layers_of_other_shapes_are_skipped(learned):
    model = build(3, boxes=3)
    before = model.get_layer("a_mbox_conf").get_weights()
    rows = transfer(learned.detector_config, model, learned)
    assert [(row.status, row.reason) for row in rows] == [
        ("loaded", ""),
        (
            "skipped",
            "shape [(1, 1, 4, 8), (8,)], expected [(1, 1, 4, 12), (12,)]",
        ),
        (
            "skipped",
            "shape [(1, 1, 4, 8), (8,)], expected [(1, 1, 4, 12), (12,)]",
        ),
        ("unused", "of the weights"),
    ]
    for one, other in zip(
        before, model.get_layer("a_mbox_conf").get_weights(), strict=True
    ):
        np.testing.assert_array_equal(one, other)


def test_weights_of_which_nothing_fits(learned):
    model = build(3, boxes=3, conv="stem")
    with pytest.raises(InputError) as caught:
        transfer(learned.detector_config, model, learned)
    assert str(caught.value) == (
        "weights.pth has no layer with the name and shape of one of toy; it is "
        "of ssd64_tiny: conv, a_mbox_conf, a_mbox_loc, ..."
    )


@pytest.mark.parametrize("kernel_size", [1, 3])
def test_statistics_go_with_their_convolution(learned, kernel_size):
    """Other networks have layers of the same names, too."""
    images = keras.Input((2, 2, 3))
    x = keras.layers.Conv2D(4, kernel_size, padding="same", name="conv")(images)
    x = keras.layers.BatchNormalization(name="conv_bn")(x)
    model = keras.Model(images, x, name="toy")
    learned.layers["conv_bn"] = [np.full(4, k, "f4") for k in range(4)]
    if kernel_size == 3:
        with pytest.raises(InputError, match="no layer with the name and sha"):
            transfer(learned.detector_config, model, learned)
        assert (model.get_layer("conv_bn").get_weights()[0] == 1).all()
        return
    rows = transfer(learned.detector_config, model, learned)
    assert [row.status for row in rows[:2]] == ["loaded", "loaded"]
    assert (model.get_layer("conv_bn").get_weights()[3] == 3).all()


def test_the_table(toy_config, learned):
    config = dataclasses.replace(
        toy_config, num_classes=1, class_names=("cat",), min_sizes_px=(20.0,)
    )
    rows = transfer(config, build(1, boxes=BOXES), learned)
    assert format_rows(config, learned, rows) == [
        "weights.pth: weights of ssd64_tiny",
        "  loaded     2  conv, a_mbox_loc",
        "  adapted    1  a_mbox_conf (background and 1 of 1 classes: cat)",
        "  unused     1  gone (of the weights)",
        "  note: the weights have other anchors (min_sizes_px), so boxes are "
        "learnt anew in part",
    ]


def test_a_backbone_alone():
    """torchvision's vgg16_features, whose classifier is not a number."""
    shapes = peer_files.vgg_shapes(300)
    base = sorted(n for n in shapes if re.fullmatch("conv[1-5]_[1-3]", n))
    tensors = {"classifier.0.weight": np.full((2, 2), np.nan, "f4")}
    tensors["classifier.0.bias"] = np.full(2, np.nan, "f4")
    indices = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)
    for name, index in zip(base, indices, strict=True):
        kernel, bias = shapes[name]
        kernel = tuple(kernel[axis] for axis in (3, 2, 0, 1))
        for kind, shape in (("weight", kernel), ("bias", bias)):
            tensors[f"features.{index}.{kind}"] = np.ones(shape, "f4")
    network = networks.identify(WeightFile("pytorch", tensors, {}))
    assert network.is_backbone
    config = network.detector_config
    model = build_detector(config)
    learned = LearnedLayers("features.pth", config, network.layers)
    rows = transfer(config, model, learned)
    loaded = [row.layer for row in rows if row.status == "loaded"]
    assert loaded == base
    assert {row.reason for row in rows if row.status == "skipped"} == {
        "not there"
    }
    for layer in model.layers:
        assert all(np.isfinite(w).all() for w in layer.get_weights())
