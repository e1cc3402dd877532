"""Small anchors, random objects and the plain rules."""

import importlib.util
import pathlib

import numpy as np
import pytest

from ssd_tf import DetectorConfig, build_anchors


@pytest.fixture(scope="session")
def plain_rules():
    """The module `plain_rules.py`, which no import path leads to."""
    path = pathlib.Path(__file__).with_name("plain_rules.py")
    spec = importlib.util.spec_from_file_location("plain_rules", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def small_anchors():
    """92 anchors on three levels, some centres beyond the border."""
    return build_anchors(
        DetectorConfig(
            backbone="tiny",
            image_size=64,
            feature_sizes=(4, 2, 1),
            steps_px=(17, 32, 64),
            min_sizes_px=(12, 24, 40),
            max_sizes_px=(24, 40, 64),
            aspect_ratios=((2,), (2, 3), (2,)),
        )
    )


@pytest.fixture(scope="session")
def random_objects():
    """Returns a function that makes labels [M] and boxes [M, 4]."""

    def make(rng, num_objects, *, snap=0):
        center = rng.uniform(0, 1, (num_objects, 2))
        side = np.exp(rng.uniform(np.log(0.03), 0, (num_objects, 2)))
        boxes = np.hstack([center - side / 2, center + side / 2])
        if snap:  # ties, collisions, boxes without area
            boxes = np.round(boxes * snap) / snap
        return (
            rng.integers(0, 4, num_objects).astype(np.int32),
            boxes.astype(np.float32),
        )

    return make
