"""Devices, and folders of pictures, to train on."""

import io

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from ssd_tf.data.sources.voc_folder import VocFolder

_OBJECT = (
    "<object><name>dog</name><bndbox><xmin>8</xmin><ymin>4</ymin>"
    "<xmax>60</xmax><ymax>50</ymax></bndbox></object>"
)


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
