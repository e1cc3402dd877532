"""Whole pictures of a split, from sources that are read in either way."""

import numpy as np
import pytest
from PIL import Image

from ssd_tf.data.pictures import read_pictures
from ssd_tf.data.shuffling import RandomAccess
from ssd_tf.data.sources.voc_folder import VocFolder
from tests.data.conftest import write_devkit

NAMES = [f"a{i}" for i in range(4)]


class InOrder:
    """A source that cannot be read at any position."""

    def __init__(self, source):
        self.dataset = source.dataset


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Pictures of 10, 11, 12 and 13 pixels' height."""
    root = tmp_path_factory.mktemp("pictures")
    write_devkit(root, 2007, {"val": {name: [] for name in NAMES}})
    voc = root / "VOCdevkit/VOC2007"
    for i, name in enumerate(NAMES):
        picture = Image.new("RGB", (100, 10 + i), (50 * i, 9, 9))
        picture.save(voc / f"JPEGImages/{name}.jpg", quality=100)
    return VocFolder(voc, class_names=("dog",))


@pytest.mark.parametrize("wrap", [lambda source: source, InOrder])
@pytest.mark.parametrize("positions", [(), (0,), (3, 1), range(4)])
def test_pictures_at_positions(folder, wrap, positions):
    source = wrap(folder)
    assert isinstance(source, RandomAccess) == (source is folder)
    found = read_pictures(source, "val", positions)
    assert sorted(found) == sorted(f"a{i}.jpg" for i in positions)
    for i in positions:
        pixels = found[f"a{i}.jpg"]
        assert pixels.shape == (10 + i, 100, 3) and pixels.dtype == np.uint8
        assert abs(pixels.astype(int) - (50 * i, 9, 9)).max() < 6
