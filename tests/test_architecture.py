"""docs/architecture.md against the code."""

import pathlib
import re
import sys

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

import ssd_tf
from ssd_tf.data import pipeline, shuffling, sources
from ssd_tf.data.augmentation import POLICIES
from tests.data.conftest import write_devkit

PACKAGE = pathlib.Path(ssd_tf.__file__).parent
PAGE = (PACKAGE.parent / "docs/architecture.md").read_text()
NAMES = set(re.findall(r"`([\w/]+(?:\.py|/))`", PAGE))
WAY = re.search(r"## The way.*?(?=\n## )", PAGE, re.DOTALL)[0]
ON_THE_WAY = set(re.findall(r"`([\w/]+\.py)`", WAY))


@pytest.mark.parametrize("name", sorted(NAMES))
def test_what_is_named_is_there(name):
    places = (PACKAGE, PACKAGE / "data", PACKAGE.parent)
    assert any((place / name).exists() for place in places)


def test_every_room_is_named():
    rooms = {path.parent for path in PACKAGE.rglob("__init__.py")} - {PACKAGE}
    names = {f"{room.relative_to(PACKAGE).as_posix()}/" for room in rooms}
    assert names - {"data/"} <= NAMES


def test_the_way_of_a_picture(tmp_path, monkeypatch):
    """Functions of these files run for a JPEG, and of no others."""
    write_devkit(tmp_path, 2007, {"train": {"a": [("dog", 0, 9, 5, 50, 45)]}})
    folder = tmp_path / "VOCdevkit/VOC2007"
    pixels = np.random.default_rng(0).integers(0, 255, (50, 100, 3), np.uint8)
    Image.fromarray(pixels).save(folder / "JPEGImages/a.jpg")
    config = ssd_tf.PRESETS["ssd300_tiny"]
    encoder, loss = ssd_tf.TargetEncoder(config), ssd_tf.MultiBoxLoss()
    used = set()

    def note(frame, event, argument):
        used.add(frame.f_code.co_filename)

    how = {"encoder": encoder, "policy": POLICIES["ssd"], "image_size": 300}
    source = sources.SOURCES["voc_folder"](str(folder), None)
    sys.setprofile(note)
    try:
        shuffling.shuffled_examples(source, "train", seed=0)
        (example,) = source.dataset("train")
        batch = pipeline.prepare_example(example, tf.constant([0, 1]), **how)
        batch = tf.nest.map_structure(lambda tensor: tensor[None], batch)
        outputs = {
            "logits": tf.zeros([1, 8732, 21]),
            "localisations": tf.zeros([1, 8732, 4]),
        }
        loss(batch.targets, outputs)
    finally:
        sys.setprofile(None)
    files = {pathlib.Path(path) for path in used}
    names = {
        path.relative_to(PACKAGE).as_posix()
        for path in files
        if path.is_relative_to(PACKAGE)
    }
    assert names == ON_THE_WAY - {"data/sources/coco_folder.py"}
