"""A preset's network in LiteRT and ONNX: the numbers of the model itself."""

import dataclasses

import keras
import numpy as np
import pytest

from ssd_tf import PRESETS, build_detector, serving
from ssd_tf.models import default_weights
from ssd_tf.weights.imagenet import load_imagenet
from tests.serving import test_litert, test_onnx


@pytest.fixture(
    scope="module",
    params=[
        ("ssd300_tiny", "none"),
        ("ssd300_tiny", "fpn_lite"),
        ("ssd300_efficientnet_lite0", "none"),
    ],
    ids="-".join,
)
def preset(request):
    """A configuration, and its model with weights to begin with."""
    name, neck = request.param
    config = dataclasses.replace(PRESETS[name], neck=neck)
    keras.utils.set_random_seed(0)
    model = build_detector(config)
    if default_weights(config.backbone) == "imagenet":
        load_imagenet(model, config.backbone)
    return config, model


@pytest.mark.parametrize(
    "export, run, suffix",
    [
        (serving.export_litert, test_litert.run, ".tflite"),
        (serving.export_onnx, test_onnx.run, ".onnx"),
    ],
    ids=["litert", "onnx"],
)
def test_raw_outputs_of_a_preset(preset, tmp_path, export, run, suffix):
    config, model = preset
    path = tmp_path / f"model{suffix}"
    export(config, model, path, with_nms=False)
    images = np.random.default_rng(0).uniform(0, 255, (1, 300, 300, 3))
    found = run(path, images.astype(np.float32))
    for name, value in model(images).items():
        assert np.ptp(value) > 1.0  # not all the same
        np.testing.assert_allclose(found[name], value, atol=1e-3)


def test_raw_outputs_of_a_preset_as_saved_model(preset):
    config, model = preset
    module = serving.DetectionModule(config, model)
    images = np.random.default_rng(0).uniform(0, 255, (2, 300, 300, 3))
    found = module.raw_outputs(images.astype(np.float32))
    for name, value in model(images).items():
        np.testing.assert_allclose(found[name], value, atol=1e-3)


def test_raw_outputs_of_a_preset_in_8_bits(preset, tmp_path):
    """Quantised, the numbers are about the same."""
    config, model = preset
    path = tmp_path / "model.tflite"
    pictures = np.random.default_rng(0).uniform(0, 255, (3, 300, 300, 3))
    serving.export_litert(
        config,
        model,
        path,
        with_nms=False,
        quantization="int8",
        representative_images=pictures,
    )
    images = pictures[:1].round().astype(np.uint8)
    found = test_litert.run(path, images)
    for name, value in model(images).items():
        alike = np.corrcoef(found[name].ravel(), np.ravel(value))[0, 1]
        assert alike > 0.95
