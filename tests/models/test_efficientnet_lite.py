"""The published network: names, numbers, and what it sees."""

import pathlib

import numpy as np
import pytest
import tensorflow as tf

from ssd_tf import PRESETS, build_detector
from ssd_tf.data import images
from ssd_tf.models import efficientnet_lite
from ssd_tf.weights.imagenet import load_imagenet, read_package

RACCOONS = pathlib.Path(__file__).parents[3] / "shared/data/raccoon"
# Chelsea, the cat of scikit-image (Stefan van der Walt, CC0), 224 pixels.
CAT = pathlib.Path(__file__).parent / "files/cat.jpg"
# ImageNet's tabby, tiger cat, Persian, Siamese and Egyptian cat.
CATS = range(281, 286)
# Mammals of ImageNet's classes, from the chihuahua to the giant panda.
MAMMALS = range(151, 389)


@pytest.fixture(scope="module")
def classifier():
    model = efficientnet_lite.build_classifier()
    load_imagenet(model, "efficientnet_lite0")
    return model


@pytest.fixture(scope="module")
def tensors():
    return read_package(efficientnet_lite.BACKBONE.imagenet_package)


def test_every_published_tensor_has_a_place(classifier, tensors):
    names = efficientnet_lite.published_names()
    assert set(names) == {
        layer.name for layer in classifier.layers if layer.weights
    }
    owners = {name.rpartition(".")[0] for name in tensors}
    assert sorted(names.values()) == sorted(owners)
    learnt = [n for n in tensors if not n.endswith("num_batches_tracked")]
    assert classifier.count_params() == sum(tensors[n].size for n in learnt)
    # 4.7 million, as the authors say; the rest are moving statistics.
    trained = sum(v.shape.num_elements() for v in trained_of(classifier))
    assert trained == 4_652_008


def trained_of(model):
    return [v.value for v in model.trainable_variables]


def plain_network(x, tensors):
    """The classifier, from the tensors' names and TensorFlow's functions."""

    def bn(x, name):
        mean, variance, gamma, beta = (
            tensors[f"{name}.{part}"]
            for part in ("running_mean", "running_var", "weight", "bias")
        )
        return (x - mean) / np.sqrt(variance + 1e-3) * gamma + beta

    def conv(x, name, stride=1):
        kernel = tensors[f"{name}.weight"].transpose(2, 3, 1, 0)
        return tf.nn.conv2d(x, kernel, stride, "SAME")

    x = conv((x - 127.0) / 128.0, "_conv_stem", 2)
    x = tf.nn.relu6(bn(x, "_bn0"))
    strides = {1: 2, 3: 2, 5: 2, 11: 2}
    for block in range(16):
        name, y = f"_blocks.{block}", x
        if f"{name}._expand_conv.weight" in tensors:
            y = tf.nn.relu6(bn(conv(y, f"{name}._expand_conv"), f"{name}._bn0"))
        kernel = tensors[f"{name}._depthwise_conv.weight"]
        step = strides.get(block, 1)
        y = tf.nn.depthwise_conv2d(
            y, kernel.transpose(2, 3, 0, 1), [1, step, step, 1], "SAME"
        )
        y = tf.nn.relu6(bn(y, f"{name}._bn1"))
        y = bn(conv(y, f"{name}._project_conv"), f"{name}._bn2")
        x = x + y if x.shape == y.shape else y
    x = tf.nn.relu6(bn(conv(x, "_conv_head"), "_bn1"))
    x = tf.reduce_mean(x, [1, 2])
    return x @ tensors["_fc.weight"].T + tensors["_fc.bias"]


def test_against_a_plain_network(classifier, tensors):
    pixels = np.random.default_rng(0).uniform(0, 255, (2, 224, 224, 3))
    pixels = pixels.astype(np.float32)
    expected = plain_network(pixels, tensors)
    assert np.std(expected) > 0.1
    np.testing.assert_allclose(classifier(pixels), expected, atol=2e-5)


def test_a_cat_is_a_cat(classifier):
    pixels = images.decode(CAT.read_bytes())[None]
    assert pixels.shape == (1, 224, 224, 3)
    logits = classifier(pixels).numpy()[0]
    assert set(np.argsort(-logits)[:3]) == {281, 282, 285} < set(CATS)
    probabilities = np.exp(logits - logits.max())
    probabilities /= probabilities.sum()
    assert probabilities[CATS].sum() > 0.8


@pytest.mark.skipif(
    not RACCOONS.is_dir(), reason="shared/data/raccoon is absent"
)
def test_a_raccoon_is_a_mammal(classifier):
    """ImageNet has no raccoon; badger, skunk and fox are near."""
    paths = sorted(RACCOONS.glob("JPEGImages/*"))[::10]
    assert len(paths) == 20
    pixels = [
        images.resize(images.decode(path.read_bytes()), 224) for path in paths
    ]
    found = np.argmax(classifier(np.stack(pixels)), axis=-1)
    assert np.isin(found, MAMMALS).mean() >= 0.9


def test_the_detector_begins_with_these_weights(classifier):
    model = build_detector(PRESETS["ssd300_efficientnet_lite0"])
    head = model.get_layer("level0_mbox_conf").get_weights()
    load_imagenet(model, "efficientnet_lite0")
    names = set(efficientnet_lite.published_names()) - {"classes"}
    for name in names:
        for ours, theirs in zip(
            model.get_layer(name).get_weights(),
            classifier.get_layer(name).get_weights(),
            strict=True,
        ):
            np.testing.assert_array_equal(ours, theirs)
    for ours, before in zip(
        model.get_layer("level0_mbox_conf").get_weights(), head, strict=True
    ):
        np.testing.assert_array_equal(ours, before)
    assert not any(layer.name.startswith("_") for layer in model.layers)
