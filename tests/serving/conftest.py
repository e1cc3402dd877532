"""Encoded images of several sizes and formats; a detector; the clients."""

import dataclasses
import functools
import importlib
import io
import pathlib
import sys
from typing import NamedTuple

import keras
import numpy as np
import pytest
from PIL import Image

from ssd_tf import DetectorConfig, TrainConfig, serving, training

_EXAMPLES = pathlib.Path(__file__).parents[2] / "examples"


def _encode(image, image_format):
    encoded = io.BytesIO()
    Image.fromarray(image).save(encoded, image_format)
    return encoded.getvalue()


@pytest.fixture(scope="session")
def pictures():
    """JPEG, PNG, BMP, gray PNG and gray JPEG, all of other sizes."""
    rng = np.random.default_rng(0)

    def blocks(height, width, *channels):
        coarse = rng.integers(0, 255, (height // 10, width // 10, *channels))
        return coarse.repeat(10, axis=0).repeat(10, axis=1).astype(np.uint8)

    return [
        _encode(blocks(60, 90, 3), "JPEG"),
        _encode(blocks(120, 80, 3), "PNG"),
        _encode(blocks(50, 50, 3), "BMP"),
        _encode(blocks(70, 110), "PNG"),
        _encode(blocks(40, 200), "JPEG"),
    ]


class Detector(NamedTuple):
    """The detector to export; images [4, 64, 64, 3] of coloured squares."""

    model: keras.Model
    config: DetectorConfig
    images: np.ndarray


@pytest.fixture(scope="session")
def detector(small_model, small_run):
    """The small detector with scores that are not all near 0 or 1.

    So tells the threshold apart, and none of few detections change places.
    """
    model = keras.models.clone_model(small_model)
    model.set_weights(small_model.get_weights())
    for layer in model.layers:
        if "_mbox_" in layer.name:
            layer.set_weights([0.2 * weight for weight in layer.get_weights()])
    config, _ = training.RunDir(small_run).read_configs()
    coarse = np.random.default_rng(0).integers(10, 246, (4, 8, 8, 3))
    images = coarse.repeat(8, axis=1).repeat(8, axis=2).astype(np.float32)
    config = dataclasses.replace(config, score_threshold=0.25)
    return Detector(model, config, images)


@pytest.fixture(scope="session")
def exported(detector, tmp_path_factory):
    """(format, options) -> what was exported; each is made once."""

    @functools.cache
    def call(name, **options):
        return serving.export(
            detector.config,
            TrainConfig(),
            detector.model,
            tmp_path_factory.mktemp(name),
            export_format=serving.EXPORT_FORMATS[name],
            options=options,
        ).path

    return call


@pytest.fixture(scope="session")
def reference(detector, pictures):
    """Detections of the pictures by the detector itself."""
    module = serving.DetectionModule(detector.config, detector.model)
    predictor = serving.Predictor(module.detect_pixels, ())
    return predictor.detect_batch(pictures)


@pytest.fixture
def clients(monkeypatch, capsys, tmp_path):
    """Name -> client: arguments -> exit status, stdout, lines of stderr."""
    monkeypatch.syspath_prepend(_EXAMPLES)
    monkeypatch.chdir(tmp_path)

    def get(name):
        module = importlib.import_module(f"{name}_client")

        def call(*arguments, server, model="shapes"):
            argv = [f"--model={model}", f"--server={server}", *arguments]
            monkeypatch.setattr(sys, "argv", ["client", *map(str, argv)])
            status = module.main()
            out, err = capsys.readouterr()
            return status, out, err.splitlines()

        return call

    yield get
    for name in ("rest_client", "grpc_client", "detections"):
        sys.modules.pop(name, None)


@pytest.fixture
def files(pictures, tmp_path):
    """The pictures in files."""
    paths = [tmp_path / f"{i}.image" for i in range(len(pictures))]
    for path, picture in zip(paths, pictures, strict=True):
        path.write_bytes(picture)
    return paths
