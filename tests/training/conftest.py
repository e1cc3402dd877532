"""Devices, folders of pictures to train on, and runs."""

import dataclasses
import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from ssd_tf.data.sources.voc_folder import VocFolder
from ssd_tf.training import RunDir, TrainingRun, loop

_OBJECT = (
    "<object><name>dog</name><bndbox><xmin>8</xmin><ymin>4</ymin>"
    "<xmax>60</xmax><ymax>50</ymax></bndbox></object>"
)


@pytest.fixture(scope="module", autouse=True)
def small_graphs(no_grappler):
    """Most tests here build pipelines and steps of their own."""


@pytest.fixture(autouse=True)
def no_report(monkeypatch):
    """A fifth of the time of a small training; tests/report makes them."""
    monkeypatch.setattr(loop, "leave_report", lambda run_dir, source: None)


@pytest.fixture
def picture_folder(tmp_path):
    """(dog or not for each image) -> `VocFolder` of splits train and val."""
    root = tmp_path / "pictures"

    def write(*has_dog):
        for folder in ("Annotations", "ImageSets/Main", "JPEGImages"):
            (root / folder).mkdir(parents=True)
        names = [f"image{i}" for i in range(len(has_dog))]
        for name, there in zip(names, has_dog, strict=True):
            rng = np.random.default_rng(len(name))
            encoded = io.BytesIO()
            Image.fromarray(rng.integers(0, 255, (64, 80, 3), np.uint8)).save(
                encoded, "JPEG"
            )
            (root / f"JPEGImages/{name}.jpg").write_bytes(encoded.getvalue())
            (root / f"Annotations/{name}.xml").write_text(
                "<annotation><size><width>80</width><height>64</height>"
                f"</size>{_OBJECT if there else ''}</annotation>"
            )
        for split in ("train", "val"):
            (root / f"ImageSets/Main/{split}.txt").write_text("\n".join(names))
        return VocFolder(root, class_names=("cat", "dog"))

    return write


@pytest.fixture(scope="session")
def two_devices():
    """Two replicas. A second strategy would number its reductions anew."""
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


@pytest.fixture
def start(tmp_path, small_detector, small_train, shapes_source, small_network):
    """(name, **values of TrainConfig) -> a `TrainingRun` and its `RunDir`."""

    def begin(name, *, source=shapes_source, parts=None, **values):
        run_dir = RunDir(tmp_path / name)
        detector_config = dataclasses.replace(
            small_detector,
            num_classes=len(source.class_names),
            class_names=source.class_names,
        )
        train_config = dataclasses.replace(
            small_train,
            train_split=source.default_splits[0],
            eval_split=source.default_splits[1],
            **values,
        )
        run = TrainingRun(
            detector_config,
            train_config,
            source,
            run_dir,
            **{"backbone": small_network, **(parts or {})},
        )
        return run, run_dir

    return begin
