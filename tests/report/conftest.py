"""Facts of runs to report on."""

import dataclasses

import numpy as np
import pytest

from ssd_tf import PRESETS, TrainConfig
from ssd_tf.evaluation import EvaluatedImage, Measurement
from ssd_tf.evaluation.anchor_coverage import Coverage
from ssd_tf.report import RunFacts

NAMES = ("cat", "<b>dog</b>")


def make_images(count, *, seed=0):
    """Images of two objects, of which each is found, missed or confused."""
    rng = np.random.default_rng(seed)
    images = []
    for k in range(count):
        truth = np.array([(0.1, 0.1, 0.4, 0.4), (0.5, 0.5, 0.9, 0.9)])
        labels = np.array([1, 2], np.int32)
        found = truth + rng.normal(0, 0.02, (2, 4))
        classes = np.where(rng.random(2) < 0.8, labels, 3 - labels)
        keep = rng.random(2) < 0.9
        images.append(
            EvaluatedImage(
                f"{k}.jpg",
                (60, 80),
                truth.astype(np.float32),
                labels,
                np.zeros(2, bool),
                np.zeros(2, bool),
                np.full(2, 0.1, np.float32),
                np.clip(found, 0, 1).astype(np.float32)[keep],
                rng.uniform(0.2, 1, 2).astype(np.float32)[keep],
                classes.astype(np.int32)[keep],
                position=k,
            )
        )
    return images


def make_facts(*, seed=0, steps=100, **changes):
    """Facts of a finished run of two classes."""
    images = make_images(12, seed=seed)
    measurement = Measurement(NAMES)
    for image in images:
        measurement.add(image)
    figures = {"step": steps, **measurement.figures()}
    log = [
        {
            "step": step,
            "kind": "training",
            "loss": 9 - step / 20,
            "classification": 5 - step / 30,
            "localisation": 4 - step / 60,
            "gradient_norm": 3.0,
            "images_per_second": 40.0,
            "learning_rate": 1e-3,
        }
        for step in range(20, steps + 1, 20)
    ]
    rng = np.random.default_rng(seed)
    return RunFacts(
        **{
            "name": f"run{seed}",
            "detector": dataclasses.replace(
                PRESETS["ssd300_tiny"], num_classes=2, class_names=NAMES
            ),
            "training": TrainConfig(steps=steps, seed=seed),
            "log": [*log, {"kind": "evaluation", **figures}],
            "result": figures,
            "starts": [
                {
                    "step": 0,
                    "command": ["python", "train.py", "--class=a b"],
                    "started_utc": "2026-01-02T03:04:05+00:00",
                    "devices": "2 CPU cores",
                    "images": {"train": 40},
                    "versions": {"keras": "3"},
                }
            ],
            "seconds": {"training": 3_700.0, "evaluation": 61.0},
            "images": images,
            "coverage": Coverage(
                rng.uniform(0.05, 0.9, (50, 2)).astype(np.float32),
                rng.uniform(0.3, 1.0, 50).astype(np.float32),
                rng.integers(1, 9, 50),
            ),
            "read_pictures": lambda positions: {
                f"{k}.jpg": np.full((60, 80, 3), 99, np.uint8)
                for k in positions
            },
            **changes,
        }
    )


@pytest.fixture
def facts():
    """(changes) -> facts."""
    return make_facts
