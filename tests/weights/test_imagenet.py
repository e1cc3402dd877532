"""Weights of ImageNet that cannot be had are explained in one line."""

import dataclasses
import inspect

import keras
import pytest

from ssd_tf import InputError
from ssd_tf.models import BACKBONES, efficientnet_lite
from ssd_tf.weights.imagenet import load_imagenet

PACKAGE = efficientnet_lite.BACKBONE.imagenet_package
DOWNLOADS = [
    name for name, backbone in BACKBONES.items() if backbone.download_imagenet
]


@pytest.fixture
def untouched():
    return keras.Sequential(name="never_touched")


@pytest.mark.parametrize("backbone", DOWNLOADS)
def test_a_failed_download_is_explained(backbone, monkeypatch, untouched):
    def unreachable(*args, weights="imagenet", **kwargs):
        assert weights == "imagenet"
        raise OSError("URL fetch failure on https://example.org: None")

    for name, network in list(vars(keras.applications).items()):
        if inspect.isfunction(network):
            monkeypatch.setattr(keras.applications, name, unreachable)
    with pytest.raises(
        InputError, match=f"'{backbone}' could not be downloaded .*URL fetch"
    ) as caught:
        load_imagenet(untouched, backbone)
    assert "\n" not in str(caught.value)


def test_a_backbone_without_imagenet_weights_says_so(untouched):
    with pytest.raises(InputError, match="'tiny' has no ImageNet weights"):
        load_imagenet(untouched, "tiny")


@pytest.mark.parametrize(
    "changes, expected",
    [
        ({"module": "no_package_of_this_name"}, "which is not installed"),
        (
            {"module": "ssd_tf"},
            "No such file or directory; expected the file of",
        ),
        (
            {"module": "ssd_tf", "file": "version.py"},
            r"version.py has SHA-256 \w{64}, exp",
        ),
    ],
    ids=["no package", "no file", "another file"],
)
def test_a_package_not_as_it_is_published(changes, expected, untouched):
    backbone = dataclasses.replace(
        efficientnet_lite.BACKBONE,
        imagenet_package=dataclasses.replace(PACKAGE, **changes),
    )
    with pytest.raises(InputError, match=expected) as caught:
        load_imagenet(untouched, "efficientnet_lite0", backbone=backbone)
    assert "\n" not in str(caught.value)
