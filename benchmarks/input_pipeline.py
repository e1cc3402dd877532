"""Images per second of the input pipeline, by stage.

Run from the repository's root: `python benchmarks/input_pipeline.py`. Pictures
of 500 x 375 pixels with the detail of photographs are written as JPEG into a
folder in VOC layout, then read back the way training reads them:

    read       files and annotations in shuffled order
    decode     + JPEG to pixels
    geometry   + zoom-out, crop, resize to the input, flip
    augment    + colours: the whole policy
    whole      + targets of all anchors, batches: `training_batches`

All stages are measured in turns in one process, each over all cores, so that
what else runs on the machine slows all of them alike; a figure is the median
over the rounds. Prints one JSON line.
"""

import json
import os
import pathlib
import tempfile
import time

import numpy as np
import tensorflow as tf
from absl import app, flags
from photographs import HEIGHT_PX, WIDTH_PX, photograph_like, to_jpeg

import ssd_tf
from ssd_tf.data import augmentation, images, pipeline, shuffling
from ssd_tf.data.augmentation.policy import DistortColours
from ssd_tf.data.sources.voc_folder import VocFolder

_PRESET = flags.DEFINE_string("preset", "ssd300_vgg16", "Key of PRESETS.")
_POLICIES = flags.DEFINE_list("policies", ["ssd", "ssd_light"], "Policies.")
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 32, "Images per batch.")
_ROUNDS = flags.DEFINE_integer("rounds", 7, "Measurements of each figure.")
_BATCHES = flags.DEFINE_integer("batches", 8, "Batches in one measurement.")
_IMAGES = flags.DEFINE_integer("images", 256, "Pictures in the folder.")


def write_folder(root: pathlib.Path, num_images: int) -> float:
    """A VOC folder of noise with 1 to 5 objects -> mean size in KiB."""
    rng = np.random.default_rng(0)
    for folder in ("Annotations", "ImageSets/Main", "JPEGImages"):
        (root / folder).mkdir(parents=True)
    names = [f"{i:06d}" for i in range(num_images)]
    for name in names:
        encoded = to_jpeg(photograph_like(rng))
        (root / f"JPEGImages/{name}.jpg").write_bytes(encoded)
        (root / f"Annotations/{name}.xml").write_text(_annotation(rng))
    (root / "ImageSets/Main/train.txt").write_text("\n".join(names))
    sizes = [p.stat().st_size for p in (root / "JPEGImages").iterdir()]
    return float(np.mean(sizes)) / 1024


def _annotation(rng: np.random.Generator) -> str:
    objects = []
    for _ in range(rng.integers(1, 6)):
        side = rng.uniform(30, 250, 2)
        x, y = rng.uniform(0, 1, 2) * (WIDTH_PX - side[0], 370 - side[1])
        objects.append(
            "<object><name>noise</name><bndbox>"
            f"<xmin>{x:.0f}</xmin><ymin>{y:.0f}</ymin>"
            f"<xmax>{x + side[0]:.0f}</xmax><ymax>{y + side[1]:.0f}</ymax>"
            "</bndbox></object>"
        )
    return (
        f"<annotation><size><width>{WIDTH_PX}</width>"
        f"<height>{HEIGHT_PX}</height></size>{''.join(objects)}</annotation>"
    )


def stages(source, config: ssd_tf.DetectorConfig, policy: augmentation.Policy):
    """Name -> endless dataset whose elements are batches of images."""
    examples = shuffling.shuffled_examples(source, "train", seed=0)

    def mapped(function):
        return examples.map(function, tf.data.AUTOTUNE).batch(_BATCH_SIZE.value)

    def augmented(some_policy):
        return lambda example, seed: augmentation.augment(
            images.decode(example["image"]),
            example["gt_labels"],
            example["gt_boxes"],
            policy=some_policy,
            size=config.image_size,
            seed=seed,
        )[0]

    return {
        "read": mapped(lambda example, seed: example["image"]),
        "decode": mapped(lambda example, _: images.decode(example["image"])),
        "geometry": mapped(
            augmented([p for p in policy if not isinstance(p, DistortColours)])
        ),
        "augment": mapped(augmented(policy)),
        "whole": pipeline.training_batches(
            source,
            "train",
            encoder=ssd_tf.TargetEncoder(config),
            policy=policy,
            image_size=config.image_size,
            batch_size=_BATCH_SIZE.value,
            seed=0,
        ),
    }


def measure(datasets) -> dict[str, float]:
    """Images per second of each dataset, the median over the rounds."""
    iterators = {name: iter(data) for name, data in datasets.items()}
    speeds: dict[str, list[float]] = {name: [] for name in datasets}
    for _ in range(_ROUNDS.value + 1):  # the first one warms up
        for name, batches in iterators.items():
            for _ in range(3):  # what was fetched ahead
                next(batches)
            start = time.perf_counter()
            for _ in range(_BATCHES.value):
                next(batches)
            seconds = time.perf_counter() - start
            count = _BATCHES.value * _BATCH_SIZE.value
            speeds[name].append(count / seconds)
    return {name: round(np.median(v[1:]), 1) for name, v in speeds.items()}


def main(_):
    """Measures every policy."""
    config = ssd_tf.PRESETS[_PRESET.value]
    with tempfile.TemporaryDirectory() as folder:
        root = pathlib.Path(folder) / "voc"
        mean_kib = write_folder(root, _IMAGES.value)
        source = VocFolder(root)
        figures = {}
        for name in _POLICIES.value:
            policy = augmentation.POLICIES[name]
            figures[name] = measure(stages(source, config, policy))
    print(
        json.dumps(
            {
                "benchmark": "input_pipeline",
                "preset": _PRESET.value,
                "batch_size": _BATCH_SIZE.value,
                "cores": len(os.sched_getaffinity(0)),
                "mean_jpeg_kib": round(mean_kib, 1),
                "tensorflow": tf.__version__,
                "images_per_second": figures,
            }
        )
    )


if __name__ == "__main__":
    app.run(main)
